#!/usr/bin/env python3
"""Walks every program's --help: each verb answers --help with 0, names its options, refuses an unknown
option with 2 as text and as JSON, and appears in its man page.

Then runs each verb twice, in the order of the program's table in tests/verbs/: once it succeeds with one
JSON object per line ("schema": 1), once it is refused with exactly the expected code. A verb without a row,
and a row without a verb, fails.

    verbs_test.py FOLDER-OF-PROGRAMS [PROGRAM...]
"""
import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

binaries = pathlib.Path(sys.argv[1]).resolve()
source = pathlib.Path(__file__).resolve().parent.parent
bad, walked, ran = [], 0, 0


def run(*args, **more):
    return subprocess.run(args, capture_output=True, text=True, timeout=120, **more)


def subcommands(text):
    after = text.split("Subcommands:", 1)
    return re.findall(r"^  ([a-z][a-z-]*)\s", after[1], re.M) if len(after) == 2 else []


def walk(program, path, page, verbs):
    global walked
    helped = run(program, *path, "--help")
    if helped.returncode != 0 or "Usage:" not in helped.stdout:
        bad.append(f"{program.name} {' '.join(path)} --help: exit {helped.returncode}")
        return
    below = subcommands(helped.stdout)
    for verb in below:
        walk(program, [*path, verb], page, verbs)
    if below or not path:
        return
    walked += 1
    spelled = " ".join(path)
    verbs.append(spelled)
    if spelled not in page:
        bad.append(f"{program.name}: '{spelled}' is not in its man page")
    for option in ("--json", "--progress", "--log"):
        if option not in helped.stdout:
            bad.append(f"{program.name} {spelled}: no {option}")
    refused = run(program, *path, "--no-such-option", "--json")
    try:
        code = json.loads(refused.stdout)["code"]
    except (ValueError, KeyError):
        code = None
    if refused.returncode != 2 or code != 2 or not refused.stderr.startswith(program.name + ": "):
        bad.append(f"{program.name} {spelled} --no-such-option: exit {refused.returncode}, code {code}")


def objects(text):
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return []


def spell(words, here):
    if callable(words):
        words = words(here)
    return [str(word).format(here=here) for word in words]


def check_good(program, verb, row, here):
    if row.before:
        row.before(here)
    words = [program, *verb.split(), *spell(row.good, here), "--json"]
    if row.serves:
        status, results = serve(words, here)
    else:
        done = run(*words, cwd=here, **source_of(row.stdin))
        status, results = done.returncode, objects(done.stdout)
        if status != 0:
            bad.append(f"{program.name} {verb}: {done.stderr.strip()}")
    if status != 0 or not results or any(r.get("schema") != 1 for r in results):
        bad.append(f"{program.name} {verb} {' '.join(words[1:])}: exit {status}, results {results}")


def source_of(text):
    return {"input": text} if text else {"stdin": subprocess.DEVNULL}


def serve(words, here):
    """Starts it, waits for the line that says it is ready, asks it to end."""
    child = subprocess.Popen(words, cwd=here, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    ready = child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    try:
        rest, _ = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        rest, _ = child.communicate()
    return child.returncode, objects(ready + rest)


def check_refused(program, verb, row, here):
    if row.before_refusal:
        row.before_refusal(here)
    words = [program, *verb.split(), *spell(row.refused, here)]
    as_text = run(*words, cwd=here, **source_of(row.stdin))
    as_json = run(*words, "--json", cwd=here, **source_of(row.stdin))
    result = (objects(as_json.stdout) or [{}])[-1]
    told = as_text.stderr.startswith(f"{program.name}: ") or f"\n{program.name}: " in as_text.stderr
    if (as_text.returncode, as_json.returncode, result.get("code")) != (row.code, row.code, row.code) or not told:
        bad.append(f"{program.name} {verb} {' '.join(row.refused)}: exit {as_text.returncode}, JSON {result}, "
                   f"expected {row.code}: {as_text.stderr.strip()}")
    if result.get("ok") is not False or not result.get("error") or not result.get("message"):
        bad.append(f"{program.name} {verb}: an error in JSON has ok, code, error and message, not {result}")


def run_rows(program, verbs):
    global ran
    name = program.name.replace("-", "_")
    if not (source / "tests/verbs" / f"{name}.py").exists():
        bad.append(f"{program.name}: no table tests/verbs/{name}.py")
        return
    table = importlib.import_module(f"verbs.{name}")
    for verb in set(verbs) ^ set(table.ROWS):
        bad.append(f"{program.name} {verb}: " + ("no row in its table" if verb in verbs else "a row, but no verb"))
    with tempfile.TemporaryDirectory(prefix="pawl-verbs-") as folder:
        here = pathlib.Path(folder)
        table.prepare(binaries, here)
        for verb, row in table.ROWS.items():
            if verb in verbs:
                check_refused(program, verb, row, here)
                check_good(program, verb, row, here)
                ran += 1


os.umask(0o022)
for program in sorted(binaries.glob("pawl-*")):
    if len(sys.argv) > 2 and program.name not in sys.argv[2:]:
        continue
    version = run(program, "--version")
    if version.returncode != 0 or not re.fullmatch(rf"{program.name} \d+\.\d+\.\d+\n", version.stdout):
        bad.append(f"{program.name} --version: {version.stdout!r}")
    manual = source / "docs/man" / f"{program.name}.scd"
    # scdoc marks verbs up as *key new*; underscores and stars are formatting
    found = []
    walk(program, [], re.sub(r"[*_\\]", "", manual.read_text()) if manual.exists() else "", found)
    run_rows(program, found)
print("\n".join(bad) or f"{walked} verbs walked, {ran} run for success and for refusal")
sys.exit(bool(bad) or walked == 0)
