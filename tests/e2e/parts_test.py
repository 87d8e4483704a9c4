#!/usr/bin/python3
"""What the story relies on, without a boot: a wrong step stops it, a disk holds what it should."""
import contextlib
import hashlib
import io
import pathlib
import tempfile
import unittest

import cuts
import disk
import efi_driver
import machine as machines
import processes
import report as reports
import story

UKI = b"MZ not a real image"


def quietly(action, *args):
    """Runs a step without its line on the terminal."""
    with contextlib.redirect_stdout(io.StringIO()):
        return action(*args)


class Report(unittest.TestCase):
    """The table."""

    def test_a_step_that_is_not_as_expected_stops_the_story_and_stays_in_the_table(self):
        report = reports.Report()
        quietly(report.expect, "one", "a", "a")
        with self.assertRaisesRegex(processes.Failure, "two: expected 'a', saw 'b'"):
            quietly(report.expect, "two", "a", "b")
        self.assertIn("BAD: b", report.text())

    def test_one_pcr_that_is_not_as_predicted_stops_the_story(self):
        report = reports.Report()
        quietly(report.pcr_values, "1.0.0", {4: "aa", 11: "bb"}, {4: "aa", 11: "bb", 12: "cc"})
        with self.assertRaisesRegex(processes.Failure, r"saw '\[11\]'"):
            quietly(report.pcr_values, "1.0.0", {4: "aa", 11: "bb"}, {4: "aa", 11: "cc"})


class Waits(unittest.TestCase):
    """Every wait has an end."""

    def test_a_condition_that_never_holds_is_named(self):
        with self.assertRaisesRegex(processes.Failure, "rain: not within 0 s"):
            processes.wait_until("rain", 0, lambda: False)

    def test_a_program_that_fails_is_named_with_its_last_words(self):
        with self.assertRaisesRegex(processes.Failure, "exit status 3: why"):
            processes.run("sh", "-c", "echo why >&2; exit 3")


class Cuts(unittest.TestCase):
    """What the console says of a call that stands still."""

    CUT = cuts.Cut("", "boot", "fsync", "/run/esp/loader/entries")

    def test_the_call_on_the_path_is_found_and_no_other(self):
        pattern = self.CUT.pattern()
        self.assertRegex("fsync(7</run/esp/loader/entries>", pattern)
        self.assertNotRegex("fsync(7</var/lib>)\n/run/esp/loader/entries", pattern)
        self.assertNotRegex('rename("/run/esp/loader/entries', pattern)


class Words(unittest.TestCase):
    """Phase words."""

    def test_a_phase_word_is_extended_as_its_sha256_without_a_zero(self):
        word = hashlib.sha256(b"ready").digest()
        self.assertEqual(story.extended("00" * 32, "ready"),
                         hashlib.sha256(bytes(32) + word).hexdigest())


class Driver(unittest.TestCase):
    """The driver that is dropped on the ESP."""

    def test_it_is_a_boot_service_driver_whose_code_ends_with_success(self):
        image = efi_driver.image()
        self.assertEqual(len(image), 1024)
        self.assertEqual(image[64:68], b"PE\0\0")
        self.assertEqual(image[0x58 + 68], efi_driver.BOOT_SERVICE_DRIVER)
        self.assertTrue(image[512:].startswith(efi_driver.CODE))


class Disks(unittest.TestCase):
    """A device's disk, made and edited."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.disk = self.folder / "disk.img"
        data = self.folder / "data"
        (data / "lib/pawl").mkdir(parents=True)
        (self.folder / "uki").write_bytes(UKI)
        (self.folder / "root").write_bytes(b"root" * 1024)
        disk.make(self.disk, machines.X86_OVMF, self.folder / "uki", self.folder / "root", data)

    def esp(self, name):
        """A file of the ESP."""
        disk.get_from_esp(self.disk, name, self.folder / "got")
        return (self.folder / "got").read_bytes()

    def test_a_new_device_has_its_loader_one_entry_and_one_boot_image(self):
        self.assertEqual(disk.list_esp(self.disk, disk.ENTRIES), ["pawl_1_a.conf"])
        self.assertEqual(self.esp(disk.FIRST_ENTRY).decode(), disk.FIRST_ENTRY_TEXT)
        self.assertEqual(self.esp(disk.UKI["a"]), UKI)
        self.assertEqual(self.esp(machines.X86_OVMF.loader_on_esp),
                         machines.X86_OVMF.loader.read_bytes())

    def test_a_root_lies_at_the_start_of_its_partition(self):
        disk.read_partition(self.disk, "root-a", self.folder / "got")
        self.assertEqual((self.folder / "got").read_bytes()[:4096], b"root" * 1024)

    def test_a_file_of_the_data_partition_is_replaced_and_a_new_one_made(self):
        for text in (b"first", b"second"):
            (self.folder / "file").write_bytes(text)
            disk.put_on_data(self.disk, self.folder / "file", "lib/pawl/file")
        disk.read_partition(self.disk, "pawl-data", self.folder / "data.img")
        out = processes.run("debugfs", "-R", "cat /lib/pawl/file", self.folder / "data.img")
        self.assertEqual(out, b"second")

    def test_an_image_larger_than_its_partition_is_refused(self):
        with open(self.folder / "big", "wb") as file:
            file.truncate((disk.place("root-b")[1] + 1) * disk.MIB)
        with self.assertRaisesRegex(processes.Failure, "does not fit into root-b"):
            disk.write_partition(self.disk, "root-b", self.folder / "big")


if __name__ == "__main__":
    unittest.main()
