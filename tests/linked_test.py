#!/usr/bin/env python3
"""What the programs are linked with: the signer has no network library, the updater no PKCS#11 library."""
import pathlib
import re
import subprocess
import sys

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
print("\n".join(bad) or f"{seen} programs, none linked with what it must not have")
sys.exit(bool(bad) or seen == 0)
