#!/usr/bin/python3
"""What the story relies on, without a boot: a wrong step stops it, a disk holds what it should."""
import contextlib
import io
import pathlib
import tempfile
import unittest

import disk
import machine as machines
import processes
import report as reports

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


class Disks(unittest.TestCase):
    """A device's disk, made and edited."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.disk = self.folder / "disk.img"
        data = self.folder / "data"
        data.mkdir()
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

    def test_an_image_larger_than_its_partition_is_refused(self):
        with open(self.folder / "big", "wb") as file:
            file.truncate((disk.place("root-b")[1] + 1) * disk.MIB)
        with self.assertRaisesRegex(processes.Failure, "does not fit into root-b"):
            disk.write_partition(self.disk, "root-b", self.folder / "big")


if __name__ == "__main__":
    unittest.main()
