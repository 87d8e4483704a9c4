#!/usr/bin/env python3
"""Runs the commands that documents show.

In README.md, docs/*.md and docs/runbooks/*.md each fenced block marked ```sh run is executed, in order, in
one shell per document (`set -eu`), in a scratch copy of nothing: $PAWL is the checkout, $WORK an empty
folder and the programs are on PATH. A block marked ```sh is only shown; README must have at least one that
runs or names a command of this repository that exists.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIMIT = 900


def blocks(text):
    return re.findall(r"^```sh run\n(.*?)^```$", text, re.M | re.S)


def named_files(text):
    shown = "\n".join(re.findall(r"^```sh(?: run)?\n(.*?)^```$", text, re.M | re.S))
    return re.findall(r"(?<![\w/$])\./?((?:examples|tests|packaging|\.ci)/[\w./-]+)", shown)


def run(document):
    text = document.read_text()
    missing = [f for f in named_files(text) if not (ROOT / f).exists()]
    if missing:
        return 0, f"names files that do not exist: {missing}"
    script = "set -eu\n" + "\n".join(blocks(text))
    if not blocks(text):
        return 0, None
    with tempfile.TemporaryDirectory(prefix="pawl-docs-") as work:
        env = dict(os.environ, PAWL=str(ROOT), WORK=work, PATH=f"{ROOT}/build/release/bin:{os.environ['PATH']}")
        done = subprocess.run(["bash", "-c", script], cwd=work, env=env, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        return len(blocks(text)), f"exit {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    return len(blocks(text)), None


documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/runbooks").glob("*.md"))]
ran, bad = 0, []
for document in documents:
    count, problem = run(document)
    ran += count
    if problem:
        bad.append(f"{document.relative_to(ROOT)}: {problem}")
print("\n".join(bad) or f"{ran} blocks of {len(documents)} documents ran")
sys.exit(bool(bad))
