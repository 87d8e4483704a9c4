"""What a virtual machine is made of, apart from what happens on it: firmware, TPM, disk, ports.

A new kind of machine (arm64 with U-Boot, GRUB) is a new `Machine` and a way to fill its disk; the
story does not change.
"""
import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Machine:
    """One kind of machine; the same for every boot of a story."""

    name: str
    qemu: str                     # program
    options: tuple[str, ...]      # processor, memory, board
    firmware_code: pathlib.Path   # read-only flash
    firmware_vars: pathlib.Path   # template of the flash that a machine keeps its variables in
    tpm_device: str
    loader: pathlib.Path          # what the firmware starts from the ESP
    loader_on_esp: str
    boot_limit: int               # seconds from reset to the command channel on a very busy host


X86_OVMF = Machine(
    name="x86-64, OVMF, systemd-boot",
    qemu="qemu-system-x86_64",
    options=("-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512"),
    firmware_code=pathlib.Path("/usr/share/OVMF/OVMF_CODE_4M.fd"),
    firmware_vars=pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.fd"),
    tpm_device="tpm-crb",
    loader=pathlib.Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi"),
    loader_on_esp="EFI/BOOT/BOOTX64.EFI",
    boot_limit=900,
)


@dataclasses.dataclass(frozen=True)
class Places:
    """The files that one machine of a story lives in."""

    folder: pathlib.Path  # sockets and flash
    disk: pathlib.Path
    serial_log: pathlib.Path

    @property
    def flash(self):
        """The firmware's variables."""
        return self.folder / "vars.fd"

    @property
    def channel(self):
        """Socket of the guest's command channel."""
        return self.folder / "channel"


def command_line(machine, places, tpm_socket):
    """The words that start QEMU."""
    return [
        machine.qemu, *machine.options, "-nodefaults", "-display", "none",
        "-chardev", f"file,id=log,path={places.serial_log},append=on", "-serial", "chardev:log",
        "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={machine.firmware_code}",
        "-drive", f"if=pflash,format=raw,unit=1,file={places.flash}",
        "-drive", f"if=none,id=disk,format=raw,file={places.disk}",
        "-device", "virtio-blk-pci,drive=disk,bootindex=0",
        "-chardev", f"socket,id=tpm,path={tpm_socket}",
        "-tpmdev", "emulator,id=tpm0,chardev=tpm",
        "-device", f"{machine.tpm_device},tpmdev=tpm0",
        "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=channel,path={places.channel},server=on,wait=off",
        "-device", "virtserialport,chardev=channel,name=pawl",
        "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
    ]
