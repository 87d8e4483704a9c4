"""The plug pulled in the middle of a commit, again and again: each boot takes it a step further."""
import dataclasses
import re

import disk
import processes

ENTRIES = f"/run/esp/{disk.ENTRIES}"
FLOORS = "/var/lib/pawl/journal/floors.json.tmp"  # strace compares the first path of a rename


@dataclasses.dataclass(frozen=True)
class Cut:
    """The power goes right before the first `call` on `path` of one step of the start."""

    what: str
    verb: str
    call: str
    path: str

    def pattern(self):
        """What the console says of the call that waits for its turn."""
        return rf"{self.call}\([^\n]*{re.escape(self.path)}[>\"]"


def moments(entry):
    """Where the power goes in the commit of the release that this entry starts on trial."""
    committed = entry.split("+")[0] + ".conf"
    return (
        Cut("committing is in the journal, the new boot entry is written but not synced",
            "trial", "fsync", f"{ENTRIES}/{committed}"),
        Cut("the new boot entry is synced beside the old one, their folder is not", "boot", "fsync",
            ENTRIES),
        Cut("entry and cell are committed, the floor is counted up, its record is not replaced",
            "boot", "rename", FLOORS),
    )


def plan(device, cuts):
    """Tells the device where its next steps stand still; the files are durable then."""
    lines = [f"echo '{cut.verb} {cut.call} {cut.path}' >/var/cuts/{number}"
             for number, cut in enumerate(cuts)]
    answer = device.vm.ask(f"mkdir -p /var/cuts && {' && '.join(lines)} && "
                           "rm /var/hold-trial && sync")
    if answer.status:
        raise processes.Failure(f"the cuts cannot be planned: {answer.text}")


def pull_plug_in_commit(device, report, entry, root_hash):
    """One cut after the other. Afterwards the device is on, starting."""
    cuts = moments(entry)
    plan(device, cuts)
    device.vm.send("/usr/lib/pawl-e2e/step trial")
    for number, cut in enumerate(cuts, 1):
        device.vm.wait_for(f"the commit stands still: {cut.what}", cut.pattern())
        if number > 1:
            report.boot(f"commit goes on after power cut {number - 1}", device.vm.seconds[-1])
        report.expect(f"power cut {number} in the commit: {cut.what}: started was", root_hash,
                      device.root_hash())
        device.power_off()
        device.power_on()
