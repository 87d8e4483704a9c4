#!/usr/bin/env python3
"""Ceremonies with real SoftHSM tokens on machines apart, which only exchange files.

    ceremony_test.py FOLDER-OF-PROGRAMS [unittest arguments]
"""
import json
import pathlib
import re
import shutil
import sys
import unittest

import signer_test
from signer_test import Signer


class Machine(Signer):
    """One person's folder: a token of their own, one key, no repository."""

    def __init__(self, name):
        super().__init__()
        self.name = name
        self.token(name)
        self.key(name)
        self.record = self.folder / "keys" / f"{name}.pub.json"

    def pin_repository(self, identity):
        path = self.folder / "signer.toml"
        path.write_text(f'repository_id = "{identity}"\n' + path.read_text())

    def copy_of(self, source):
        return pathlib.Path(shutil.copy(source, self.folder / source.name))

    def words(self, file):
        return self.json("ceremony", "show", file.name)[0]["words"]

    def sign(self, file, words):
        """Takes a copy, compares the words, signs; returns the copy, which travels back."""
        mine = self.copy_of(file)
        done = self.run("ceremony", "sign", mine.name, "--words", words)
        assert done.returncode == 0, done.stderr
        return mine


class Ceremony(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.office = Signer()
        cls.office.token("office")
        for name in ("setup", "targets", "snap", "time", "rel"):
            cls.office.key(name, "office")
        made = cls.office.json("repo", "init", "repo", "--root", "setup:1", "--targets", "targets", "--snapshot",
                               "snap", "--timestamp", "time", "--product", "gw3=rel", "--ceiling", "gw3=5")
        cls.identity = made[0]["repository_id"]
        cls.people = {name: Machine(name) for name in ("alice", "bob", "carol", "dave", "erin", "frank", "grace",
                                                       "heidi")}
        for person in cls.people.values():
            person.pin_repository(cls.identity)
            shutil.copy(person.record, cls.office.folder / "keys")

    @classmethod
    def tearDownClass(cls):
        for machine in (cls.office, *cls.people.values()):
            machine.close()

    def records(self, *names):
        return ",".join(f"keys/{name}.pub.json" for name in names)

    def begin(self, name, *change):
        done = self.office.run("ceremony", "new", name, *change)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.office.folder / name

    def collect(self, file, *names):
        """Each signs a copy of the unsigned file; the office merges the copies."""
        words = self.office.json("ceremony", "show", file.name)[0]["words"]
        copies = [self.people[name].sign(file, words) for name in names]
        merging = [part for copy in copies for part in ("--from", copy)]
        done = self.office.run("ceremony", "merge", file.name, *merging)
        self.assertEqual(done.returncode, 0, done.stderr)

    def office_signs(self, file):
        words = self.office.json("ceremony", "show", file.name)[0]["words"]
        done = self.office.run("ceremony", "sign", file.name, "--words", words)
        self.assertEqual(done.returncode, 0, done.stderr)

    def office_signs_no_other_manifest_of_it(self):
        """The ledger knows what was signed, published or not."""
        done = self.office.build("1.0.0", "forged", "--severity", "high")
        self.assertEqual(done.returncode, 0, done.stderr)
        file = self.begin("forged.ceremony", "--release", "forged")
        words = self.office.json("ceremony", "show", file.name)[0]["words"]
        done = self.office.run("ceremony", "sign", file.name, "--words", words)
        self.assertEqual((done.returncode, "another manifest of gw3 1.0.0" in done.stderr), (17, True), done.stderr)

    def publish(self, file):
        done = self.office.run("ceremony", "publish", file.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = self.office.json("verify", "repo", "--root", "repo/metadata/1.root.json")[0]
        return {role["role"]: role["version"] for role in report["roles"]}

    def test_1_root_goes_to_three_of_five_people(self):
        five = self.records("alice", "bob", "carol", "dave", "erin")
        file = self.begin("handover.ceremony", "--root", f"{five}:3")
        done = self.office.run("ceremony", "check", file.name)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stderr, r"3 more of .*alice \(")  # in the order of key ids
        self.office_signs(file)
        self.collect(file, "alice", "bob")
        done = self.office.run("ceremony", "publish", file.name)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stderr, r"1 more of .*carol \(")
        self.collect(file, "carol")
        self.assertEqual(self.publish(file)["root"], 2)

    def test_2_two_keys_are_rotated_at_once(self):
        file = self.begin("rotation.ceremony", "--root",
                          self.records("alice", "bob", "carol", "frank", "grace") + ":3")
        shown = self.office.run("ceremony", "show", file.name).stdout
        for line in ("root: frank (", "root: grace ("):
            self.assertIn(line, shown)
        self.assertEqual(shown.count("may no longer sign"), 2)
        self.collect(file, "alice", "bob", "carol")
        self.assertEqual(self.publish(file)["root"], 3)

    def test_3_one_token_is_lost(self):
        file = self.begin("lost.ceremony", "--root",
                          self.records("alice", "carol", "frank", "grace", "heidi") + ":3")
        self.collect(file, "alice", "carol", "frank")
        self.assertEqual(self.publish(file)["root"], 4)

    def test_4_nobody_signs_what_was_not_shown(self):
        file = self.begin("ceiling.ceremony", "--ceiling", "gw3=6")
        alice = self.people["alice"]
        mine = alice.copy_of(file)
        words = alice.words(mine)
        self.assertIn("IRREVERSIBLE: ceiling of gw3: 5 -> 6", alice.run("ceremony", "show", mine.name).stdout)
        pin = alice.folder / "pin"
        right = pin.read_text()
        pin.write_text("000000")  # whoever got as far as the PIN would say so
        for change in (lambda c: c["signed"].update(ceilings={"gw3": 99}),
                       lambda c: c["policy"]["ceilings"].update(gw3=99),
                       lambda c: c.update(scope=[]),
                       lambda c: c["signed"]["roles"]["root"].update(threshold=1)):
            content = json.loads(file.read_text())
            change(content)
            mine.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n")
            done = alice.run("ceremony", "sign", mine.name, "--words", words)
            self.assertIn(done.returncode, (2, 10), done.stderr)
            self.assertTrue(done.stderr.startswith("pawl-signer: "), done.stderr)
            self.assertNotIn("PIN", done.stderr)
        alice.copy_of(file)
        for given in ((), ("--words", words.replace(words.split()[0], "zebra", 1))):
            self.assertEqual(alice.run("ceremony", "sign", mine.name, *given).returncode, 2)
        self.assertEqual(json.loads(mine.read_text())["signatures"], [])
        pin.write_text(right)
        stranger = Machine("mallory")
        try:
            stranger.pin_repository("0" * 64)
            theirs = stranger.copy_of(file)
            self.assertEqual(stranger.run("ceremony", "sign", theirs.name, "--words", words).returncode, 12)
        finally:
            stranger.close()

    def test_4_another_token_of_the_same_name_gets_no_pin(self):
        file = self.begin("token.ceremony", "--ceiling", "gw3=8")
        alice = self.people["alice"]
        mine = alice.copy_of(file)
        words = alice.words(mine)
        record = json.loads(alice.record.read_text())
        serial = re.search("serial=([0-9a-f]+)", record["uri"]).group(1)
        tokens, toml, pin = alice.folder / "tokens", alice.folder / "signer.toml", alice.folder / "pin"
        kept, right = toml.read_text(), pin.read_text()
        pin.write_text("000000")  # whoever got as far as the PIN would say so
        tokens.rename(alice.folder / "away")
        tokens.mkdir()
        alice.token("alice")
        done = alice.run("ceremony", "sign", mine.name, "--words", words)
        self.assertEqual(done.returncode, 41, done.stderr)
        self.assertIn(f"plug in the token with serial '{serial}'", done.stderr)
        self.assertNotIn("PIN", done.stderr)
        shutil.rmtree(tokens)
        (alice.folder / "away").rename(tokens)
        toml.write_text(kept.replace("[keys.alice]", f'[keys.alice]\nuri = "{record["uri"].replace(f"serial={serial};", "")}"'))
        self.assertNotIn("serial=", toml.read_text())
        done = alice.run("ceremony", "sign", mine.name, "--words", words)
        self.assertEqual((done.returncode, serial in done.stderr), (24, True), done.stderr)
        toml.write_text(kept)
        pin.write_text(right)
        done = alice.run("ceremony", "sign", mine.name, "--words", words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"token 'alice', serial '{serial}'", done.stderr)

    def test_4_a_machine_without_ledger_signs_nothing(self):
        file = self.begin("ledger.ceremony", "--ceiling", "gw3=7")
        alice = self.people["alice"]
        mine = alice.copy_of(file)
        words = alice.words(mine)
        ledger = alice.folder / "signer.ledger"
        kept = ledger.read_bytes()
        pin = alice.folder / "pin"
        right = pin.read_text()
        pin.write_text("000000")
        first = kept.splitlines(True)[0]
        for content, says in ((None, "no ledger"), (first, "older than what is published")):
            ledger.unlink()
            if content:
                ledger.write_bytes(content)
            done = alice.run("ceremony", "sign", mine.name, "--words", words)
            self.assertEqual((done.returncode, says in done.stderr), (17, True), done.stderr)
            self.assertNotIn("PIN", done.stderr)
            ledger.write_bytes(kept)
        pin.write_text(right)
        alice.sign(file, words)

    def test_5_a_release_is_signed_by_two_machines(self):
        both = "gw3=rel,keys/dave.pub.json"
        file = self.begin("early.ceremony", "--product", f"{both}:2")
        self.office_signs(file)
        done = self.office.run("ceremony", "publish", file.name)  # the role in force has one signature
        self.assertEqual((done.returncode, "rel-gw3 needs 2" in done.stderr), (3, True), done.stderr)
        file = self.begin("both.ceremony", "--product", f"{both}:1")
        self.office_signs(file)
        self.publish(file)
        file = self.begin("renewed.ceremony", "--renew", "rel-gw3")
        self.office_signs(file)
        self.collect(file, "dave")
        self.publish(file)
        file = self.begin("two.ceremony", "--product", f"{both}:2")
        self.office_signs(file)
        self.publish(file)
        done = self.office.build("1.0.0", "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.office.run("release", "add", "out")
        self.assertEqual(done.returncode, 3, done.stderr)  # one key at hand, two are needed
        file = self.begin("release.ceremony", "--release", "out")
        self.office_signs(file)
        self.office_signs_no_other_manifest_of_it()
        self.collect(file, "dave")
        done = self.office.run("ceremony", "publish", file.name)
        self.assertEqual((done.returncode, "--release" in done.stderr), (2, True), done.stderr)
        dry = self.office.json("ceremony", "publish", file.name, "--release", "out", "--dry-run")[0]
        self.assertFalse(dry["changed"])
        done = self.office.run("ceremony", "publish", file.name, "--release", "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = self.office.json("verify", "repo")[0]
        self.assertEqual([(r["version"], r["accepted"]) for r in report["releases"]], [("1.0.0", True)])


if __name__ == "__main__":
    signer_test.signer = str(pathlib.Path(sys.argv.pop(1)).resolve() / "pawl-signer")
    unittest.main()
