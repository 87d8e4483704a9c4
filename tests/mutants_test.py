#!/usr/bin/env python3
"""Every mutant of tests/mutants still applies to the tree and names a test program that exists.

By `patch --dry-run`, a few seconds for all of them: whoever moves code from under a mutant sees it before
the runner does.
"""
import pathlib
import re
import shutil
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
if shutil.which("patch") is None:
    print("there is no patch program")
    sys.exit(77)

programs = {f"unit_{p.name.replace('-', '_')}" for p in (root / "tests/unit").iterdir() if p.is_dir()}
programs |= set(re.findall(r"pawl_test\((\w+) ", (root / "tests/CMakeLists.txt").read_text()))


def faults(path):
    text = path.read_text()
    head, _, rest = text.partition("--- a/")
    if not rest:
        yield "changes no file of the tree"
        return
    named = re.search(r"^test: *(\S+)", head, re.M)
    program = named.group(1) if named else f"unit_{path.parent.name.replace('-', '_')}"
    if program not in programs:
        yield f"names the test program {program}, which does not exist"
    done = subprocess.run(["patch", "-p1", "--dry-run", "--force", "-i", path], cwd=root,
                          capture_output=True, text=True)
    if done.returncode != 0:
        yield "does not apply: " + done.stdout.strip().splitlines()[-1]


patches = sorted((root / "tests/mutants").glob("*/*.patch"))
bad = [f"{p.relative_to(root)}: {fault}" for p in patches for fault in faults(p)]
print("\n".join(bad) or f"{len(patches)} mutants apply")
sys.exit(bool(bad) or not patches)
