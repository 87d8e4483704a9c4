#!/usr/bin/env python3
"""pawl-signer with a token of yours: the same path as with SoftHSM, on real hardware.

    PAWL_TEST_PKCS11_MODULE=/usr/lib/.../yubihsm_pkcs11.so PAWL_TEST_PKCS11_URI='pkcs11:token=YubiHSM;serial=...' \\
    PAWL_TEST_PKCS11_PIN=... token_test.py FOLDER-OF-PROGRAMS

A URI with `object` uses that key. One without makes a key pawl-test-HEX, which stays on the token. No wrong PIN is ever
tried. Names module and PIN by the variables alone: without them nothing is run.
"""
import os
import pathlib
import re
import secrets
import sys
import unittest

import signer_test
from signer_test import Signer

NAMES = ("PAWL_TEST_PKCS11_MODULE", "PAWL_TEST_PKCS11_URI", "PAWL_TEST_PKCS11_PIN")


class Token(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        module, uri, pin = (os.environ.pop(name) for name in NAMES)
        cls.s = Signer()
        cls.s.env = dict(os.environ)  # SoftHSM's configuration of the other tests is not ours
        (cls.s.folder / "pin").write_text(pin)
        for name in ("root", "targets", "snap", "time"):
            cls.s.json("key", "new", name, "--software", f"{name}.key")
        existing = ["--existing"] if "object=" in uri else []
        if not existing:
            uri += f";object=pawl-test-{secrets.token_hex(4)}"
        cls.made = cls.s.json("key", "new", "rel", "--uri", f"{uri}?module-path={module}", "--pin", "file:pin", *existing)[0]
        cls.s.json("repo", "init", "repo", "--root", "root", "--targets", "targets", "--snapshot", "snap", "--timestamp",
                   "time", "--product", "gw3=rel", "--ceiling", "gw3=5")
        cls.doctor = next(row for row in cls.s.json("doctor") if row["key"] == "rel")

    @classmethod
    def tearDownClass(cls):
        cls.s.close()

    def test_1_the_key_stays_in_the_token(self):
        self.assertIn(self.made["custody"], ("token_private", "token_born"))
        self.assertTrue(self.doctor["ok"])
        self.assertTrue(self.doctor["signs_ed25519"])
        self.assertIn(self.doctor["point"], ("hidden", "raw", "octet_string", "bit_string"))
        self.assertTrue(os.path.isabs(self.doctor["module"]))

    def test_2_a_release_is_signed_and_a_device_accepts_it(self):
        self.assertEqual(self.s.build("1.0.0", "r1").returncode, 0)
        done = self.s.run("release", "add", "r1")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = self.s.json("verify", "repo")[0]
        self.assertEqual([(r["version"], r["accepted"]) for r in report["releases"]], [("1.0.0", True)])

    def test_3_what_is_too_much_for_the_token_is_refused_and_nothing_else(self):
        limit = self.doctor["message_limit"]
        if limit > 8192:
            self.assertEqual(self.s.run("renew", "--role", "rel-gw3").returncode, 0)
            return
        for n in range(2, 40):
            self.assertEqual(self.s.build(f"1.{n}.0", f"r{n}").returncode, 0)
            done = self.s.run("release", "add", f"r{n}")
            if done.returncode != 0:
                self.assertEqual(done.returncode, 11, done.stderr)
                self.assertIn("prune releases", done.stderr)
                return
        self.fail(f"40 releases fit in {limit} bytes")

    def test_4_the_pin_is_in_no_file_and_no_output(self):
        pin = re.escape((self.s.folder / "pin").read_bytes())
        whole = re.compile(rb"(?<![0-9A-Za-z])" + pin + rb"(?![0-9A-Za-z])")  # not digits inside a digest
        for path in self.s.folder.rglob("*"):
            if path.is_file() and path.name != "pin" and path.suffix in (".json", ".toml", ".ledger"):
                self.assertIsNone(whole.search(path.read_bytes()), path)


if __name__ == "__main__":
    signer_test.signer = str(pathlib.Path(sys.argv.pop(1)).resolve() / "pawl-signer")
    missing = [name for name in NAMES if not os.environ.get(name)]
    if missing:
        print(f"no token to test with: set {', '.join(missing)}")
        sys.exit(77)
    unittest.main()
