#!/usr/bin/env python3
"""Walks every program's --help: each verb answers --help with 0, names its options, refuses an unknown
option with 2 as text and as JSON, and appears in its man page."""
import json
import pathlib
import re
import subprocess
import sys

binaries = pathlib.Path(sys.argv[1])
source = pathlib.Path(__file__).resolve().parent.parent
bad, walked = [], 0


def run(*args):
    return subprocess.run(args, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


def subcommands(text):
    after = text.split("Subcommands:", 1)
    return re.findall(r"^  ([a-z][a-z-]*)\s", after[1], re.M) if len(after) == 2 else []


def walk(program, path, page):
    global walked
    helped = run(program, *path, "--help")
    if helped.returncode != 0 or "Usage:" not in helped.stdout:
        bad.append(f"{program.name} {' '.join(path)} --help: exit {helped.returncode}")
        return
    below = subcommands(helped.stdout)
    for verb in below:
        walk(program, [*path, verb], page)
    if below or not path:
        return
    walked += 1
    spelled = " ".join(path)
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


for program in sorted(binaries.glob("pawl-*")):
    version = run(program, "--version")
    if version.returncode != 0 or not re.fullmatch(rf"{program.name} \d+\.\d+\.\d+\n", version.stdout):
        bad.append(f"{program.name} --version: {version.stdout!r}")
    manual = source / "docs/man" / f"{program.name}.scd"
    # scdoc marks verbs up as *key new*; underscores and stars are formatting
    walk(program, [], re.sub(r"[*_\\]", "", manual.read_text()) if manual.exists() else "")
print("\n".join(bad) or f"{walked} verbs walked")
sys.exit(bool(bad) or walked == 0)
