"""One device of the story: a machine, its disk, its TPM; what it says of itself."""
import json
import shutil

import disk
import machine as machines
import pcr_record
import processes
import swtpm
import vm

LOADER_VARIABLES = "/sys/firmware/efi/efivars"
LOADER_GUID = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"


class Device:
    """Files below `folder`; on or off."""

    def __init__(self, machine, folder, work):
        self.machine = machine
        self.work = work
        self.places = machines.Places(folder, folder / "disk.img",
                                      work / "logs" / f"{folder.name}.serial.log")
        self.chip = folder / "tpm"
        self.vm = None

    def manufacture(self, version):
        """A new device with this release in slot a and a TPM of its own."""
        disk.remove(self.places.folder)
        data = self.places.folder / "data"
        installed = data / "lib/pawl/installed"  # the partition is mounted on /var
        installed.mkdir(parents=True)
        shutil.copyfile(self.work / "manifests" / f"{version}.json", installed / "a.manifest.json")
        shutil.copytree(self.work / "svid" / "unit", data / "lib/pawl/svid")
        firmware = self.work / "firmware" / version
        disk.make(self.places.disk, self.machine, firmware / "uki.efi", firmware / "rootfs.img",
                  data)
        swtpm.manufacture(self.chip)

    def power_on(self):
        """Switches on; `wait_up` sees the first boot."""
        self.places.serial_log.parent.mkdir(parents=True, exist_ok=True)
        self.vm = vm.Vm(self.machine, self.places, self.chip)

    def power_off(self):
        """Pulls the plug."""
        if self.vm:
            self.vm.power_off()
        self.vm = None

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

    def running(self):
        """`<version> in <slot>, <state>`: what runs, in a form for the table."""
        status = self.status()
        return f"{self.version()} in {status.get('running')}, {status.get('state')}"

    def version(self):
        """The release that runs, by its own root."""
        return self.vm.ask(". /etc/os-release && echo $VERSION_ID").text

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
