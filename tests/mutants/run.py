#!/usr/bin/env python3
"""Applies every mutant in turn to a copy of the tree; some test must fail for each.

tests/mutants/<room>/<name>.patch removes one check or swaps one step. Lines before the first "diff" or
"---" line are a note; `test: NAME` in it names a test program (unit_<room> when absent), `args: ...` its
Catch2 arguments. What it says after `Caught by` is looked for in test names: those tests run first, then
those of the changed file's own test, and all the others only when these notice nothing. A mutant that
does not apply, does not compile or that no test notices is a failure.

A mutant of one source file is compiled alone, with that file's headers precompiled once, and linked in
front of the libraries that hold the original; others are built in the copy of the tree.
"""
import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
# Rooms whose mutants are all caught; CI tries them in turn.
JUDGED = ("base", "bootloader-hooks", "distributor", "hsm", "identity", "issuer", "manifest", "payload", "sealing",
          "signer", "updater")
RUN_PROGRAMS = ("integration_updater", "integration_distributor")  # they run the linked program, not the library
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


def end_session(number):
    """Ends what a test left running: a mutant may be one that forgets to stop its children."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            session = stat.read_text().rpartition(")")[2].split()[3]
            if int(session) == number:
                os.kill(int(stat.parent.name), signal.SIGKILL)
        except (OSError, IndexError):
            pass  # it has ended meanwhile


def run_test(program, args, limit=LIMIT):
    test = subprocess.Popen([str(program), "--abort", *args], cwd=WORK, start_new_session=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return test.wait(limit)
    except subprocess.TimeoutExpired:
        return -1  # a mutant that hangs has been noticed
    finally:
        end_session(test.pid)
        test.wait()


def program_of(target):
    return WORK / "bin/tests" / target


def touched(patch):
    return re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), re.M)


def patience(seconds):
    """How long a test with a mutant may take before it counts as hanging: ten times its usual time."""
    return max(20, min(LIMIT, 10 * seconds))


def verdict(patch, program, usual):
    """None when a test fails, else the reason why this mutant is a failure."""
    target, args = note_of(patch)
    limit, hint = patience(usual[target, tuple(args)]), hint_of(patch)
    if hint and run_test(program, [hint], limit) != 0:
        return None
    if any(run_test(program, ["-#", f"[#{pathlib.Path(name).stem}_test]"], limit) != 0 for name in touched(patch)):
        return None
    return "SURVIVED: no test failed" if run_test(program, args, limit) == 0 else None


def first_error(done):
    return "does not compile: " + "".join(re.findall(r".*error: .*", done.stdout + done.stderr)[:1])


def judge_in_tree(patch, usual):
    """Builds the mutant in the copy of the tree, with everything that depends on it."""
    target, _ = note_of(patch)
    saved = {name: (TREE / name).read_bytes() for name in touched(patch) if (TREE / name).exists()}
    try:
        if sh("patch", "-p1", "-d", str(TREE), "-i", str(patch), "--no-backup-if-mismatch").returncode != 0:
            return "does not apply"
        built = build(target)
        return first_error(built) if built.returncode != 0 else verdict(patch, program_of(target), usual)
    finally:
        for name, content in saved.items():
            (TREE / name).write_bytes(content)
            (TREE / name).with_name(pathlib.Path(name).name + ".rej").unlink(missing_ok=True)


@functools.cache
def compile_commands():
    return json.loads((WORK / "bin/compile_commands.json").read_text())


@functools.cache
def compile_words(name):
    """How the build compiles this source, without compiler cache, source and output; None when it does not."""
    for entry in compile_commands():
        if entry["file"] == str(TREE / name):
            words = shlex.split(entry["command"])
            words = words[next(i for i, word in enumerate(words) if "ccache" not in word):]
            at = words.index("-o")
            return [w for w in words[:at] + words[at + 2:] if w not in ("-c", entry["file"])]
    return None


@functools.cache
def link_words(target):
    """How the build links this test program: words before and after the output, which comes first."""
    command = sh("ninja", "-C", str(WORK / "bin"), "-t", "commands", f"tests/{target}").stdout.splitlines()[-1]
    words = shlex.split(command.split(" && ")[1])
    at = words.index("-o")
    return words[:at], words[at + 2:]


def precompile(name, target):
    """The headers of a source file as one precompiled header; compiling goes on without when it fails."""
    header = WORK / "headers" / target / name.replace("/", "-").replace(".cpp", ".hpp")
    header.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(re.findall(r"^#include .*\n", (TREE / name).read_text(), re.M))
    header.write_text(text)
    sh(*compile_words(name), "-x", "c++-header", str(header), "-o", f"{header}.gch", cwd=WORK / "bin")
    return header


def is_alone(patch):
    """Whether this mutant changes one source file of a library, and its test runs no other program."""
    target, _ = note_of(patch)
    names = touched(patch)
    return (len(names) == 1 and names[0].endswith(".cpp") and compile_words(names[0]) is not None and
            target not in RUN_PROGRAMS)


def judge_alone(patch, usual, header):
    target, _ = note_of(patch)
    name = touched(patch)[0]
    place = WORK / "alone" / f"{patch.parent.name}-{patch.stem}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        source = place / pathlib.Path(name).name
        shutil.copy(TREE / name, source)
        if sh("patch", str(source), "-i", str(patch), "--no-backup-if-mismatch").returncode != 0:
            return "does not apply"
        compiled = sh(*compile_words(name), "-include", str(header), "-c", str(source), "-o", str(place / "o.o"),
                      cwd=WORK / "bin")
        if compiled.returncode != 0:
            return first_error(compiled)
        before, after = link_words(target)
        linked = sh(*before, "-o", str(place / target), str(place / "o.o"), *after, cwd=WORK / "bin")
        return first_error(linked) if linked.returncode != 0 else verdict(patch, place / target, usual)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def chosen(names, part):
    """ROOM, ROOM/NAME or nothing (all), then one of N shares; mutants of one test program and of one file
    follow each other, so that a share builds few programs."""
    root = ROOT / "tests/mutants"
    found = {p for n in names or ["*"] for p in root.glob(f"{n if '/' in n else n + '/*'}.patch")}
    k, n = map(int, part.split("/"))
    ordered = sorted(found, key=lambda p: (p.parent.name, note_of(p)[0], touched(p), p.name))
    return ordered[len(ordered) * k // n:len(ordered) * (k + 1) // n]


def rotation(number):
    """The room and the part of it that commit `number` tries: about ten mutants, every one in its turn."""
    room = JUDGED[number % len(JUDGED)]
    parts = -(-len(list((ROOT / "tests/mutants" / room).glob("*.patch"))) // 10)
    return [room], f"{number // len(JUDGED) % parts}/{parts}"


class Judge:
    """Judges patches with at most `jobs` compilers and tests at a time."""

    def __init__(self, jobs):
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self.building = threading.Lock()  # one build of the copy of the tree at a time
        self.usual = {}  # seconds of each test without a mutant
        self.failures = 0

    def prepare(self, target, patches):
        """Builds and runs what these patches need, without a mutant: it must pass."""
        with self.building:
            built = build(target, os.cpu_count())
        if built.returncode != 0:
            raise RuntimeError(f"{target} does not build without any mutant\n{built.stdout[-2000:]}")
        for args in sorted({tuple(note_of(p)[1]) for p in patches}):
            started = time.monotonic()
            if self.pool.submit(run_test, program_of(target), args).result() != 0:
                raise RuntimeError(f"{target} {' '.join(args)} fails without any mutant")
            self.usual[target, args] = time.monotonic() - started

    def report(self, patch, judge, *more):
        started = time.monotonic()
        reason = judge(patch, self.usual, *more)
        self.failures += reason is not None
        print(f"{'FAILED' if reason else 'caught'} {patch.parent.name}/{patch.stem} "
              f"({time.monotonic() - started:.0f} s){': ' + reason if reason else ''}", flush=True)

    def run_alone(self, target, patches):
        """Those of one test program; file by file, for the precompiled headers."""
        self.prepare(target, patches)
        alone = [p for p in patches if is_alone(p)]
        for name in dict.fromkeys(touched(p)[0] for p in alone):
            header = self.pool.submit(precompile, name, target).result()
            work = [self.pool.submit(self.report, p, judge_alone, header) for p in alone if touched(p)[0] == name]
            for one in work:
                one.result()
            pathlib.Path(f"{header}.gch").unlink(missing_ok=True)

    def run(self, patches):
        targets = {}
        for patch in patches:
            targets.setdefault(note_of(patch)[0], []).append(patch)
        with concurrent.futures.ThreadPoolExecutor(len(targets)) as each:
            for done in [each.submit(self.run_alone, t, p) for t, p in targets.items()]:
                done.result()
        for patch in patches:
            if not is_alone(patch):
                self.report(patch, judge_in_tree)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="ROOM[/NAME]", help="only these")
    parser.add_argument("--part", default="0/1", help="K/N: one of N equal shares, counted from 0")
    parser.add_argument("--rotate", type=int, metavar="N", help="about ten of one judged room, others for each N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time")
    options = parser.parse_args()
    names, part = (options.names, options.part) if options.rotate is None else rotation(options.rotate)
    patches = chosen(names, part)
    if not patches:
        print("mutants: none of that name")
        return 1
    copy_tree()
    # Neither optimised nor with debug information: most of the time goes into compiling and linking.
    configured = sh("cmake", "-S", str(TREE), "-B", str(WORK / "bin"), "-G", "Ninja", "-DBUILD_TESTING=ON",
                    "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCMAKE_CXX_FLAGS_DEBUG=-O0",
                    "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=gold")
    if configured.returncode != 0:
        print(configured.stderr)
        return 1
    judge = Judge(options.jobs)
    try:
        judge.run(patches)
    except RuntimeError as error:
        print(error)
        return 1
    failures = judge.failures
    print(f"mutants: {len(patches) - failures} caught, {failures} failed")
    return 1 if failures else 0


sys.exit(main())
