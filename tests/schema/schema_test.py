#!/usr/bin/env python3
"""docs/release.schema.json says what the parser does (FORMAT 3): over good manifests, and over every change of
one member that a table of values gives, schema and parser accept and refuse the same ones.

    schema_test.py RELEASE-JUDGE [unittest arguments]
"""
import copy
import json
import pathlib
import subprocess
import sys
import unittest

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed", file=sys.stderr)
    sys.exit(77)

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DIGEST = "0123456789abcdef" * 4
# values of other types, and the edges of every limit in the schema
VALUES = (True, 0, 1, 2, 10, 11, 16, 17, 23, 24, 100, 101, 65535, 65536, 86400, 86401, 31536000, 31536001, 2**40,
          2**40 + 1, 253402300799, 253402300800, 2**53 - 1, "", "a", "A", "b-1", "1.0", "1..0", "-1", "svid",
          "none", "uki", "raw", "handler:", "handler:x", "high", "DE", "DE-BY", "D", "GERMANY", "section:.x",
          "section:", "efi-uki", DIGEST, DIGEST[:-1], DIGEST.upper(), "x" * 64, "x" * 65, "x" * 128,
          "x" * 129, "x" * 512, "x" * 513, [], [1], ["geo"], {}, {"size": 1, "sha256": DIGEST})
# what a schema cannot say (its description)
BEYOND = ("not sorted", "twice", "above security_version", "names an absent member")


def places(value, path=()):
    """Every member and item below `value`, by path."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        yield (*path, key)
        if isinstance(child, (dict, list)):
            yield from places(child, (*path, key))


def changed(document, path, change):
    out = copy.deepcopy(document)
    at = out
    for step in path[:-1]:
        at = at[step]
    change(at, path[-1])
    return out


def variants(document):
    yield "as it is", document
    for path in places(document):
        name = "/".join(map(str, path))
        yield f"without {name}", changed(document, path, lambda at, key: at.pop(key))
        for value in VALUES:
            yield f"{name} = {json.dumps(value)[:40]}", changed(
                document, path, lambda at, key, v=value: at.__setitem__(key, v))
        if isinstance(path[-1], int):
            for count in (8, 9, 16, 17, 32, 33, 64, 65, 256, 257):
                yield f"{name}, {count} times", changed(
                    document, path, lambda at, key, n=count: at.__setitem__(slice(None), [at[key]] * n))
    yield "an unknown member", {**document, "later": {"any": "thing"}}
    yield "a member in upper case", {**document, "Later": 1}


class Schema(unittest.TestCase):
    def verdicts(self, documents):
        """The parser's: for each document None, or why not."""
        lines = [json.dumps(d, separators=(",", ":"), sort_keys=True) for d in documents]
        done = subprocess.run([self.program], input="\n".join(lines) + "\n", capture_output=True, text=True,
                              timeout=120, check=True)
        answers = done.stdout.splitlines()
        self.assertEqual(len(answers), len(lines))
        return [None if answer == "ok" else answer for answer in answers]

    def test_schema_and_parser_agree(self):
        schema = json.loads((SOURCE / "docs/release.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        good = [json.loads(p.read_text()) for p in sorted((SOURCE / "tests/fuzz/corpus/release").iterdir())]
        self.assertGreater(len(good), 1)
        full = max(good, key=lambda d: len(json.dumps(d)))
        full.update(advisories=["CVE-2026-1"], support_until=9, regulatory_id="RX",
                    encryption={"scheme": "s", "key_id": DIGEST[:16]})
        full["components"][0]["verity_root"] = DIGEST
        for document in good:
            self.assertTrue(validator.is_valid(document))
        cases = [(name, document) for name, document in variants(full)
                 if isinstance(document.get("_type"), str) and document["_type"] == "pawl.release"]
        accepted = 0
        for (name, document), why in zip(cases, self.verdicts(d for _, d in cases)):
            valid = validator.is_valid(document)
            if valid and why and any(word in why for word in BEYOND):
                continue
            accepted += valid
            with self.subTest(name):
                self.assertEqual(valid, why is None, why)
        print(f"{len(cases)} manifests, {accepted} of them good")
        self.assertGreater(accepted, 100)
        self.assertGreater(len(cases) - accepted, 1000)


if __name__ == "__main__":
    Schema.program = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
