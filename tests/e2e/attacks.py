"""What somebody with the disk, or with a second machine, may try: nothing of it opens the state.

Every attack starts from the same kept disk and the same TPM, is one boot, and is compared with the
honest boot of the release: which bound PCRs moved, and how the state was refused.
"""
import dataclasses
import re
import typing

import disk
import efi_driver
import swtpm

RUNNING = "a"  # the slot of the release that is attacked
DRIVER = "EFI/systemd/drivers/pawlx64.efi"  # systemd-boot starts what is there before the entry
HANDOVER = "/run/pawl/cell"  # the text of the cell, from the updater to the vault: not a secret
CLOSED = "refused, exit status 40"
COMMAND_LINE = re.compile(rb"console=[ -~]+ pawl\.hashoffset=[0-9]+")
PANIC = "initramfs: no root file system verifies against"


@dataclasses.dataclass(frozen=True)
class Attack:
    """One attack: what it does to a machine that is off, and what must come of it."""

    what: str
    prepare: typing.Callable
    moved: tuple[int, ...]  # bound PCRs that differ from the honest boot's
    refusal: str            # the updater's own words
    tpm_says: str = "PolicyAuthorizeNV: this boot state is not in the cell"


def _edit_on_esp(device, name, change):
    """Changes the bytes of one file of the ESP."""
    file = device.places.folder / "edited"
    disk.get_from_esp(device.places.disk, name, file)
    file.write_bytes(change(file.read_bytes()))
    disk.put_on_esp(device.places.disk, file, name)


def _entry(device):
    """The entry that starts the running slot."""
    names = disk.list_esp(device.places.disk, disk.ENTRIES)
    return next(f"{disk.ENTRIES}/{name}" for name in names if name.endswith(f"_{RUNNING}.conf"))


def drop_driver(device):
    """A driver that the loader starts before it starts the release."""
    file = device.places.folder / "driver.efi"
    file.write_bytes(efi_driver.image())
    disk.put_on_esp(device.places.disk, file, DRIVER)


def add_options(device):
    """The loader's entry gets a command line, which stands in for the one in the boot image."""
    uki = device.work / "firmware/1.4.0/uki.efi"
    text = COMMAND_LINE.search(uki.read_bytes())[0] + b" systemd.debug_shell"
    _edit_on_esp(device, _entry(device), lambda entry: entry + b"options " + text + b"\n")


def edit_command_line(device):
    """One digit of the command line inside the boot image; its root hash stays right."""
    _edit_on_esp(device, disk.UKI[RUNNING],
                 lambda uki: uki.replace(b" panic=5 ro ", b" panic=0 ro "))


def old_release(device):
    """1.0.0 as it was signed in its day, with its root, boot image and manifest, in both slots."""
    firmware, places = device.work / "firmware/1.0.0", device.places
    for slot in "ab":
        disk.put_on_esp(places.disk, firmware / "uki.efi", disk.UKI[slot])
        disk.write_partition(places.disk, f"root-{slot}", firmware / "rootfs.img")
        disk.put_on_data(places.disk, device.work / "manifests/1.0.0.json",
                         f"lib/pawl/installed/{slot}.manifest.json")


def other_roots(device):
    """Both root partitions hold whole verity images of other releases."""
    for slot, version in (("a", "1.3.0"), ("b", "1.0.0")):
        disk.write_partition(device.places.disk, f"root-{slot}",
                             device.work / "firmware" / version / "rootfs.img")


def other_tpm(device):
    """The same disk in a machine with another chip."""
    device.chip = device.places.folder / "other-tpm"
    swtpm.manufacture(device.chip)


OTHER_BOOT = ("the cell holds none of the texts that this boot and the releases of the two slots "
              "lead to")
OTHER_BOARD = "the storage root key is gone: cleared TPM or other board"
ATTACKS = (
    Attack("driver dropped on the ESP", drop_driver, (2,), OTHER_BOOT),
    Attack("options in the loader's entry", add_options, (9, 12), OTHER_BOOT),
    Attack("command line edited in the boot image", edit_command_line, (4, 9, 11), OTHER_BOOT),
    Attack("1.0.0 copied back with its manifest", old_release, (4, 9, 11), OTHER_BOOT),
    Attack("disk moved to a machine with another TPM", other_tpm, (), OTHER_BOARD, OTHER_BOARD),
)


class Attacks:
    """Runs them all against a device whose honest boot is the one that runs now."""

    def __init__(self, device, report, honest):
        self.device = device
        self.report = report
        self.honest = honest  # PCR -> value of the honest boot
        self.handover = device.vm.read(HANDOVER)

    def run(self, attack):
        """One attack, one boot."""
        device, report = self.device, self.report
        attack.prepare(device)
        device.power_on()
        device.wait_up()
        report.boot(attack.what, device.vm.seconds[-1])
        real = device.pcrs("1.4.0").values
        moved = [pcr for pcr, value in sorted(self.honest.items()) if real[pcr] != value]
        report.expect(f"{attack.what}: PCRs that moved", list(attack.moved), moved)
        report.expect(f"{attack.what}: sealed state at start", "refused: tpm",
                      device.sealed_state())
        report.expect(f"{attack.what}: why", attack.refusal, device.closed())
        report.expect(f"{attack.what}: the vault", CLOSED, device.vault("get", "agent"))
        device.vm.write(HANDOVER, self.handover)
        told = device.vault("get", "agent")
        report.expect(f"{attack.what}: the vault, told what the honest boot knew",
                      f"{CLOSED}, {attack.tpm_says}", f"{told}, {device.vault_problem()}")

    def swap_roots(self, root_hash):
        """No root of the right hash: not even a shell."""
        device, report = self.device, self.report
        other_roots(device)
        device.power_on()
        device.vm.wait_for("the kernel gives up", "Kernel panic")
        report.boot("both roots swapped for others", device.vm.seconds[-1])
        report.expect("both roots swapped for others: the initramfs", True,
                      f"{PANIC} {root_hash}" in device.vm.console())

    def tell(self, root_hash):
        """Each attack on the kept disk; the device is off and whole again afterwards."""
        device, chip = self.device, self.device.chip
        device.shut_down()
        device.keep()
        for attack in ATTACKS:
            self.run(attack)
            device.put_back()
            device.chip = chip
        self.swap_roots(root_hash)
        device.put_back()
