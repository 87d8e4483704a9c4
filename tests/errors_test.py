#!/usr/bin/env python3
"""Errc (base/result.hpp), docs/ERRORS.md and the EXIT STATUS of every man page must agree; so must the faults
of a TPM (tpm/fault.cpp) and their runbook."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
code = {
    (int(value), name)
    for name, value in re.findall(r"^  k(\w+) = (\d+),", (root / "base/result.hpp").read_text(), re.M)
}
snake = {(v, re.sub(r"(?<!^)(?=[A-Z])", "_", n).lower()) for v, n in code}
rows = {
    (int(value), name)
    for value, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", (root / "docs/ERRORS.md").read_text(), re.M)
}
bad = [f"docs/ERRORS.md lacks {v} {n}" for v, n in sorted(snake - rows)]
bad += [f"docs/ERRORS.md has {v} {n}, Errc has not" for v, n in sorted(rows - snake)]
names = (root / "base/result.cpp").read_text()
bad += [f"errc_name lacks {n}" for _, n in sorted(snake) if f'return "{n}";' not in names]
for page in sorted((root / "docs/man").glob("pawl-*.scd")):
    listed = {(int(v), n) for v, n in re.findall(r"^\*(\d+)\* (\w+)", page.read_text(), re.M)}
    bad += [f"{page.name}: {v} {n} is not an Errc" for v, n in sorted(listed - snake)]
    if not listed:
        bad.append(f"{page.name}: no EXIT STATUS rows like '*14* rollback'")
faults = set(re.findall(r'return "(\w+)";', (root / "tpm/fault.cpp").read_text())) - {"none"}
known = set(re.findall(r"^\| `(\w+)` \|", (root / "docs/runbooks/tpm.md").read_text(), re.M))
bad += [f"docs/runbooks/tpm.md and tpm/fault.cpp disagree on {n}" for n in sorted(faults ^ known)]
print("\n".join(bad) or f"{len(snake)} codes agree")
sys.exit(bool(bad))
