#!/usr/bin/env python3
"""What the programs are linked with: the signer has no network library, the updater no PKCS#11 library.

Also that the updater, stripped, is at most 2 MiB.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

BUDGET = {"pawl-updater": 2 * 1024 * 1024}  # bytes, stripped; of the release build
FORBIDDEN = {
    "pawl-signer": r"libcurl|libnghttp2|libpq|libboost|libtss2",
    "pawl-updater": r"libp11|libsofthsm|p11-kit|libpq|libsqlite",
}
binaries = pathlib.Path(sys.argv[1])
bad, seen = [], 0
for name, pattern in FORBIDDEN.items():
    program = binaries / name
    if not program.exists():
        continue
    seen += 1
    needed = re.findall(r"NEEDED\s+(\S+)", subprocess.check_output(["objdump", "-p", program], text=True))
    bad += [f"{name} is linked with {lib}" for lib in needed if re.search(pattern, lib)]
    print(name, *needed)
    if name in BUDGET and binaries.parent.name == "release":
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-o", stripped.name, program], check=True)
            size = pathlib.Path(stripped.name).stat().st_size
        print(f"{name} stripped: {size} bytes")
        if size > BUDGET[name]:
            bad.append(f"{name} has {size} bytes stripped, the budget is {BUDGET[name]}")
print("\n".join(bad) or f"{seen} programs, none linked with what it must not have")
sys.exit(bool(bad) or seen == 0)
