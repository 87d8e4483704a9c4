#!/usr/bin/env python3
"""The table of states in docs/ARCHITECTURE.md is the one in updater/state.hpp."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
code = (root / "updater/state.hpp").read_text()
names = {"State": {}, "Event": {}}
for kind in names:
    enum = re.search(rf"enum class {kind} : std::uint8_t {{(.*?)}};", code, re.S).group(1)
    listed = re.search(rf"k{kind}Names{{(.*?)}};", code, re.S).group(1)
    names[kind] = dict(zip(re.findall(r"^\s*(k\w+),", enum, re.M), re.findall(r'"([\w-]+)"', listed)))
rows = re.findall(r"Transition{State::(k\w+), Event::(k\w+), State::(k\w+)}", code)
table = {(names["State"][a], names["Event"][e], names["State"][b]) for a, e, b in rows}
drawn = set(re.findall(r"^\| ([\w-]+) \| ([\w-]+) \| ([\w-]+) \|$", (root / "docs/ARCHITECTURE.md").read_text(), re.M))
drawn.discard(("from", "event", "to"))
bad = [f"only in state.hpp: {row}" for row in sorted(table - drawn)]
bad += [f"only in ARCHITECTURE.md: {row}" for row in sorted(drawn - table)]
print("\n".join(bad) or f"{len(table)} transitions agree")
sys.exit(bool(bad) or not table)
