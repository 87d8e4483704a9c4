#!/usr/bin/python3
"""The story of one device on real firmware, told by what it does and says.

    story.py --work DIR --pcrs PROGRAM

DIR holds what releases.sh made; PROGRAM is e2e_pcrs. Prints a line per step, then the tables, which
also end in DIR/report.txt. Exit status 0 only when every step happened as it must.
"""
import argparse
import pathlib
import shutil
import sys
import time

import device as devices
import disk
import machine as machines
import pcr_record
import processes
import report as reports

TRIES = 3              # boots that a release on trial gets
SLOW_OPERATIONS = 4    # a second, while the plug is about to be pulled
INSTALL_WINDOWS = 20   # progress lines of an install before the plug is pulled
INSTALL_LIMIT = 400


def installed(answer):
    """What an install says of itself, short; its message when it was refused."""
    return answer.get("message") or f"{answer.get('version')} in {answer.get('slot')}"


def refusal(status, answer):
    """How a verb was refused."""
    return f"exit status {status}, {answer.get('error')}"


class Story:
    """Steps in their order; each goes on from where the one before left the device."""

    def __init__(self, machine, work, pcrs_program):
        self.report = reports.Report()
        self.device = devices.Device(machine, work / "device", work)
        self.predictor = pcr_record.Predictor(pcrs_program, work / "manifests", work / "logs")
        self.predicted = {}  # release -> PCRs

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
        return boot

    def install(self, state, version, slot, boot):
        """Predicts the boot of a release, installs it, looks at the loader's entries."""
        self.predicted[version] = self.predictor.predict(boot, version)
        self.device.publish(state)
        status, done = self.device.updater("install")
        self.report.expect(f"install {version}", f"exit status 0, {version} in {slot}",
                           f"exit status {status}, {installed(done)}")
        self.report.expect(f"install {version}: state", "armed", self.device.status()["state"])

    def ended(self, step, expected):
        """How the last update ended, by the device's own record."""
        last = self.device.status()["last"]
        words = [last["ending"], last["version"], last.get("reason", "")]
        self.report.expect(f"{step}: the device's record", expected, " ".join(words).strip())

    def factory(self):
        """First boot of a new device."""
        disk.repository_image(self.device.places.repository, self.device.work / "states")
        self.device.manufacture("1.0.0")
        self.device.power_on()
        boot = self.arrived("first boot", "1.0.0", "a, idle")
        self.report.expect("first boot: entries on the ESP", "pawl_1_a.conf", self.device.entries())
        return boot

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
        report.expect("trial of 1.1.0: state at start", "trial", device.started_with("boot")["state"])
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
        report.expect("1.2.0: boots that panicked", TRIES,
                      device.vm.console().count("Kernel panic - not syncing: Attempted to kill init"))
        self.ended("1.2.0", "reverted 1.2.0 the boot loader went back to slot b")
        report.expect("1.2.0 given up: entries on the ESP", "pawl_2_b.conf pawl_3_a+0.conf",
                      device.entries())
        return boot

    def sick_release(self, boot):
        """1.3.0 boots but does not pass its health check: the device goes back by itself."""
        device, report = self.device, self.report
        self.install(4, "1.3.0", "a", boot)
        device.restart()
        boot = self.arrived("revert from 1.3.0", "1.1.0", "b, idle", 2)
        report.expect("1.3.0: started, then judged unhealthy", True,
                      '"outcome":"reverted"' in device.vm.console())
        record = device.status()["last"]
        report.expect("1.3.0: the device's record", "reverted 1.3.0 health check 20-agent",
                      " ".join([record["ending"], record["version"], record["reason"][:21]]))
        return boot

    def replays(self):
        """Old, validly signed releases and metadata are refused."""
        device, report = self.device, self.report
        device.publish(4)
        status, answer = device.updater("install", "--release", "1.0.0")
        report.expect("replay of release 1.0.0", "exit status 14, rollback", refusal(status, answer))
        device.publish(1)
        status, answer = device.updater("install")
        report.expect("replay of the repository of day one", "exit status 14, rollback",
                      refusal(status, answer))

    def cut_install(self, boot):
        """The plug is pulled in the middle of an install; the next one goes on from there."""
        device, report = self.device, self.report
        self.predicted["1.4.0"] = self.predictor.predict(boot, "1.4.0")
        device.publish(5)
        device.vm.ask("pawl-updater install --progress json >/run/install.log 2>&1 &")
        processes.wait_until(
            "an install half done", INSTALL_LIMIT,
            lambda: int(device.vm.ask("grep -c write /run/install.log").text) > INSTALL_WINDOWS)
        report.expect("plug pulled: state", "installing", device.status()["state"])
        device.power_off()
        device.power_on()
        self.arrived("power cut while installing 1.4.0", "1.1.0", "b, installing")
        device.publish(5)
        status, done = device.updater("install")
        report.expect("install 1.4.0 again", "exit status 0, 1.4.0 in a",
                      f"exit status {status}, {done.get('version')} in {done.get('slot')}")
        report.expect("install 1.4.0 again: some windows were there already", True,
                      done["windows_present"] >= INSTALL_WINDOWS)

    def cut_commit(self):
        """The plug is pulled in the middle of a commit; the next start finishes it."""
        device = self.device
        device.vm.ask("touch /var/hold-trial")
        device.restart()
        self.arrived("restart after 1.4.0", "1.4.0", "a, trial")
        device.vm.ask("rm /var/hold-trial; sync")
        device.vm.slow_disk(SLOW_OPERATIONS)
        device.vm.forget_console()
        device.vm.send("pawl-updater trial --log info >/dev/console 2>&1")
        device.vm.wait_console("to=committing", INSTALL_LIMIT)
        device.power_off()
        device.power_on()
        self.arrived("power cut while committing 1.4.0", "1.4.0", "a, idle")
        self.report.expect("commit finished by the next start", True,
                           "from=committing on=done to=idle" in device.vm.console())
        self.ended("1.4.0", "committed 1.4.0")

    def rollback(self):
        """The operator goes back to the older release, which is above the floor."""
        device, report = self.device, self.report
        status, answer = device.updater("rollback")
        report.expect("rollback: the other slot goes on trial", "exit status 0, 1.1.0 in b",
                      f"exit status {status}, {installed(answer)}")
        device.restart()
        self.arrived("rollback to 1.1.0", "1.1.0", "b, idle")
        self.ended("rollback to 1.1.0", "committed 1.1.0")

    def tell(self):
        """The whole story."""
        boot = self.factory()
        boot = self.good_release(boot)
        boot = self.panicking_release(boot)
        boot = self.sick_release(boot)
        self.replays()
        self.cut_install(boot)
        self.cut_commit()
        self.rollback()


def main():
    """Reads the command line, tells the story, prints the tables."""
    parser = argparse.ArgumentParser(description="one device on real firmware")
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--pcrs", required=True, type=pathlib.Path)
    args = parser.parse_args()
    started = time.monotonic()
    shutil.rmtree(args.work / "logs", ignore_errors=True)
    (args.work / "logs").mkdir()
    story = Story(machines.X86_OVMF, args.work, args.pcrs)
    problem = None
    try:
        story.tell()
    except processes.Failure as failure:
        problem = str(failure)
        if story.device.vm:
            print(story.device.vm.console()[-4000:])
    finally:
        story.device.power_off()
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
