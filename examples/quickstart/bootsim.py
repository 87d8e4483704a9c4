#!/usr/bin/python3
"""Boot simulator: plays the firmware, the boot loader and the initramfs of a device made of files.

    bootsim.py DEVICE [--cycles N] [--crash]

It shares no code with Pawl and obeys two things only: the boot-state file and the bytes in the
slots. DEVICE is a folder:

    boot/state                    one line: primary=a trial=b tries=3 bad=-
    slots/{a,b}/{uki.efi,rootfs.img}
    run/                          memory of the running system, emptied at every power cycle
    roots/                        files of the roots that ran before, by root hash
    tpm/, boot/loader.efi         when there: a TPM (swtpm.py) and the loader that is measured

One power cycle starts one image. A slot on trial with tries left is started after its tries were
lowered in one atomic store; without tries left, or marked bad, the primary slot is started. A slot
starts when its UKI is whole, its initramfs unpacks, and every block of its root file system
verifies against the root hash in the UKI's command line. Then run/ holds `booted` (one line,
slot=b boot_id=UUID), `cmdline`, and `root`, the files of that root.

With a TPM every start resets it and measures the bytes that are started (measure.py), before anything
judges them: run/eventlog is what the firmware logged. In a root with systemd-pcrphase its two words
follow in PCR 11, in no log.

Exit status: 0 a slot is up; 1 the slot that was chosen did not come up, the next power cycle
decides again; 2 misuse; 3 no slot can be started or the boot-state file is not as above.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import uuid

import measure
import pe
import swtpm

PCRPHASE = "usr/lib/systemd/systemd-pcrphase"  # a root with this measures how far it has come
PHASES = ("sysinit", "ready")  # with an initrd that does not: Debian's two kinds
STATE_LINE = re.compile(r"primary=([ab]) trial=([ab-]) tries=([0-9]) bad=(-|a|b|ab)\n")
NEEDED_SECTIONS = (".osrel", ".cmdline", ".initrd", ".linux")
MAX_UKI = 256 << 20
UP, SLOT_FAILED, NOTHING_TO_START = 0, 1, 3


class BootFailure(Exception):
    """The chosen slot does not come up; the text says why."""


class DeadDevice(Exception):
    """There is nothing the boot loader may start; the text says why."""


def say(text):
    """One line of what the machine does."""
    print(f"bootsim: {text}", flush=True)


class State:
    """The boot-state file."""

    def __init__(self, text):
        match = STATE_LINE.fullmatch(text)
        if not match:
            raise DeadDevice(f"boot-state file is not one line "
                             f"`primary=a trial=b tries=3 bad=-`: {text[:80]!r}")
        self.primary, self.trial, tries, self.bad = match.groups()
        self.tries = int(tries)
        if self.trial == self.primary:
            raise DeadDevice(f"boot-state file has the primary slot {self.primary} on trial")
        if self.trial == "-" and self.tries:
            raise DeadDevice(f"boot-state file counts {self.tries} tries without a trial slot")

    def line(self):
        """The text of the file."""
        return f"primary={self.primary} trial={self.trial} tries={self.tries} bad={self.bad}\n"


def load_state(path):
    """The state in the file `path`."""
    try:
        return State(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise DeadDevice(f"boot-state file: {error}") from error


def store_state(path, state):
    """Replaces the file in one atomic step: temporary file, fsync, rename, fsync of the folder."""
    fresh = path.with_name(path.name + ".loader")
    with open(fresh, "w", encoding="ascii") as file:
        file.write(state.line())
        file.flush()
        os.fsync(file.fileno())
    os.rename(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def choose(state):
    """What the boot loader starts: (slot, reason, whether a try is used up)."""
    if state.trial != "-" and state.trial not in state.bad:
        if state.tries > 0:
            return state.trial, f"slot {state.trial} is on trial, tries {state.tries}", True
        why = f"slot {state.trial} used up its tries, back to the primary slot {state.primary}"
    elif state.trial != "-":
        why = f"slot {state.trial} is on trial but marked bad, back to slot {state.primary}"
    else:
        why = f"slot {state.primary} is the primary slot"
    if state.primary in state.bad:
        raise DeadDevice(f"the primary slot {state.primary} is marked bad")
    return state.primary, why, False


def run(*command):
    """Shows a command and runs it; BootFailure with its last words when it fails."""
    print("$ " + " ".join(str(c) for c in command).replace(os.getcwd() + "/", ""), flush=True)
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise BootFailure(f"{command[0]}: {words[-1]}")


def read_uki(path):
    """The sections of the UKI as name -> bytes, the way the firmware would load them."""
    try:
        if path.stat().st_size > MAX_UKI:
            raise BootFailure(f"uki.efi is larger than {MAX_UKI} bytes")
        data = path.read_bytes()
        found = {s.name: pe.content(data, s) for s in pe.sections(data)}
    except OSError as error:
        raise BootFailure(f"uki.efi: {error.strerror}") from error
    except pe.PeError as error:
        raise BootFailure(f"uki.efi: {error}") from error
    missing = [name for name in NEEDED_SECTIONS if not found.get(name)]
    if missing:
        raise BootFailure(f"uki.efi has no section {missing[0]}")
    if found[".linux"][:2] != b"MZ":
        raise BootFailure("uki.efi: section .linux is no kernel with an EFI entry")
    return found


def words_of(cmdline):
    """Root hash and position of the hash tree, as the initramfs looks for them: each once."""
    values = {}
    for word in cmdline.split():
        key, equals, value = word.partition("=")
        if not equals or key not in ("roothash", "pawl.hashoffset"):
            continue
        if key in values:
            raise BootFailure(f"{key} stands twice on the command line")
        values[key] = value
    if not re.fullmatch("[0-9a-f]{64}", values.get("roothash", "")):
        raise BootFailure("no root hash on the command line")
    if not re.fullmatch("[0-9]{1,15}", values.get("pawl.hashoffset", "")):
        raise BootFailure("no position of the hash tree on the command line")
    return values["roothash"], values["pawl.hashoffset"]


def measure_boot(device, uki):
    """Firmware, loader and stub measure what they start."""
    if not (device / "tpm").is_dir():
        return
    loader = (device / "boot/loader.efi").read_bytes()
    try:
        events = measure.firmware_events() + measure.loader_events(loader, uki.read_bytes())
    except pe.PeError as error:
        raise BootFailure(f"the firmware loads no such image: {error}") from error
    swtpm.extend(device / "tpm", measure.extend_words(events))
    (device / "run/eventlog").write_bytes(measure.log_bytes(events))
    say(f"{len(events)} events measured into the TPM, their log is run/eventlog")


def measure_phases(device):
    """The phase words of systemd in a root that came up."""
    if not (device / "tpm").is_dir() or not (device / "run/root" / PCRPHASE).exists():
        return
    swtpm.extend(device / "tpm", measure.extend_words(map(measure.phase_event, PHASES)))
    say("phases measured into PCR 11: " + " ".join(PHASES))


def start_slot(device, slot):
    """Kernel and initramfs of one slot: checks everything, leaves the root in run/root."""
    folder, memory = device / "slots" / slot, device / "run"
    sections = read_uki(folder / "uki.efi")
    measure_boot(device, folder / "uki.efi")
    say(f"slot {slot}: uki.efi is whole, {len(sections['.linux'])} bytes of kernel")
    initrd = memory / "initrd"
    initrd.write_bytes(sections[".initrd"])
    run("zstd", "-q", "--test", initrd)
    initrd.unlink()
    cmdline = sections[".cmdline"].decode("ascii", "replace")
    say(f"slot {slot}: command line: {cmdline}")
    roothash, offset = words_of(cmdline)
    rootfs = folder / "rootfs.img"
    run("veritysetup", "verify", f"--hash-offset={offset}", rootfs, rootfs, roothash)
    mount_root(device, rootfs, roothash)
    (memory / "cmdline").write_text(cmdline + "\n", encoding="utf-8")


def mount_root(device, rootfs, roothash):
    """The files of a root that verified. Once for each hash: what verifies to it never changes, and ext4
    takes seconds to make thousands of files where as many were just removed."""
    kept, root = device / "roots" / roothash, device / "run/root"
    if kept.exists():
        kept.rename(root)
    else:
        run("fsck.erofs", f"--extract={root}", rootfs)
    (device / "run/roothash").write_text(roothash, encoding="ascii")


def forget_memory(device):
    """An empty run/."""
    memory = device / "run"
    if (memory / "roothash").exists():
        kept = device / "roots" / (memory / "roothash").read_text(encoding="ascii")
        kept.parent.mkdir(exist_ok=True)
        (memory / "root").rename(kept)
    shutil.rmtree(memory, ignore_errors=True)
    memory.mkdir()


def pretty_name(root):
    """The name of the release that runs."""
    text = (root / "usr/lib/os-release").read_text(encoding="utf-8")
    found = re.search('^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)
    return found.group(1) if found else "a release without a name"


def power_cycle(device, crash):
    """One power cycle; returns the exit status."""
    memory = device / "run"
    forget_memory(device)
    if (device / "tpm").is_dir():
        swtpm.power_on(device / "tpm")
        say("the TPM is reset: all PCRs are at their start")
    path = device / "boot/state"
    state = load_state(path)
    say(f"power on; boot state: {state.line().strip()}")
    slot, why, counted = choose(state)
    say(why)
    if counted:
        state.tries -= 1
        store_state(path, state)
        say(f"stored before the start: {state.line().strip()}")
    try:
        start_slot(device, slot)
    except BootFailure as error:
        say(f"slot {slot} does not boot: {error}")
        return SLOT_FAILED
    if crash:
        say(f"slot {slot}: the kernel runs, userspace never comes up (--crash)")
        return SLOT_FAILED
    measure_phases(device)
    boot_id = uuid.uuid4()
    (memory / "booted").write_text(f"slot={slot} boot_id={boot_id}\n", encoding="ascii")
    say(f"up: {pretty_name(memory / 'root')} in slot {slot}, boot {boot_id}")
    return UP


def main():
    """Runs power cycles until a slot is up or there are none left."""
    parser = argparse.ArgumentParser(description="simulate power cycles of a device of files")
    parser.add_argument("device", type=pathlib.Path, metavar="DEVICE")
    parser.add_argument("--cycles", type=int, default=1, metavar="N",
                        help="switch off and on again after a failed start, N starts at most")
    parser.add_argument("--crash", action="store_true",
                        help="the kernel starts but userspace never comes up")
    args = parser.parse_args()
    if args.cycles < 1 or not args.device.is_dir():
        parser.error("need an existing device folder and at least one cycle")
    status = SLOT_FAILED
    try:
        for _ in range(args.cycles):
            status = power_cycle(args.device, args.crash)
            if status == UP:
                break
    except (DeadDevice, swtpm.TpmError) as error:
        say(f"the device does not start: {error}")
        status = NOTHING_TO_START
    sys.exit(status)


if __name__ == "__main__":
    main()
