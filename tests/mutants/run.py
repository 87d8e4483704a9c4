#!/usr/bin/env python3
"""Applies every mutant in turn to a copy of the tree; some test must fail for each.

tests/mutants/<room>/<name>.patch removes one check or swaps one step. Lines before the first "diff" or
"---" line are a note; `test: NAME` in it names a test program (unit_<room> when absent), `args: ...` its
Catch2 arguments. What it says after `Caught by` is looked for in test names: those tests run first,
and all the others only when these notice nothing. A mutant that does not apply, does not compile or that no test notices is a failure.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
LIMIT = 300  # seconds for one test run without a mutant; with one, see patience()


def sh(*args, **kw):
    return subprocess.run(args, capture_output=True, text=True, errors="replace", **kw)


def copy_tree():
    WORK.mkdir(parents=True, exist_ok=True)
    TREE.mkdir(exist_ok=True)
    files = sh("git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard").stdout.split("\n")
    keep = {f for f in files if f}
    for old in TREE.rglob("*"):
        if old.is_file() and str(old.relative_to(TREE)) not in keep:
            old.unlink()
    for name in keep:
        source, target = ROOT / name, TREE / name
        if not source.is_file():
            continue
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue  # keep its time, so that nothing is built again without need
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def note_of(patch):
    text = patch.read_text()
    head = re.split(r"^(?:diff|---) ", text, maxsplit=1, flags=re.M)[0]
    room = patch.parent.name.replace("-", "_")
    test = re.search(r"^test: *(\S+)", head, re.M)
    args = re.search(r"^args: *(.+)", head, re.M)
    return (test.group(1) if test else f"unit_{room}"), (args.group(1).split() if args else [])


def hint_of(patch):
    """The test that the note expects to fail, as a Catch2 pattern."""
    head = re.split(r"^(?:diff|---) ", patch.read_text(), maxsplit=1, flags=re.M)[0]
    words = re.search(r'[Cc]aught by:? *"([^"]+)"', " ".join(head.split()))
    words = words or re.search(r"[Cc]aught by: *([^\n]+)", head)
    name = words.group(1).strip(" .") if words else ""
    return f"*{name}*" if name and not re.search(r'[][,*~\\"]', name) else None


def build(target, jobs=1):
    return sh("cmake", "--build", str(WORK / "bin"), "--target", target, "-j", str(jobs))


def run_test(target, args, limit=LIMIT):
    program = WORK / "bin/tests" / target
    try:
        return sh(str(program), "--abort", *args, timeout=limit, cwd=WORK).returncode
    except subprocess.TimeoutExpired:
        return -1  # a mutant that hangs has been noticed


def touched(patch):
    return re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), re.M)


def patience(seconds):
    """How long a test with a mutant may take before it counts as hanging: ten times its usual time."""
    return max(20, min(LIMIT, 10 * seconds))


def judge(patch, usual):
    """Returns the reason why this mutant is a failure, or None when a test caught it."""
    target, args = note_of(patch)
    saved = {name: (TREE / name).read_bytes() for name in touched(patch) if (TREE / name).exists()}
    try:
        applied = sh("git", "apply", "--unsafe-paths", f"--directory={TREE}", str(patch), cwd="/")
        if applied.returncode != 0:
            applied = sh("patch", "-p1", "-d", str(TREE), "-i", str(patch), "--no-backup-if-mismatch")
        if applied.returncode != 0:
            return "does not apply"
        built = build(target)
        if built.returncode != 0:
            return "does not compile: " + "".join(re.findall(r".*error: .*", built.stdout)[:1])
        hint = hint_of(patch)
        if hint and run_test(target, [hint], patience(usual[target, tuple(args)])) != 0:
            return None
        status = run_test(target, args, patience(usual[target, tuple(args)]))
        return "SURVIVED: no test failed" if status == 0 else None
    finally:
        for name, content in saved.items():
            (TREE / name).write_bytes(content)


def chosen(names, part):
    """ROOM, ROOM/NAME or nothing (all), then every Nth; mutants of one file follow each other."""
    root = ROOT / "tests/mutants"
    found = {p for n in names or ["*"] for p in root.glob(f"{n if '/' in n else n + '/*'}.patch")}
    k, n = map(int, part.split("/"))
    return sorted(sorted(found)[k::n], key=lambda p: (p.parent.name, note_of(p)[0], touched(p), p.name))


def usual_times(patches):
    """Builds and runs every test that is needed, without a mutant: each must pass. Seconds by test."""
    times = {}
    for target, args in sorted({(t, tuple(a)) for t, a in map(note_of, patches)}):
        built = build(target, os.cpu_count())
        started = time.monotonic()
        if built.returncode != 0 or run_test(target, args) != 0:
            print(f"{target} {' '.join(args)} fails without any mutant\n{built.stdout[-2000:]}")
            return None
        times[target, args] = time.monotonic() - started
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="ROOM[/NAME]", help="only these")
    parser.add_argument("--part", default="0/1", help="K/N: every Nth mutant, starting at K")
    options = parser.parse_args()
    patches = chosen(options.names, options.part)
    copy_tree()
    # Neither optimised nor with debug information: most of the time goes into compiling and linking.
    configured = sh("cmake", "-S", str(TREE), "-B", str(WORK / "bin"), "-G", "Ninja", "-DBUILD_TESTING=ON",
                    "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0",
                    "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=gold")
    if configured.returncode != 0:
        print(configured.stderr)
        return 1
    usual = usual_times(patches)
    if usual is None:
        return 1
    failures = 0
    for patch in patches:
        started = time.monotonic()
        reason = judge(patch, usual)
        failures += reason is not None
        print(f"{'FAILED' if reason else 'caught'} {patch.parent.name}/{patch.stem} "
              f"({time.monotonic() - started:.0f} s){': ' + reason if reason else ''}", flush=True)
    print(f"mutants: {len(patches) - failures} caught, {failures} failed")
    return 1 if failures or not patches else 0


sys.exit(main())
