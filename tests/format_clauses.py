#!/usr/bin/env python3
"""Compares the numbered clauses of docs/FORMAT.md with the tests.

Fails when a clause is cited by no test, or a test cites a clause that does not exist.
    format_clauses.py ROOT [SECTION...]     only these sections (1 2 3); all of them without

A clause is a line "- 2.3.1 text". A citation is "FORMAT 2.3.1" in a file below tests/; more clauses
may follow, separated by commas: "FORMAT 2.3.1, 2.3.2". "FORMAT 2.3.1 to 2.3.4" cites four.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
sections = set(sys.argv[2:])
clause = re.compile(r"\d+\.\d+\.\d+")
text = (root / "docs/FORMAT.md").read_text()
numbers = re.findall(r"^- (\d+\.\d+\.\d+) ", text, re.M)
cited = {}
for path in sorted((root / "tests").rglob("*")):
    if path.suffix not in {".cpp", ".hpp", ".py", ".sh"} or path.name == pathlib.Path(__file__).name:
        continue
    # a name may be broken over two string literals or comment lines
    source = re.sub(r'"\s*\n\s*"|\n\s*//\s*', " ", path.read_text(errors="replace"))
    for first, last in re.findall(r"FORMAT (\d+\.\d+\.\d+) to (\d+\.\d+\.\d+)", source):
        prefix, low = first.rsplit(".", 1)
        for number in range(int(low), int(last.rsplit(".", 1)[1]) + 1):
            cited.setdefault(f"{prefix}.{number}", path.relative_to(root))
    for match in re.finditer(r"FORMAT ((?:\d+\.\d+\.\d+)(?:,\s*\d+\.\d+\.\d+)*)", source):
        for number in clause.findall(match.group(1)):
            cited.setdefault(number, path.relative_to(root))

wanted = [n for n in numbers if not sections or n.split(".")[0] in sections]
faults = [f"FORMAT {n} is cited by no test" for n in wanted if n not in cited]
faults += [f"{path} cites FORMAT {n}, which does not exist" for n, path in sorted(cited.items())
           if n not in numbers and (not sections or n.split(".")[0] in sections)]
faults += [f"clause {n} stands twice" for n in sorted({n for n in numbers if numbers.count(n) > 1})]
print("\n".join(faults) or f"{len(wanted)} clauses, each cited by a test")
sys.exit(bool(faults))
