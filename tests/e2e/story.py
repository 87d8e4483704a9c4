#!/usr/bin/python3
"""The story of one device on real firmware, told by what it does and says.

    story.py --work DIR --programs DIR

The first DIR holds what releases.sh made, the other is a build folder. Prints a line per step, then
the tables, which also end in DIR/report.txt. Exit status 0 only when all happened as it must.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import signal
import sys
import time

import attacks
import cuts
import device as devices
import disk
import distributor as distributors
import issuer as issuers
import machine as machines
import pcr_record
import processes
import report as reports

SEALED_STATE_OPEN = "open, floor: tpm"
SECRET = "what the agent has learnt"
PANIC = "Kernel panic - not syncing: Attempted to kill init"
TRIES = 3              # boots that a release on trial gets
INSTALL_WINDOWS = 20   # windows of an install before the plug is pulled
WINDOW = 1 << 20       # bytes
INSTALL_LIMIT = 1200
PCR_PHASES = 11


def installed(answer):
    """What an install says of itself, short; its message when it was refused."""
    return answer.get("message") or f"{answer.get('version')} in {answer.get('slot')}"


def refusal(status, answer):
    """How a verb was refused."""
    return f"exit status {status}, {answer.get('error')}"


def extended(pcr, word):
    """A PCR, in hexadecimal, once a phase word was measured into it."""
    digest = hashlib.sha256(word.encode()).digest()
    return hashlib.sha256(bytes.fromhex(pcr) + digest).hexdigest()


class Story:
    """Steps in their order; each goes on from where the one before left the device."""

    def __init__(self, machine, work, programs):
        self.report = reports.Report()
        self.device = devices.Device(machine, work / "device", work)
        port = int((work / "port").read_text(encoding="ascii"))
        self.distributor = distributors.Distributor(programs / "bin/pawl-distributor", work,
                                                    port)
        self.issuer = issuers.Issuer(programs / "bin/pawl-issuer", work)
        self.predictor = pcr_record.Predictor(programs / "tests/e2e_pcrs", work / "manifests",
                                              work / "logs")
        self.predicted = {}  # release -> PCRs
        self.provisioned = False
        self.identity = None  # the device's SPIFFE id

    def arrived(self, what, version, slot_and_state, boots=1):
        """A boot that must end in this release: notes its seconds, compares its PCRs."""
        device, report = self.device, self.report
        device.wait_up(boots)
        report.boot(what, device.vm.seconds[-1])
        report.expect(f"{what}: runs", f"{version} in {slot_and_state}", device.running())
        boot = device.pcrs(version)
        if version not in self.predicted:
            self.predictor.approve(boot)  # the first boot; afterwards every release is predicted
            self.predicted[version] = self.predictor.predict(boot, version)
        else:
            self.predictor.explain(boot)
        report.pcr_values(version, self.predicted[version], boot.values)
        if self.provisioned:
            report.expect(f"{what}: sealed state", SEALED_STATE_OPEN, device.sealed_state())
            report.expect(f"{what}: the vault gives", SECRET, device.vault("get", "agent"))
        return boot

    def install(self, state, version, slot, boot):
        """Predicts the boot of a release, installs it, looks at the loader's entries."""
        self.predicted[version] = self.predictor.predict(boot, version)
        self.distributor.publish(state, version)
        status, done = self.device.updater("run", "--once")
        seen = done.get("message") or f"{done.get('outcome')} {done.get('version')}"
        self.report.expect(f"offered and installed: {version}", f"exit status 0, armed {version}",
                           f"exit status {status}, {seen}")
        update = self.device.status()
        self.report.expect(f"install {version}: state and slot", f"armed, {slot} on trial",
                           f"{update['state']}, {slot} on {update['slots'][slot]['state']}")

    def ended(self, step, expected):
        """How the last update ended, by the device's own record."""
        last = self.device.status()["last"]
        words = [last["ending"], last["version"], last.get("reason", "")]
        self.report.expect(f"{step}: the device's record", expected, " ".join(words).strip())

    def reported(self, version, counter, ending):
        """The server knows by the device's own reports how a release ended."""
        reports = [row for row in self.distributor.reports(self.identity)
                   if row.endswith(f" {counter}")]
        self.report.expect(f"{version}: last report to the server", f"{ending} {counter}",
                           reports[-1] if reports else "none")

    def factory(self):
        """First boot of a new device."""
        self.issuer.start()
        self.distributor.start()
        self.distributor.publish(1, "1.0.0")
        self.device.manufacture("1.0.0")
        self.device.power_on()
        boot = self.arrived("first boot", "1.0.0", "a, idle")
        self.report.expect("first boot: entries on the ESP", "pawl_1_a.conf", self.device.entries())
        self.report.expect("before provisioning: sealed state", "refused: tpm",
                           self.device.sealed_state())
        self.enrol()
        self.provision()
        return boot

    def provision(self):
        """The device takes its TPM into use and approves the events of its own firmware."""
        status, answer = self.device.updater("provision")
        changed = answer.get("message") or f"changed {answer['changed']}"
        self.report.expect("provision", "exit status 0, changed True",
                           f"exit status {status}, {changed}")
        approved = "".join(f"{event['pcr']} {event['digest']}\n" for event in answer["firmware"])
        self.report.expect("provision: approves the firmware's events of this boot", True,
                           approved == self.predictor.approved.read_text(encoding="ascii"))
        self.report.expect("provision: floor", "tpm", self.device.status()["floor"])
        self.device.vault("init")
        self.device.vm.ask(f"printf '%s' '{SECRET}' | pawl-vault put agent")
        self.report.expect("a secret in the vault", SECRET, self.device.vault("get", "agent"))
        self.provisioned = True

    def enrol(self):
        """The TPM proves itself to the issuer, once its operator has listed it, for an SVID."""
        device, report = self.device, self.report
        status, answer = device.updater("enroll")
        report.expect("enrolment of a TPM that nobody listed",
                      "exit status 23, refused_by_server", refusal(status, answer))
        self.identity = self.issuer.admit(device.certificate)["id"]
        status, answer = device.updater("enroll")
        report.expect("enrolment of the listed TPM, by credential activation",
                      f"exit status 0, {self.identity}",
                      f"exit status {status}, {answer.get('message') or answer.get('id')}")

    def good_release(self, boot):
        """1.1.0: to slot b, tried, healthy, committed; slot a becomes a copy."""
        device, report = self.device, self.report
        self.install(2, "1.1.0", "b", boot)
        report.expect("install 1.1.0: entries on the ESP", "pawl_1_a.conf pawl_2_b+3.conf",
                      device.entries())
        device.restart()
        boot = self.arrived("restart after 1.1.0", "1.1.0", "b, idle")
        report.expect("trial of 1.1.0: the loader started", "pawl_2_b+3.conf",
                      device.loader_variable("LoaderEntrySelected"))
        report.expect("trial of 1.1.0: the loader counted", r"\loader\entries\pawl_2_b+2-1.conf",
                      device.loader_variable("LoaderBootCountPath"))
        report.expect("trial of 1.1.0: state at start", "trial",
                      device.started_with("boot")["state"])
        self.ended("trial of 1.1.0", "committed 1.1.0")
        report.expect("commit of 1.1.0: entries on the ESP", "pawl_1_a.conf pawl_2_b.conf",
                      device.entries())
        report.expect("commit of 1.1.0: floor", 2, device.status()["security_floor"])
        return boot

    def panicking_release(self, boot):
        """1.2.0 panics at every boot; the loader counts and goes back alone."""
        device, report = self.device, self.report
        self.install(3, "1.2.0", "a", boot)
        device.restart()
        boot = self.arrived("fallback from 1.2.0", "1.1.0", "b, idle", TRIES + 1)
        report.expect("1.2.0: boots that panicked", TRIES, device.vm.console().count(PANIC))
        self.ended("1.2.0", "reverted 1.2.0 the boot loader went back to slot b")
        report.expect("1.2.0 given up: entries on the ESP", "pawl_2_b.conf pawl_3_a+0.conf",
                      device.entries())
        return boot

    def sick_release(self, boot):
        """1.3.0 boots but does not pass its health check: the device goes back by itself."""
        device, report = self.device, self.report
        self.install(4, "1.3.0", "a", boot)
        self.reported("1.2.0", 3, "reverted")
        device.restart()
        boot = self.arrived("revert from 1.3.0", "1.1.0", "b, idle", 2)
        report.expect("1.3.0: started, then judged unhealthy", True,
                      "from=trial on=unhealthy to=reverting" in device.vm.console())
        record = device.status()["last"]
        report.expect("1.3.0: the device's record", "reverted 1.3.0 health check 20-agent",
                      " ".join([record["ending"], record["version"], record["reason"][:21]]))
        return boot

    def replays(self):
        """Old, validly signed releases and metadata are refused."""
        device, report = self.device, self.report
        status, answer = device.updater("install", "--release", "1.0.0")
        report.expect("replay of release 1.0.0", "exit status 14, rollback",
                      refusal(status, answer))
        self.distributor.put_back(1)
        status, answer = device.updater("install")
        report.expect("replay of the repository of day one", "exit status 14, rollback",
                      refusal(status, answer))

    def cut_install(self, boot):
        """The plug is pulled in the middle of an install; the next one goes on from there."""
        device, report = self.device, self.report
        self.predicted["1.4.0"] = self.predictor.predict(boot, "1.4.0")
        self.distributor.publish(5, "1.4.0")
        device.vm.ask("pawl-updater run --once --progress json >/run/install.log 2>&1 &")
        processes.wait_until("an install half done", INSTALL_LIMIT, self.half_installed)
        device.vm.ask("sync")  # what has reached the disk must not be fetched again
        report.expect("plug pulled: state", "installing", device.status()["state"])
        self.reported("1.3.0", 4, "reverted")
        device.power_off()
        device.power_on()
        self.arrived("power cut while installing 1.4.0", "1.1.0", "b, installing")
        status, done = device.updater("install")
        report.expect("install 1.4.0 again", "exit status 0, 1.4.0 in a",
                      f"exit status {status}, {done.get('version')} in {done.get('slot')}")
        report.expect("install 1.4.0 again: some windows were there already", True,
                      done["windows_present"] >= INSTALL_WINDOWS)

    def half_installed(self):
        """Whether the install that runs in the guest has written so many windows of its root."""
        line = self.device.vm.ask("tail -n 1 /run/install.log").text
        try:
            progress = json.loads(line)
        except ValueError:
            return False
        return (progress.get("stage") == "install rootfs" and
                progress["done"] >= INSTALL_WINDOWS * WINDOW)

    def resumed_release(self):
        """1.4.0, written in two parts, boots; the verdict is held back."""
        self.device.vm.ask("touch /var/hold-trial")
        self.device.restart()
        return self.arrived("restart after 1.4.0", "1.4.0", "a, trial")

    def cut_commit(self):
        """The plug is pulled again and again while 1.4.0 is committed; it ends committed."""
        device, report = self.device, self.report
        [entry] = [name for name in device.entries().split() if "_a+" in name]
        cuts.pull_plug_in_commit(device, report, entry, device.root_hash_of("1.4.0"))
        self.arrived("after the last power cut", "1.4.0", "a, idle")
        self.ended("1.4.0", "committed 1.4.0")
        report.expect("commit of 1.4.0: entries on the ESP",
                      " ".join(sorted(["pawl_2_b.conf", f"{entry.split('+')[0]}.conf"])),
                      device.entries())
        report.expect("commit of 1.4.0: floor", 3, device.status()["security_floor"])
        status, answer = device.updater("run", "--once")
        report.expect("commit of 1.4.0: the next poll", "exit status 0, changed False",
                      f"exit status {status}, changed {answer.get('changed')}")
        self.reported("1.4.0", 5, "committed")

    def attacked(self):
        """Whatever is done to the disk, nothing but the honest release opens the state."""
        attacks.Attacks(self.device, self.report, self.predicted["1.4.0"]).tell(
            self.device.root_hash_of("1.4.0"))

    def phases(self):
        """Back on its own disk the state opens, at one phase of the start and at no other."""
        device, report = self.device, self.report
        (device.places.folder / "look-early").touch()
        disk.put_on_data(device.places.disk, device.places.folder / "look-early", "look-early")
        device.power_on()
        boot = self.arrived("the kept disk after all attacks", "1.4.0", "a, idle")
        early = json.loads(device.vm.read("/run/early-status.json"))
        report.expect("phase sysinit, before ready: sealed state",
                      attacks.OTHER_BOOT, early.get("closed", ""))
        device.vm.ask("systemctl stop systemd-pcrphase.service")
        expected = extended(boot.values[PCR_PHASES], "shutdown")
        report.expect("phase shutdown: PCR 11", expected,
                      device.pcrs("1.4.0").values[PCR_PHASES])
        report.expect("phase shutdown: sealed state", attacks.OTHER_BOOT,
                      device.closed())
        report.expect("phase shutdown: the vault", attacks.CLOSED, device.vault("get", "agent"))

    def tell(self):
        """The whole story."""
        boot = self.factory()
        boot = self.good_release(boot)
        boot = self.panicking_release(boot)
        boot = self.sick_release(boot)
        self.replays()
        self.cut_install(boot)
        self.resumed_release()
        self.cut_commit()
        self.attacked()
        self.phases()


def main():
    """Reads the command line, tells the story, prints the tables."""
    parser = argparse.ArgumentParser(description="one device on real firmware")
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    args = parser.parse_args()
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # then nothing is left running
    shutil.rmtree(args.work / "logs", ignore_errors=True)
    (args.work / "logs").mkdir()
    story = Story(machines.X86_OVMF, args.work, args.programs)
    problem = None
    try:
        story.tell()
    except processes.Failure as failure:
        problem = str(failure)
        if story.device.vm:
            print(story.device.vm.console()[-4000:])
    finally:
        story.device.power_off()
        story.distributor.stop()
        story.issuer.stop()
    text = story.report.text()
    (args.work / "report.txt").write_text(text, encoding="utf-8")
    print("\n" + text)
    print(f"{len(story.report.rows)} steps, {len(story.report.boots)} boots, "
          f"{time.monotonic() - started:.0f} s on {story.device.machine.name}; serial log: "
          f"{story.device.places.serial_log}")
    if problem:
        sys.exit(f"story.py: {problem}")


if __name__ == "__main__":
    main()
