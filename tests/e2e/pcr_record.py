"""The PCRs of one boot, and what the project's own code says of them (tests/e2e/pcrs.cpp)."""
import dataclasses

import processes

COUNT = 24
SYSFS = "/sys/class/tpm/tpm0/pcr-sha256"
EVENT_LOG = "/sys/kernel/security/tpm0/binary_bios_measurements"


@dataclasses.dataclass(frozen=True)
class Boot:
    """One boot of a release: files with its event log and its PCRs."""

    version: str
    log: object
    pcrs: object
    values: dict  # PCR -> hex


def record(vm, version, folder):
    """Reads event log and PCRs of the running machine into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    name = folder / vm.boot_id
    log, pcrs = name.with_suffix(".eventlog"), name.with_suffix(".pcrs")
    log.write_bytes(vm.read(EVENT_LOG))
    answer = vm.ask(f"cd {SYSFS} && for p in $(seq 0 {COUNT - 1}); do cat $p; done")
    lines = answer.text.lower().split()
    if answer.status or len(lines) != COUNT:
        raise processes.Failure(f"PCRs of the guest: {answer.text[:200]}")
    pcrs.write_text("\n".join(lines) + "\n", encoding="ascii")
    return Boot(version, log, pcrs, dict(enumerate(lines)))


class Predictor:
    """Asks the project's program; knows the firmware events that the first boot had."""

    def __init__(self, program, manifests, folder):
        self.program = program
        self.manifests = manifests
        self.approved = folder / "approved-events"

    def _manifest(self, version):
        return self.manifests / f"{version}.json"

    def explain(self, boot):
        """The events of firmware and loader; Failure when log, release and TPM do not agree."""
        return processes.run(self.program, "explain", boot.log, boot.pcrs,
                             self._manifest(boot.version)).decode()

    def approve(self, boot):
        """Takes this boot's firmware events as the device's own, as provisioning does."""
        self.approved.write_text(self.explain(boot), encoding="ascii")

    def predict(self, boot, target):
        """PCR -> hex for a boot of release `target` on this machine."""
        lines = processes.run(self.program, "predict", boot.log, boot.pcrs,
                              self._manifest(boot.version), self.approved, self._manifest(target))
        pairs = (line.split() for line in lines.decode().splitlines())
        return {int(pcr): value for pcr, value in pairs}
