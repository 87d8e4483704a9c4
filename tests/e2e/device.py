"""One device of the story: a machine, its disk, its TPM; what it says of itself."""
import json
import re
import shutil

import disk
import machine as machines
import pcr_record
import processes
import swtpm
import vm

LOADER_VARIABLES = "/sys/firmware/efi/efivars"
LOADER_GUID = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
ROOT_OPENED = re.compile(r"initramfs: root is on \w+, root hash (\w+)")


class Device:
    """Files below `folder`; on or off."""

    def __init__(self, machine, folder, work):
        self.machine = machine
        self.work = work
        self.places = machines.Places(folder, folder / "disk.img",
                                      work / "logs" / f"{folder.name}.serial.log")
        self.chip = folder / "tpm"
        self.certificate = None  # of the chip's endorsement key
        self.vm = None

    def manufacture(self, version):
        """A new device with this release in slot a and a TPM of its own."""
        disk.remove(self.places.folder)
        data = self.places.folder / "data"
        installed = data / "lib/pawl/installed"  # the partition is mounted on /var
        installed.mkdir(parents=True)
        shutil.copyfile(self.work / "manifests" / f"{version}.json", installed / "a.manifest.json")
        firmware = self.work / "firmware" / version
        disk.make(self.places.disk, self.machine, firmware / "uki.efi", firmware / "rootfs.img",
                  data)
        self.certificate = swtpm.manufacture(self.chip)

    def power_on(self):
        """Switches on; `wait_up` sees the first boot."""
        self.places.serial_log.parent.mkdir(parents=True, exist_ok=True)
        self.vm = vm.Vm(self.machine, self.places, self.chip)

    def power_off(self):
        """Pulls the plug."""
        if self.vm:
            self.vm.power_off()
        self.vm = None

    def shut_down(self):
        """Switches off in an orderly way."""
        self.vm.send("systemctl --no-block poweroff")
        self.vm.wait_off()
        self.power_off()

    def keep(self):
        """Remembers disk and firmware variables of the machine that is off."""
        for file in (self.places.disk, self.places.flash):
            disk.copy(file, file.with_suffix(".kept"))

    def put_back(self):
        """Disk and firmware variables as they were kept; the TPM forgets nothing."""
        self.power_off()
        for file in (self.places.disk, self.places.flash):
            disk.copy(file.with_suffix(".kept"), file)

    def wait_up(self, boots=1):
        """Waits for the next boot that reaches its command channel, `boots` boots away at most."""
        self.vm.wait_up(self.machine.boot_limit * boots)

    def restart(self):
        """Orderly restart."""
        self.vm.forget_console()
        self.vm.reboot()

    def updater(self, *words):
        """Runs pawl-updater; its answer, with the JSON in it parsed as `.json` of the pair."""
        answer = self.vm.ask(f"pawl-updater {' '.join(words)} --json --progress none 2>/dev/null")
        try:
            return answer.status, json.loads(answer.text)
        except ValueError as error:
            raise processes.Failure(f"pawl-updater {words}: {answer.text[:300]}") from error

    def status(self):
        """What `pawl-updater status` says."""
        return self.updater("status")[1]

    def started_with(self, what):
        """The JSON that a start-up step (boot, trial) left behind."""
        return json.loads(self.vm.read(f"/run/{what}.json"))

    def closed(self):
        """Why the sealed state does not open; empty when it does."""
        return self.status().get("closed", "")

    def sealed_state(self):
        """How the start-up step found the state that is sealed to the TPM."""
        boot = self.started_with("boot")
        if boot.get("ok") is False:
            return f"refused: {boot['error']}"
        handed_on = self.vm.ask("test -s /run/pawl/cell").status == 0
        return f"open, floor: {boot['floor']}" if handed_on else "not handed on"

    def vault(self, verb, name=""):
        """Runs pawl-vault; what it printed, or how it was refused."""
        answer = self.vm.ask(f"pawl-vault {verb} {name} 2>/run/vault.problem")
        if answer.status:
            return f"refused, exit status {answer.status}"
        return answer.text

    def vault_problem(self):
        """What pawl-vault said on its error output last: its first line."""
        text = self.vm.ask("head -n 1 /run/vault.problem").text
        return text.removeprefix("pawl-vault: ")

    def running(self):
        """`<version> in <slot>, <state>`: what runs, in a form for the table."""
        status = self.status()
        return f"{self.version()} in {status.get('running')}, {status.get('state')}"

    def version(self):
        """The release that runs, by its own root."""
        return self.vm.ask(". /etc/os-release && echo $VERSION_ID").text

    def root_hash(self):
        """The root that the initramfs of the newest boot opened, by the serial console."""
        found = ROOT_OPENED.findall(self.vm.console())
        return found[-1] if found else "none"

    def root_hash_of(self, version):
        """The root hash of a release, by the notes of its builder."""
        info = (self.work / "firmware" / version / "info").read_text(encoding="utf-8")
        return re.search("^roothash=(.*)$", info, re.MULTILINE)[1]

    def entries(self):
        """The boot entries on the ESP, as the loader would see them."""
        names = self.vm.ask(f"ls /run/esp/{disk.ENTRIES}").text.split()
        return " ".join(sorted(names))

    def loader_variable(self, name):
        """The text of a variable the loader set, or None."""
        path = f"{LOADER_VARIABLES}/{name}-{LOADER_GUID}"
        answer = self.vm.ask(f"cat {path}")
        if answer.status:
            return None
        return answer.output[4:].decode("utf-16-le").rstrip("\0")

    def pcrs(self, version):
        """Event log and PCRs of this boot."""
        return pcr_record.record(self.vm, version, self.work / "logs" / "pcrs")
