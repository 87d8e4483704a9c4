#!/usr/bin/env python3
"""Interoperation with two independent TUF implementations, both ways: python-tuf and go-tuf fetch a
release from a repository that pawl-signer made, and our client fetches from repositories they made.
Every test also shows that a changed file is refused, so that no client passes by not looking.

    interop.py FOLDER-OF-PROGRAMS TUF-CLIENT GO-PROGRAM [unittest arguments]
"""
import functools
import hashlib
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from datetime import datetime, timedelta, timezone

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot,
                              SuccinctRoles, TargetFile, Targets, Timestamp)
from tuf.ngclient import Updater

programs = client = go = None
TARGET = "releases/gw3/1.1.0/manifest.json"
VENDOR = "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"
CLASS = "1492af14-2569-5e48-bf42-9b2d51f2ab45"


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-interop-"))
        self.repo = self.folder / "repo"
        handler = functools.partial(Silent, directory=str(self.folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/repo/"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.folder)

    def break_file(self, name, old, new):
        """Changes signed content; returns what puts it back."""
        path = self.repo / "metadata" / name
        good = path.read_bytes()
        self.assertTrue(old in good, f"{name} has no {old}")
        path.write_bytes(good.replace(old, new, 1))
        return lambda: path.write_bytes(good)

    def change(self, name, *path, to):
        """As break_file, for JSON of any layout: sets one value below `signed`."""
        file = self.repo / "metadata" / name
        good = file.read_bytes()
        document = json.loads(good)
        at = document["signed"]
        for step in path[:-1]:
            at = at[step]
        self.assertNotEqual(at[path[-1]], to)
        at[path[-1]] = to
        file.write_text(json.dumps(document))
        return lambda: file.write_bytes(good)


class OurRepository(Case):
    """Made by pawl-signer: root rotated twice, two releases, strict profile."""

    def setUp(self):
        super().setUp()
        for name in ("alice", "bob", "carol", "targets", "rel", "snap", "time"):
            self.sign("key", "new", name, "--software", f"{name}.key")
        self.sign("repo", "init", "repo", "--root", "alice,bob,carol:2", "--targets", "targets",
                  "--snapshot", "snap", "--timestamp", "time", "--product", "gw3=rel",
                  "--ceiling", "gw3=5")
        (self.folder / "image").write_bytes(bytes(range(256)) * 64)
        for version in ("1.0.0", "1.1.0"):
            self.sign("release", "build", "--product", "gw3", "--version", version, "--out",
                      version, "--vendor-id", VENDOR, "--class-id", CLASS, "--hardware", "b",
                      "--component", "name=rootfs,slot_role=rootfs,install=raw,image=image")
            self.sign("release", "add", version)
        for _ in range(2):
            self.sign("renew", "--role", "root")
        self.wanted = (self.folder / "1.1.0/manifest.json").read_bytes()
        self.root = self.repo / "metadata/1.root.json"

    def sign(self, *args):
        done = subprocess.run([programs / "pawl-signer", *args], cwd=self.folder, text=True,
                              capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, f"{args}: {done.stderr}")

    def fetch_with_python(self):
        store = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        updater = Updater(metadata_dir=str(store), metadata_base_url=self.url + "metadata/",
                          target_dir=str(store), target_base_url=self.url + "targets/",
                          bootstrap=self.root.read_bytes())
        updater.refresh()
        info = updater.get_targetinfo(TARGET)
        self.assertIsNotNone(info)
        self.assertEqual(info.unrecognized_fields["custom"]["release_counter"], 2)
        return pathlib.Path(updater.download_target(info)).read_bytes()

    def fetch_with_go(self):
        out = self.folder / "fetched"
        out.unlink(missing_ok=True)
        done = subprocess.run([go, "fetch", self.root, self.url + "metadata", self.url + "targets",
                               TARGET, out], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return out.read_bytes()

    def check(self, fetch):
        self.assertEqual(fetch(), self.wanted)
        timestamp = (self.repo / "metadata/timestamp.json").read_bytes()
        snapshot = json.loads(timestamp)["signed"]["meta"]["snapshot.json"]["version"]
        for name, old, new in (("3.root.json", b'"version":3', b'"version":4'),
                               ("timestamp.json", b'"x-pawl"', b'"x-paws"'),
                               (f"{snapshot}.snapshot.json", b'"x-pawl"', b'"x-paws"'),
                               ("3.rel-gw3.json", b'"release_counter":2', b'"release_counter":9')):
            mend = self.break_file(name, old, new)
            with self.subTest(changed=name), self.assertRaises(Exception):
                fetch()
            mend()
        manifest = self.repo / "targets" / TARGET.replace(
            "manifest.json", hashlib.sha256(self.wanted).hexdigest() + ".manifest.json")
        manifest.write_bytes(self.wanted[:-1] + b" ")
        with self.subTest(changed="manifest"), self.assertRaises(Exception):
            fetch()
        manifest.write_bytes(self.wanted)
        self.assertEqual(fetch(), self.wanted)

    def test_python_tuf_fetches_a_release_from_our_repository(self):
        self.check(self.fetch_with_python)

    def test_go_tuf_fetches_a_release_from_our_repository(self):
        self.check(self.fetch_with_go)


class TheirRepository(Case):
    def ours(self, target):
        """What pawl-tuf-client does: the content, or the reason why not."""
        work = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        run = functools.partial(subprocess.run, capture_output=True, text=True, timeout=60)
        common = ["--metadata-dir", work / "md"]
        done = run([client, *common, "init", self.repo / "metadata/1.root.json"])
        self.assertEqual(done.returncode, 0, done.stderr)
        (work / "out").mkdir()
        done = run([client, *common, "--metadata-url", self.url + "metadata/", "--target-name",
                    target, "--target-dir", work / "out", "--target-base-url",
                    self.url + "targets/", "download"])
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return next((work / "out").iterdir()).read_bytes()

    def check(self, target, content, changes):
        self.assertEqual(self.ours(target), content)
        for name, path, to in changes:
            mend = self.change(name, *path, to=to)
            with self.subTest(changed=name), self.assertRaises(RuntimeError):
                self.ours(target)
            mend()
        for file in (self.repo / "metadata").iterdir():  # another layout is the same document
            file.write_text(json.dumps(json.loads(file.read_bytes()), indent=3))
        self.assertEqual(self.ours(target), content)

    def test_our_client_fetches_from_a_repository_of_go_tuf(self):
        subprocess.run([go, "make", self.repo], check=True, timeout=60)
        target = "bins/file.txt"
        content = next((self.repo / "targets/bins").iterdir()).read_bytes()
        holder = next(p.name for p in (self.repo / "metadata").glob("1.bin-*")
                      if target.encode() in p.read_bytes())
        self.check(target, content, (
            ("2.root.json", ["version"], 3),
            ("timestamp.json", ["version"], 2),
            ("1.snapshot.json", ["meta", "bin-0.json", "version"], 2),
            ("1.targets.json", ["delegations", "succinct_roles", "bit_length"], 3),
            (holder, ["targets", target, "length"], 36)))

    def test_our_client_fetches_from_a_repository_of_python_tuf(self):
        maker = PythonRepository(self.repo)
        maker.make()
        for target, content in maker.targets.items():
            with self.subTest(target=target):
                self.check(target, content, (
                    ("2.root.json", ["version"], 3),
                    ("timestamp.json", ["expires"], "2099-01-01T00:00:00Z"),
                    ("1.snapshot.json", ["meta", "targets.json", "version"], 2),
                    ("1.targets.json", ["version"], 2)))


class PythonRepository:
    """One key of each type for each role kind; delegations by path, by hash prefix and by bins."""

    def __init__(self, folder):
        self.folder = folder
        self.targets = {"plain/a.txt": b"by path\n", "hashed/b.txt": b"by hash prefix\n",
                        "binned/c.txt": b"by hash bin\n"}
        self.expires = (datetime.now(timezone.utc) + timedelta(days=365)).replace(microsecond=0)
        ed, ec, rsa = (CryptoSigner.generate_ed25519, CryptoSigner.generate_ecdsa,
                       CryptoSigner.generate_rsa)
        self.keys = {"root": [ed(), ec(), rsa()], "next": [ed(), ec(), rsa()], "targets": [ec()],
                     "snapshot": [rsa()], "timestamp": [ed()], "plain": [ed(), rsa()],
                     "prefixes": [ec()], "binner": [rsa()], "bins": [ec()]}

    def write(self, name, metadata, signers):
        metadata.signatures.clear()
        for signer in signers:
            metadata.sign(signer, append=True)
        metadata.to_file(str(self.folder / "metadata" / name))

    def file(self, path):
        content = self.targets[path]
        digest = hashlib.sha256(content).hexdigest()
        folder, name = path.rsplit("/", 1)
        (self.folder / "targets" / folder).mkdir(parents=True, exist_ok=True)
        (self.folder / "targets" / folder / f"{digest}.{name}").write_bytes(content)
        return TargetFile.from_data(path, content, ["sha256"])

    def role(self, name, path):
        targets = Targets(expires=self.expires)
        targets.targets[path] = self.file(path)
        self.write(f"1.{name}.json", Metadata(targets), self.keys[name])

    def make(self):
        (self.folder / "metadata").mkdir(parents=True)
        self.make_roots()
        self.role("plain", "plain/a.txt")
        self.role("prefixes", "hashed/b.txt")
        prefix = hashlib.sha256(b"hashed/b.txt").hexdigest()[:3]
        roles = {"plain": DelegatedRole("plain", [], 2, True, paths=["plain/*"]),
                 "prefixes": DelegatedRole("prefixes", [], 1, True, path_hash_prefixes=[prefix]),
                 "binner": DelegatedRole("binner", [], 1, False, paths=["*/*"])}
        top = Targets(expires=self.expires, delegations=Delegations({}, roles=roles))
        for name in roles:
            for key in self.keys[name]:
                top.add_key(key.public_key, name)
        self.write("1.targets.json", Metadata(top), self.keys["targets"])
        meta = {f"{name}.json": MetaFile(1) for name in ("targets", *roles, *self.make_bins())}
        self.write("1.snapshot.json", Metadata(Snapshot(expires=self.expires, meta=meta)),
                   self.keys["snapshot"])
        self.write("timestamp.json", Metadata(Timestamp(expires=self.expires)),
                   self.keys["timestamp"])

    def make_roots(self):
        root = Root(expires=self.expires)
        for name in ("root", "targets", "snapshot", "timestamp"):
            for key in self.keys[name]:
                root.add_key(key.public_key, name)
        root.roles["root"].threshold = 2
        self.write("1.root.json", Metadata(root), self.keys["root"])
        for key in self.keys["root"]:
            root.revoke_key(key.public_key.keyid, "root")
        for key in self.keys["next"]:
            root.add_key(key.public_key, "root")
        root.version = 2
        self.write("2.root.json", Metadata(root), self.keys["root"] + self.keys["next"])

    def make_bins(self):
        path = "binned/c.txt"
        bins = SuccinctRoles([], 1, 4, "bin")
        targets = Targets(expires=self.expires, delegations=Delegations({}, succinct_roles=bins))
        targets.add_key(self.keys["bins"][0].public_key)
        self.write("1.binner.json", Metadata(targets), self.keys["binner"])
        for name in bins.get_roles():
            targets = Targets(expires=self.expires)
            if name == bins.get_role_for_target(path):
                targets.targets[path] = self.file(path)
            self.write(f"1.{name}.json", Metadata(targets), self.keys["bins"])
        return list(bins.get_roles())


if __name__ == "__main__":
    programs, client, go = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
