#!/usr/bin/env python3
"""The shipped systemd units: what systemd itself says of them, their order, and their sandbox.

    units_test.py ROOT BUILD    installs the component, then asks `systemd-analyze`
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

root, build = map(pathlib.Path, sys.argv[1:3])
if shutil.which("systemd-analyze") is None:
    print("skipped: there is no systemd-analyze")
    sys.exit(77)

# Most exposure that `systemd-analyze security` may see, of 100; a health check may look at everything.
EXPOSURE = {"pawl-boot.service": 15, "pawl-updater.service": 23, "pawl-poll.service": 22,
            "pawl-trial.service": 75}
# What must come before what, from docs: the last phase word, then the state, then who needs it.
AFTER = {"pawl-boot.service": {"systemd-pcrphase.service"},
         "pawl-trial.service": {"multi-user.target", "pawl-boot.service"},
         "pawl-updater.service": {"pawl-boot.service", "pawl-trial.service"},
         "pawl-poll.service": {"pawl-boot.service"}}
SHIPPED = {f"lib/systemd/system/{unit}" for unit in [*EXPOSURE, "pawl-poll.timer"]} | {
    "share/pawl/boot-loaders/u-boot/pawl.cmd", "share/pawl/boot-loaders/grub/grub.cfg"}
faults = []


def values(text, key):
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(key + "=")]


def judge(command, why):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    # systemd only warns of a key it does not know
    if done.returncode != 0 or ("verify" in command and "pawl-" in said):
        faults.append(f"{why}: {said.strip()[-2000:]}")


with tempfile.TemporaryDirectory() as scratch:
    prefix = pathlib.Path(scratch) / "usr"
    subprocess.run(["cmake", "--install", build, "--component", "updater-files", "--prefix", prefix],
                   check=True, capture_output=True, timeout=120)
    there = {str(p.relative_to(prefix)) for p in prefix.rglob("*") if p.is_file()}
    faults += [f"{name} is not installed" for name in sorted(SHIPPED - there)]
    units = []
    for name in sorted([*EXPOSURE, "pawl-poll.timer"]):
        unit = prefix / "lib/systemd/system" / name
        text = unit.read_text()
        before = set(" ".join(values(text, "After")).split())
        faults += [f"{name} is not after {other}" for other in AFTER.get(name, set()) - before]
        if name in EXPOSURE:
            program = values(text, "ExecStart")[0].split()[:2]
            manual = (root / "docs/man/pawl-updater.scd").read_text()
            if not re.search(rf"^\*{program[1]}\*", manual, re.M):
                faults.append(f"{name}: {program[1]} is no verb of the manual")
        # the program is not installed here: its own name is checked above
        unit.write_text(text.replace("/usr/bin/pawl-updater", "/bin/true"))
        units.append(unit)
    judge(["systemd-analyze", "verify", "--man=no", *units], "systemd-analyze verify")
    for name, most in EXPOSURE.items():
        judge(["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={most}",
               prefix / "lib/systemd/system" / name], f"{name} is exposed by more than {most}")

print("\n".join(faults) or f"{len(SHIPPED)} files installed, {len(EXPOSURE)} services judged by systemd")
sys.exit(bool(faults))
