#!/usr/bin/env python3
"""pawl-signer with real SoftHSM tokens: from empty tokens to releases that a device accepts.

    signer_test.py FOLDER-OF-PROGRAMS [unittest arguments]
"""
import fcntl
import glob
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
MEASURE = "/usr/lib/systemd/systemd-measure"
STUBS = sorted(glob.glob("/usr/lib/systemd/boot/efi/linux*.efi.stub"))
SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))
from verbs import attestation  # noqa: E402

PIN = "471108"
VENDOR = "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"
CLASS = "1492af14-2569-5e48-bf42-9b2d51f2ab45"
TOKENS = ("alice", "bob", "carol", "targets", "rel", "online")
signer = None


class Signer:
    """One folder with tokens, signer.toml and repository."""

    def __init__(self):
        os.umask(0o022)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-signer-"))
        (self.folder / "tokens").mkdir()
        conf = self.folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self.folder}/tokens\nlog.level = ERROR\n")
        self.env = dict(os.environ, SOFTHSM2_CONF=str(conf))
        pin = self.folder / "pin"
        pin.write_text(PIN)
        pin.chmod(0o600)

    def token(self, label):
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN,
                        "--so-pin", "officer1"], env=self.env, check=True, capture_output=True)

    def run(self, *args, **kw):
        return subprocess.run([signer, *map(str, args)], cwd=self.folder, env=self.env, text=True,
                              capture_output=True, timeout=120, stdin=subprocess.DEVNULL, **kw)

    def json(self, *args):
        done = self.run(*args, "--json")
        assert done.returncode == 0, f"{args}: {done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def key(self, name, token=None):
        return self.json("key", "new", name, "--uri",
                         f"pkcs11:token={token or name}?module-path={MODULE}", "--pin", "file:pin")[0]

    def init(self):
        return self.json("repo", "init", "repo", "--root", "alice,bob,carol:2", "--targets", "targets",
                         "--snapshot", "snap", "--timestamp", "time", "--product", "gw3=rel",
                         "--ceiling", "gw3=5")[0]

    def build(self, version, out, *more, product="gw3"):
        image = self.folder / f"{version}.img"
        if not image.exists():
            image.write_bytes(random.Random(version).randbytes(300_000))
        return self.run("release", "build", "--product", product, "--version", version, "--out", out,
                        "--vendor-id", VENDOR, "--class-id", CLASS, "--hardware", "b", "--level", 1,
                        "--component", f"name=rootfs,slot_role=rootfs,install=raw,image={image}",
                        *more)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def full():
    """Tokens, keys and an empty repository."""
    made = Signer()
    for label in TOKENS:
        made.token(label)
    for name in ("alice", "bob", "carol", "targets", "rel"):
        made.key(name)
    made.key("snap", "online")
    made.key("time", "online")
    made.init()
    return made


class Repository(unittest.TestCase):
    """Every test works on its own copy of one prepared folder."""

    @classmethod
    def setUpClass(cls):
        cls.prepared = full()

    @classmethod
    def tearDownClass(cls):
        cls.prepared.close()

    def setUp(self):
        self.s = Signer()
        shutil.copytree(self.prepared.folder, self.s.folder, dirs_exist_ok=True)
        conf = self.s.folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self.s.folder}/tokens\nlog.level = ERROR\n")

    def tearDown(self):
        self.s.close()

    def refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith("pawl-signer: "), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def publish(self, version, out, *more):
        done = self.s.build(version, out, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.s.run("release", "add", out)
        self.assertEqual(done.returncode, 0, done.stderr)

    def accepted(self):
        report = self.s.json("verify", "repo")[0]
        self.assertTrue(all(r["accepted"] for r in report["releases"]), report)
        return [r["version"] for r in report["releases"]]

    def test_keys_were_born_in_their_tokens_and_never_leave(self):
        for key in self.s.json("key", "list"):
            self.assertEqual(key["custody"], "token_born")
        asked = subprocess.run(
            ["pkcs11-tool", "--module", MODULE, "--token-label", "rel", "--login", "--pin", PIN,
             "--list-objects", "--type", "privkey"], env=self.s.env, text=True, capture_output=True)
        self.assertIn("sensitive, always sensitive, never extractable, local", asked.stdout)

    def test_each_key_signs_for_its_role_alone(self):
        signs = {key["name"]: key["signs"] for key in self.s.json("key", "list")}
        self.assertEqual(signs, {"alice": "root", "bob": "root", "carol": "root", "rel": "rel-gw3",
                                 "snap": "snapshot", "targets": "targets", "time": "timestamp"})

    def test_from_build_to_a_device_that_accepts(self):
        self.publish("1.0.0", "r1")
        self.publish("1.1.0", "r2")
        self.assertEqual(self.accepted(), ["1.1.0", "1.0.0"])
        again = self.s.json("release", "add", "r2")[0]
        self.assertFalse(again["changed"])
        manifest = self.s.json("inspect", "r2/manifest.json")[0]
        self.assertEqual((manifest["kind"], manifest["release_counter"]), ("release manifest", 2))

    def test_others_read_the_repository_and_nothing_else(self):
        self.publish("1.0.0", "r1")
        def mode(path):
            return oct(path.stat().st_mode & 0o777)
        repo = self.s.folder / "repo"
        for path in [repo, *repo.rglob("*")]:
            if path.name == ".lock":
                continue
            self.assertEqual(mode(path), "0o755" if path.is_dir() else "0o644", path)
        private = [self.s.folder / "signer.toml", *(self.s.folder / "keys").iterdir()]
        for path in private:
            self.assertEqual(mode(path), "0o600", path)

    def device(self):
        """A device with version 1.0.0 in slot a, and the command line that speaks for it."""
        folder = self.s.folder / "device"
        for slot in ("a", "b"):
            (folder / slot).mkdir(parents=True)
            (folder / slot / "rootfs").write_bytes(bytes(300_000))
        (folder / "root.json").write_bytes((self.s.folder / "repo/metadata/1.root.json").read_bytes())
        (folder / "state").write_text("primary=a trial=- tries=0 bad=-\n")
        (folder / "booted").write_text("slot=a boot_id=1\n")
        (folder / "updater.toml").write_text(
            f'[device]\nproduct = "gw3"\nhardware = "b"\nvendor_id = "{VENDOR}"\n'
            f'class_id = "{CLASS}"\n[server]\nurl = "file://{folder}/nothing"\n'
            '[trust]\nroot = "root.json"\n[slots.a]\nrootfs = "a/rootfs"\nuki = "a/uki"\n'
            '[slots.b]\nrootfs = "b/rootfs"\nuki = "b/uki"\n[boot]\nbackend = "file"\n'
            'profile = "efi-uki"\nstate = "state"\nbooted = "booted"\n')
        program = pathlib.Path(signer).with_name("pawl-updater")
        return folder, lambda *args: subprocess.run(
            [program, *map(str, args), "--config", folder / "updater.toml", "--state",
             folder / "var", "--json"], text=True, capture_output=True, timeout=60)

    def test_a_bundle_is_all_a_device_without_network_needs(self):
        self.publish("1.0.0", "r1")
        self.publish("1.1.0", "r2", "--offline-until", "2030-01-01T00:00:00Z")
        made = self.s.json("bundle", "--product", "gw3", "--out", "gw3.pawl")[0]
        self.assertEqual((made["version"], made["size"]),
                         ("1.1.0", (self.s.folder / "gw3.pawl").stat().st_size))
        folder, updater = self.device()
        (self.s.folder / "repo").rename(self.s.folder / "elsewhere")
        done = updater("install", "--bundle", self.s.folder / "gw3.pawl")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((folder / "b/rootfs").read_bytes(), (self.s.folder / "1.1.0.img").read_bytes())
        damaged = self.s.folder / "cut.pawl"
        damaged.write_bytes((self.s.folder / "gw3.pawl").read_bytes()[:-1])
        done = updater("install", "--bundle", damaged)
        self.assertEqual(done.returncode, 10, done.stdout)
        error = json.loads(done.stdout)
        self.assertEqual((error["error"], error["attack"]), ("malformed", "malformed"))
        self.refused(self.s.run("bundle", "--product", "gw3", "--version", "1.0.0", "--out", "x.pawl",
                                "--repo", "nowhere"), 30, "nowhere")
        self.assertFalse((self.s.folder / "x.pawl").exists())

    def test_two_builds_in_two_folders_are_equal(self):
        for out in ("a", "b/c"):
            self.assertEqual(self.s.build("1.0.0", out, "--counter", 1).returncode, 0)
        same = subprocess.run(["diff", "-r", "a", "b/c"], cwd=self.s.folder, capture_output=True)
        self.assertEqual(same.returncode, 0, same.stdout)

    def test_renew_changes_version_and_expiry_alone(self):
        def signed(name):
            return json.loads((self.s.folder / "repo/metadata" / name).read_text())["signed"]
        def newest(role):
            return signed(max((self.s.folder / "repo/metadata").glob(f"*.{role}.json")).name)
        for role in ("root", "targets", "rel-gw3", "snapshot"):
            before = newest(role)
            done = self.s.run("renew", "--role", role, "--expires",
                              ("release" if role == "rel-gw3" else role) + "=2y")
            self.assertEqual(done.returncode, 0, done.stderr)
            after = newest(role)
            self.assertEqual(after["version"], before["version"] + 1)
            self.assertGreater(after["expires"], before["expires"])
            for part in (before, after):
                for member in ("version", "expires", "x-pawl"):
                    part.pop(member, None)
            self.assertEqual(before, after)
        self.assertEqual(self.accepted(), [])

    def test_withdrawn_releases_are_gone_but_not_forgotten(self):
        self.publish("1.0.0", "r1")
        done = self.s.run("release", "withdraw", "--product", "gw3", "--version", "1.0.0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.accepted(), [])
        (self.s.folder / "1.0.0.img").write_bytes(b"other bytes")
        self.assertEqual(self.s.build("1.0.0", "r2").returncode, 0)
        self.refused(self.s.run("release", "add", "r2"), 17, "1.0.0")
        self.assertEqual(self.s.build("1.0.1", "r3", "--counter", 1).returncode, 0)
        self.refused(self.s.run("release", "add", "r3"), 17, "counter 1")

    def test_deltas_serve_the_releases_most_devices_run(self):
        image = bytearray(random.Random("old").randbytes(300_000))
        for number, version in enumerate(("1.0.0", "1.1.0", "1.2.0")):
            image[number * 1000] ^= 0xFF
            (self.s.folder / f"{version}.img").write_bytes(image)
            if version != "1.2.0":
                self.publish(version, f"out-{version}")
        self.assertEqual(self.s.build("1.2.0", "out").returncode, 0)
        spread = {"_type": "pawl.spread", "format": 1, "product": "gw3", "versions": [
            {"version": "1.0.0", "devices": 95}, {"version": "1.1.0", "devices": 5}]}
        (self.s.folder / "spread.json").write_text(json.dumps(spread))
        done = self.s.json("delta", "out", "--spread", "spread.json")[0]
        self.assertEqual([(d["from"], d["use"]) for d in done["deltas"]], [("1.0.0", "added")])
        self.assertLess(done["deltas"][0]["bytes"] * 10, done["deltas"][0]["full_bytes"])
        done = self.s.json("delta", "out", "--last", 2)[0]
        self.assertEqual([(d["from"], d["use"]) for d in done["deltas"]],
                         [("1.1.0", "added"), ("1.0.0", "there")])
        self.refused(self.s.run("delta", "out", "--last", 2, "--from", "1.0.0"), 2, "exclude")
        self.assertEqual(self.s.run("release", "add", "out").returncode, 0)
        self.refused(self.s.run("delta", "out"), 17, "published", "hint: ")
        self.assertEqual(self.accepted()[0], "1.2.0")

    def test_pruned_releases_are_unlisted_and_their_counters_stay_used(self):
        for n in (1, 2, 3):
            self.publish(f"1.{n}.0", f"r{n}")
        planned = self.s.json("release", "prune", "--product", "gw3", "--keep", 1, "--dry-run")[0]
        self.assertEqual((planned["pruned"], planned["changed"]), (["1.1.0", "1.2.0"], False))
        self.assertEqual(self.accepted(), ["1.3.0", "1.2.0", "1.1.0"])
        self.s.json("release", "prune", "--product", "gw3", "--keep", 1)
        self.assertEqual(self.accepted(), ["1.3.0"])
        self.assertFalse(self.s.json("release", "prune", "--product", "gw3", "--keep", 1)[0]["changed"])
        self.assertEqual(self.s.build("1.4.0", "r4", "--counter", 2).returncode, 0)
        self.refused(self.s.run("release", "add", "r4"), 17, "counter 2")

    def test_a_fresh_runner_without_ledger_signs_nothing(self):
        self.publish("1.0.0", "r1")
        ledger = self.s.folder / "signer.ledger"
        kept = ledger.read_bytes()
        ledger.unlink()
        self.assertEqual(self.s.build("1.1.0", "r2").returncode, 0)
        pin = self.s.folder / "pin"
        pin.write_text("000000")  # whoever got as far as the PIN would say so
        for command in (("release", "add", "r2"), ("renew", "--role", "rel-gw3"), ("renew", "--role", "root"),
                        ("release", "withdraw", "--product", "gw3", "--version", "1.0.0")):
            done = self.s.run(*command)
            self.refused(done, 17, "no ledger", "ledger init")
            self.assertNotIn("PIN", done.stderr)
        pin.write_text(PIN)
        self.assertEqual(self.s.run("key", "new", "spare", "--software", "spare.key").returncode, 0)
        self.assertFalse(ledger.exists())  # these keys may have signed before
        self.assertEqual(self.s.run("renew").returncode, 0)  # a timestamp decides nothing
        ledger.write_bytes(kept)
        self.assertEqual(self.s.run("release", "add", "r2").returncode, 0)
        self.assertEqual(self.accepted(), ["1.1.0", "1.0.0"])

    def test_an_older_ledger_and_an_older_repository_are_refused(self):
        self.publish("1.0.0", "r1")
        ledger, repo = self.s.folder / "signer.ledger", self.s.folder / "repo"
        old = ledger.read_bytes()
        shutil.copytree(repo, self.s.folder / "snapshot")
        self.publish("1.1.0", "r2")
        new = ledger.read_bytes()
        self.assertTrue(new.startswith(old))
        self.assertEqual(self.s.build("1.2.0", "r3").returncode, 0)
        ledger.write_bytes(old)
        self.refused(self.s.run("release", "add", "r3"), 17, "older than what is published")
        ledger.write_bytes(new)
        shutil.rmtree(repo)
        shutil.copytree(self.s.folder / "snapshot", repo)
        self.assertEqual(self.s.build("1.1.0", "again", "--security-version", 1).returncode, 0)
        self.refused(self.s.run("release", "add", "again"), 17, "has been published")
        ledger.write_bytes(new[:-7] + new[-6:])
        self.refused(self.s.run("release", "add", "again"), 10, "signer.ledger: line")

    def test_a_first_ledger_takes_over_what_is_published_now(self):
        self.publish("1.0.0", "r1")
        ledger, toml = self.s.folder / "signer.ledger", self.s.folder / "signer.toml"
        self.refused(self.s.run("ledger", "init"), 2, "there already")
        shown = self.s.json("ledger", "show")[0]
        ledger.unlink()
        self.refused(self.s.run("ledger", "show"), 17, "ledger init")
        text = toml.read_text()
        toml.write_text("".join(l for l in text.splitlines(True) if not l.startswith("repository_id")))
        self.refused(self.s.run("ledger", "init"), 24, "repository_id")
        toml.write_text(text)
        self.s.json("renew", "--expires", "timestamp=1s")
        until = time.monotonic() + 60
        while self.s.run("verify", "repo").returncode != 13 and time.monotonic() < until:
            time.sleep(0.05)
        self.refused(self.s.run("ledger", "init"), 13, "old copy")
        self.assertFalse(ledger.exists())
        self.s.json("renew")
        made = self.s.json("ledger", "init")[0]
        self.assertTrue(made["changed"])
        release = [e for e in made["last"] if e["what"] == "release"]
        self.assertEqual([(e["version"], e["release_counter"]) for e in release], [("1.0.0", 1)])
        self.assertEqual(release[0]["sha256"], [e for e in shown["last"] if e["what"] == "release"][0]["sha256"])
        self.publish("1.1.0", "r2")
        self.assertEqual(self.s.json("inspect", "signer.ledger")[0]["kind"], "ledger")

    def test_refusals_have_their_code_and_a_hint(self):
        self.publish("1.0.0", "r1")
        self.assertEqual(self.s.build("2.0.0", "wrong", "--counter", 9, product="gw4").returncode, 0)
        self.refused(self.s.run("release", "add", "wrong"), 16, "gw4", "hint:")
        self.assertEqual(self.s.build("2.0.0", "high", "--security-version", 6).returncode, 0)
        self.refused(self.s.run("release", "add", "high"), 14, "ceiling 5", "hint:")
        self.refused(self.s.run("release", "add", "nowhere"), 30, "manifest.json", "hint:")
        self.refused(self.s.run("repo", "init", "repo", "--root", "alice", "--targets", "targets",
                                "--snapshot", "snap", "--timestamp", "time"), 2, "already", "hint:")
        self.refused(self.s.run("repo", "init", "other", "--root", "alice", "--targets", "alice",
                                "--snapshot", "snap", "--timestamp", "time"), 2, "another role")
        self.refused(self.s.run("renew", "--role", "moon"), 2, "moon", "rel-gw3")
        self.refused(self.s.run("verify", "repo", "--at", "2999-01-01T00:00:00Z"), 13)
        self.refused(self.s.run("verify", "repo", "--at", "soon"), 2, "--at")
        self.refused(self.s.run("inspect", "pin"), 10, "pin")
        self.assertEqual(self.accepted(), ["1.0.0"])

    def test_json_errors_carry_code_name_and_hint(self):
        done = self.s.run("release", "add", "nowhere", "--json")
        error = json.loads(done.stdout)
        self.assertEqual((error["ok"], error["code"], error["error"]), (False, 30, "io"))
        self.assertIn("release build", error["hint"])

    def test_missing_keys_are_named_before_any_pin(self):
        toml = self.s.folder / "signer.toml"
        text = toml.read_text().replace("[keys.alice]", "[keys.zoe]").replace("file:pin", "file:absent")
        start, end = text.index("[keys.bob]"), text.index("[keys.targets]")
        toml.write_text(text[:start] + text[end:])
        self.refused(self.s.run("renew", "--role", "root"), 3, "root needs 2 signatures", "alice", "hint:")

    def test_wrong_pin_is_tried_once_and_never_again(self):
        (self.s.folder / "pin").write_text("000000")
        self.refused(self.s.run("renew"), 41, "key time", "CKR_PIN_INCORRECT", "hint:")
        (self.s.folder / "pin").write_text(PIN)
        self.refused(self.s.run("renew"), 41, "key time")  # the token says that a try was lost
        self.assertEqual(self.accepted(), [])

    def test_absent_token_and_module_are_named(self):
        def with_uri(uri):
            toml = self.s.folder / "signer.toml"
            toml.write_text(toml.read_text() + f'\n[keys.x]\nrecord = "keys/time.pub.json"\nuri = "{uri}"\n')
            text = toml.read_text().replace("[keys.time]", "[keys.unused]").replace(
                '[keys.unused]\nrecord = "keys/time.pub.json"', '[keys.unused]\nrecord = "keys/rel.pub.json"')
            toml.write_text(text)
        with_uri(f"pkcs11:token=gone;object=time?module-path={MODULE}")
        self.refused(self.s.run("renew"), 41, "key x", "hint:")
        self.refused(self.s.run("doctor"), 41, "token", "hint:")
        done = self.s.run("key", "new", "y", "--uri", "pkcs11:token=rel?module-path=/nowhere.so")
        self.refused(done, 41, "/nowhere.so", "hint:")

    def test_a_pin_on_the_command_line_is_refused(self):
        uri = f"pkcs11:token=rel?module-path={MODULE}"
        self.refused(self.s.run("key", "new", "y", "--uri", uri, "--pin", PIN), 2)
        self.refused(self.s.run("key", "new", "y", "--uri", uri + f"&pin-value={PIN}"), 2)

    def test_no_pin_in_arguments_environment_or_output(self):
        read, write = os.pipe()
        child = subprocess.Popen(
            [signer, "key", "new", "late", "--uri", f"pkcs11:token=rel;object=late?module-path={MODULE}",
             "--pin", f"fd:{read}"], cwd=self.s.folder, env=self.s.env, pass_fds=(read,), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(read)
        proc = pathlib.Path(f"/proc/{child.pid}")
        seen = proc.joinpath("cmdline").read_bytes() + proc.joinpath("environ").read_bytes()
        os.write(write, (PIN + "\n").encode())
        os.close(write)
        out, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0, err)
        self.assertNotIn(PIN.encode(), seen)
        self.assertNotIn(PIN, out + err)
        written = [p for p in self.s.folder.rglob("*") if p.is_file() and p.name != "pin"
                   and "tokens" not in p.parts and PIN.encode() in p.read_bytes()]
        self.assertEqual(written, [])
        # the descriptor means nothing to the next run: signer.toml asks at the terminal instead
        self.assertIn('pin = "prompt"', (self.s.folder / "signer.toml").read_text())

    def test_software_keys_are_marked_in_every_output(self):
        made = self.s.run("key", "new", "dev", "--software", "dev.key")
        self.assertIn("DEVELOPMENT", made.stdout)
        for name in ("dev-t", "dev-s", "dev-z"):
            self.s.json("key", "new", name, "--software", f"{name}.key")
        toml = self.s.folder / "signer.toml"
        lines = [line for line in toml.read_text().splitlines() if not line.startswith("repository")]
        toml.write_text("\n".join(lines))
        done = self.s.run("repo", "init", "devrepo", "--root", "dev", "--targets", "dev-t", "--snapshot",
                          "dev-s", "--timestamp", "dev-z")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("DEVELOPMENT", done.stdout)
        self.assertIn("DEVELOPMENT", self.s.run("doctor").stdout)
        self.assertEqual(self.s.json("renew")[0]["development_keys"], ["dev-z"])
        self.assertEqual((self.s.folder / "dev.key").stat().st_mode & 0o777, 0o600)

    def test_two_commands_at_once_do_not_mix(self):
        with open(self.s.folder / "repo/.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(self.s.run("renew"), 50, "hint:")
        self.assertEqual(self.s.run("renew").returncode, 0)

    def test_damaged_metadata_stops_the_signer_and_the_device(self):
        self.publish("1.0.0", "r1")
        for path in sorted((self.s.folder / "repo/metadata").glob("*.json")):
            whole = path.read_bytes()
            if path.name in ("1.rel-gw3.json", "1.snapshot.json"):
                continue  # nobody refers to them any more
            path.write_bytes(whole.replace(b":1,", b":2,", 1) if b":1," in whole else b"{}")
            self.assertNotEqual(self.s.run("verify", "repo").returncode, 0, path.name)
            self.assertNotEqual(self.s.run("renew").returncode, 0, path.name)
            path.write_bytes(whole)
        self.assertEqual(self.accepted(), ["1.0.0"])

    def test_another_repository_in_the_same_place_is_not_signed(self):
        other = full()
        try:
            shutil.rmtree(self.s.folder / "repo")
            shutil.copytree(other.folder / "repo", self.s.folder / "repo")
            self.refused(self.s.run("renew"), 12, "another repository", "hint:")
        finally:
            other.close()

    def test_killed_at_any_moment_the_repository_verifies_and_the_next_run_completes(self):
        self.assertEqual(self.s.build("1.0.0", "r1").returncode, 0)
        whole = time.monotonic()
        for part in ("repo", "tokens"):
            shutil.copytree(self.s.folder / part, self.s.folder / f"saved-{part}")
        ledger = (self.s.folder / "signer.ledger").read_bytes()
        self.assertEqual(self.s.run("release", "add", "r1").returncode, 0)
        whole = time.monotonic() - whole
        rounds = int(os.environ.get("PAWL_KILL_ROUNDS", "20"))
        dice = random.Random(rounds)
        for _ in range(rounds):
            for part in ("repo", "tokens"):  # SoftHSM loses a token when it is killed while writing
                shutil.rmtree(self.s.folder / part)
                shutil.copytree(self.s.folder / f"saved-{part}", self.s.folder / part)
            (self.s.folder / "signer.ledger").write_bytes(ledger)
            child = subprocess.Popen([signer, "release", "add", "r1"], cwd=self.s.folder, env=self.s.env,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                child.wait(dice.uniform(0, whole))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            self.assertIn(self.accepted(), ([], ["1.0.0"]))
            shutil.rmtree(self.s.folder / "tokens")
            shutil.copytree(self.s.folder / "saved-tokens", self.s.folder / "tokens")
            done = self.s.run("release", "add", "r1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.accepted(), ["1.0.0"])

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
    def test_a_full_disk_changes_nothing(self):
        self.assertEqual(self.s.build("1.0.0", "r1").returncode, 0)
        small = self.s.folder / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", small], check=True)
        try:
            shutil.copytree(self.s.folder / "repo", small / "repo")
            self.refused(self.s.run("release", "add", "r1", "--repo", "small/repo", "--config",
                                    "signer.toml"), 31, "hint:")
            self.assertEqual(self.s.run("verify", "small/repo").returncode, 0)
        finally:
            subprocess.run(["umount", small], check=True)


class Roles(unittest.TestCase):
    """Who may sign what, changed by one host that has all the keys."""

    def setUp(self):
        self.s = Signer()
        for name in ("root", "targets", "snap", "time", "rel", "second", "other", "fresh"):
            self.s.json("key", "new", name, "--software", f"{name}.key")
        self.s.json("repo", "init", "repo", "--root", "root", "--targets", "targets", "--snapshot", "snap",
                    "--timestamp", "time", "--product", "gw3=rel", "--ceiling", "gw3=5")

    def tearDown(self):
        self.s.close()

    refused = Repository.refused

    def versions(self):
        report = self.s.json("verify", "repo", "--root", "repo/metadata/1.root.json")[0]
        return {role["role"]: role["version"] for role in report["roles"]}

    def signs(self):
        return {key["name"]: key["signs"] for key in self.s.json("key", "list")}

    def test_a_timestamp_key_is_replaced_and_devices_follow(self):
        planned = self.s.json("repo", "add-key", "timestamp", "fresh", "--dry-run")[0]
        self.assertFalse(planned["changed"])
        self.assertTrue(any(change.startswith("timestamp: fresh (") for change in planned["changes"]), planned)
        self.assertEqual(self.versions()["root"], 1)
        self.s.json("repo", "add-key", "timestamp", "fresh")
        self.s.json("repo", "revoke-key", "timestamp", "time")
        self.assertEqual(self.versions()["root"], 3)
        self.assertEqual((self.signs()["fresh"], self.signs()["time"]), ("timestamp", "nothing"))
        self.assertEqual(self.s.run("renew").returncode, 0)

    def test_root_is_rotated_and_its_threshold_raised(self):
        self.s.json("repo", "add-key", "root", "second")
        self.s.json("repo", "set-threshold", "root", 2)
        self.assertEqual(self.versions()["root"], 3)
        toml = self.s.folder / "signer.toml"
        whole = toml.read_text()
        toml.write_text(whole.replace("[keys.second]", "[keys.gone]").replace("second.pub", "other.pub"))
        self.refused(self.s.run("repo", "set-threshold", "root", 1), 3, "needs 2")
        toml.write_text(whole)
        self.s.json("repo", "set-threshold", "root", 1)
        self.s.json("repo", "revoke-key", "root", "root")
        self.assertEqual(self.versions()["root"], 5)

    def test_a_product_line_begins_and_changes_hands(self):
        self.s.json("repo", "delegate", "gw4=second")
        self.assertEqual(self.signs()["second"], "rel-gw4")
        self.s.json("repo", "add-key", "rel-gw4", "other")
        self.s.json("repo", "revoke-key", "rel-gw4", "second")
        self.assertEqual((self.signs()["second"], self.signs()["other"]), ("nothing", "rel-gw4"))
        self.assertEqual(self.s.build("1.0.0", "r1", product="gw4").returncode, 0)
        self.assertEqual(self.s.run("release", "add", "r1").returncode, 0)

    def test_what_would_lock_the_repository_is_refused(self):
        before = self.versions()
        for code, says, *command in ((2, "needs 1", "revoke-key", "targets", "targets"),
                                     (2, "is no key of", "revoke-key", "root", "other"),
                                     (2, "already", "add-key", "root", "root"),
                                     (2, "cannot reach", "set-threshold", "root", 2),
                                     (2, "no role", "add-key", "moon", "other"),
                                     (2, "already", "delegate", "gw3=other"),
                                     (2, "nobody", "add-key", "root", "nobody"),
                                     (2, "change nothing", "set-threshold", "root", 1),
                                     (10, "another role", "add-key", "root", "targets"),
                                     (10, "two roles", "delegate", "gw4=rel")):
            self.refused(self.s.run("repo", *command), code, says)
        self.assertEqual(self.versions(), before)

    def test_attachments_must_be_what_they_are_called(self):
        self.assertEqual(self.s.build("1.0.0", "r0").returncode, 0)
        image = json.loads((self.s.folder / "r0/manifest.json").read_text())["components"][0]["sha256"]
        good = {"sbom-cyclonedx": {"bomFormat": "CycloneDX", "specVersion": "1.5"},
                "sbom-spdx": {"spdxVersion": "SPDX-2.3"},
                "slsa-provenance": {"_type": "https://in-toto.io/Statement/v1", "subject": [
                                        {"name": "rootfs", "digest": {"sha256": image}}],
                                    "predicateType": "https://slsa.dev/provenance/v1"}}
        attach = []
        for kind, content in good.items():
            (self.s.folder / kind).write_text(json.dumps(content))
            attach += ["--attach", f"{kind}={kind}"]
        (self.s.folder / "notes").write_text("# 1.0.0\n")
        self.assertEqual(self.s.build("1.0.0", "r1", *attach, "--attach", "notes=notes").returncode, 0)
        manifest = json.loads((self.s.folder / "r1/manifest.json").read_text())
        for found in manifest["attachments"]:
            bound = (self.s.folder / "r1/blobs" / found["sha256"]).read_bytes()
            self.assertEqual(bound, (self.s.folder / found["kind"]).read_bytes())
        self.assertEqual(len(manifest["attachments"]), 4)
        for kind, content in good.items():
            for member in content:
                rest = {name: value for name, value in content.items() if name != member}
                (self.s.folder / "bad").write_text(json.dumps(rest))
                self.refused(self.s.build("1.0.1", "r2", "--attach", f"{kind}=bad"), 10, "bad", f"not {kind}")
            for text in ("", "[]", "{"):
                (self.s.folder / "bad").write_text(text)
                self.refused(self.s.build("1.0.1", "r2", "--attach", f"{kind}=bad"), 10, "bad")
        self.assertFalse((self.s.folder / "r2/manifest.json").exists())

    def test_provenance_of_another_build_is_refused(self):
        self.assertEqual(self.s.build("1.0.0", "r0").returncode, 0)
        image = json.loads((self.s.folder / "r0/manifest.json").read_text())["components"][0]["sha256"]
        other = "0" * 64
        rows = (([("rootfs", image)], None), ([("build/rootfs.img", image), ("rootfs.sbom", other)], None),
                ([("rootfs", other)], "is of another rootfs"), ([("rootfs", image), ("rootfs", other)], "another rootfs"),
                ([("rootfs.img", other)], "is of no image"), ([("rootfs.img", image[:-1])], "is of no image"))
        for subjects, says in rows:
            (self.s.folder / "p").write_text(json.dumps({
                "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
                "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects]}))
            done = self.s.build("1.0.0", f"p{len(str(subjects))}", "--attach", "slsa-provenance=p")
            if says is None:
                self.assertEqual(done.returncode, 0, done.stderr)
            else:
                self.refused(done, 15, "p: ", says)
        for subject in ("rootfs", {"name": "rootfs"}, {"digest": image}, {"digest": {"sha256": 7}}):
            (self.s.folder / "p").write_text(json.dumps({
                "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
                "subject": [subject]}))
            self.refused(self.s.build("1.0.0", "q", "--attach", "slsa-provenance=p"), 15, "p: ")

    def test_an_attestation_is_verified_without_the_device_and_kept(self):
        f = self.s.folder
        record = attestation.make(f)
        chain = f / "chain.pem"
        path = f / "keys/hsm.pub.json"
        (f / "signer.toml").write_text((f / "signer.toml").read_text() + '\n[keys.hsm]\nrecord = "keys/hsm.pub.json"\n')
        take = ("key", "import-attestation", "hsm", "--chain", "chain.pem", "--root")
        for change, code, root in (({"custody": "token_private"}, 41, "vendor.pem"),
                                   ({"uri": "pkcs11:token=YubiHSM;serial=00000067"}, 41, "vendor.pem"),
                                   ({}, 12, "leaf.pem")):
            path.write_text(json.dumps({**record, **change}))
            before = path.read_bytes()
            self.refused(self.s.run(*take, root), code)
            self.assertEqual(path.read_bytes(), before)
        path.write_text(json.dumps(record))
        self.refused(self.s.run("key", "import-attestation", "rel", *take[3:], "vendor.pem"), 2, "in no token")
        made = self.s.json(*take, "vendor.pem")[0]
        self.assertEqual((made["custody"], made["serial"]), ("attested", "00000066"))
        self.assertEqual((f / "keys/hsm.attestation.pem").read_text(), chain.read_text())
        self.assertEqual(self.s.json("inspect", "keys/hsm.pub.json")[0]["custody"], "attested")


FAULT = "tests/pkcs11_fault.so"
QUIRK = "tests/quirk_token.so"


class Backends(unittest.TestCase):
    """Modules in a process of their own, external programs, and what becomes of them when they fail."""

    def setUp(self):
        self.s = Signer()
        self.build = pathlib.Path(signer).parents[1]

    def tearDown(self):
        self.s.close()

    refused = Repository.refused

    def repository(self, rel):
        """Software keys for everything but releases, which REL signs."""
        for name in ("root", "targets", "snap", "time"):
            self.s.json("key", "new", name, "--software", f"{name}.key")
        return self.s.run("repo", "init", "repo", "--root", "root", "--targets", "targets", "--snapshot", "snap",
                          "--timestamp", "time", "--product", f"gw3={rel}", "--ceiling", "gw3=5")

    def faulty(self):
        """Key rel on a SoftHSM token behind the module that fails on command."""
        self.control = self.s.folder / "control"
        self.control.write_text("")
        self.s.env.update(PAWL_FAULT_MODULE=MODULE, PAWL_FAULT_CONTROL=str(self.control))
        self.s.token("rel")
        self.s.json("key", "new", "rel", "--uri", f"pkcs11:token=rel?module-path={self.build / FAULT}", "--pin",
                    "file:pin")
        self.assertEqual(self.repository("rel").returncode, 0)
        toml = self.s.folder / "signer.toml"
        toml.write_text('token_timeout = "2s"\n' + toml.read_text())
        self.assertEqual(self.s.build("1.0.0", "r1").returncode, 0)

    def test_a_module_that_hangs_crashes_or_lies_is_a_clean_error_and_nothing_is_published(self):
        self.faulty()
        before = (self.s.folder / "repo/metadata/timestamp.json").read_bytes()
        for fault, code, says in (("C_Sign=hang", 51, "did not answer"), ("C_Sign=crash", 41, "signal 11"),
                                  ("C_Login=hang", 51, "did not answer"), ("C_Login=exit", 41, "exit status 0"),
                                  ("C_Sign=flip", 12, "rel"), ("C_Sign=length:63", 41, "rel"),
                                  ("C_Sign=0x32", 41, "CKR_DEVICE_REMOVED")):
            self.control.write_text(fault + "\n")
            self.refused(self.s.run("release", "add", "r1"), code, says)
            self.assertEqual((self.s.folder / "repo/metadata/timestamp.json").read_bytes(), before)
        self.control.write_text("")
        self.assertEqual(self.s.run("release", "add", "r1").returncode, 0)

    def test_too_much_for_the_token_is_refused_before_its_pin_with_advice(self):
        profile = self.s.folder / "profile"
        profile.write_text("model=YubiHSM\nfirmware=2.32\nlimit=2026\nkey=same\n")
        self.s.env["PAWL_QUIRK_PROFILE"] = str(profile)
        pin = self.s.folder / "quirk-pin"
        pin.write_text("1234")
        pin.chmod(0o600)
        self.s.json("key", "new", "rel", "--existing", "--pin", "file:quirk-pin", "--uri",
                    f"pkcs11:token=quirk;object=gw3?module-path={self.build / QUIRK}")
        made = self.repository("rel")
        self.assertEqual(made.returncode, 0, made.stderr)
        for n in range(1, 20):
            self.assertEqual(self.s.build(f"1.{n}.0", f"r{n}").returncode, 0)
            done = self.s.run("release", "add", f"r{n}")
            if done.returncode != 0:
                break
        self.assertGreater(n, 4)
        before = profile.read_text()
        for quirk, code, says in (("", 0, "public point octet_string"), ("mechanisms=none", 41, "does not offer Ed25519"),
                                  ("point=odd", 41, "none of the three")):
            profile.write_text(before + quirk + "\n")
            done = self.s.run("doctor")
            self.assertEqual((done.returncode, says in done.stdout + done.stderr), (code, True), done.stdout + done.stderr)
        profile.write_text(before)
        pin.write_text("4321")  # whoever asked for the PIN would say so
        self.refused(self.s.run("release", "add", f"r{n}"), 11, "takes 2026", "prune releases")
        pin.write_text("1234")
        self.assertEqual(self.s.run("release", "prune", "--product", "gw3", "--keep", 1).returncode, 0)
        self.assertEqual(self.s.run("release", "add", f"r{n}").returncode, 0)

    def program(self, body):
        """A program that signs with OpenSSL, as one for a cloud's key service would."""
        f = self.s.folder
        if not (f / "kms.pem").exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "kms.pem"], cwd=f, check=True)
        der = subprocess.run(["openssl", "pkey", "-in", "kms.pem", "-pubout", "-outform", "DER"], cwd=f, check=True,
                             capture_output=True).stdout
        (f / "kms-sign").write_text("#!/bin/sh\n" + body)
        (f / "kms-sign").chmod(0o700)
        return der[12:].hex()

    def sign_body(self):
        return (f"[ \"$1\" = release ] || exit 9\nt=$(mktemp) && cat >$t && openssl pkeyutl -sign -rawin -inkey "
                f"{self.s.folder}/kms.pem -in $t && rm $t\n")

    def test_an_external_program_signs_releases_and_is_named_in_what_it_does_wrong(self):
        public = self.program(self.sign_body())
        program = str(self.s.folder / "kms-sign")
        new = ("key", "new", "rel", "--command", program, "--command", "release", "--public")
        self.refused(self.s.run(*new, "00" * 32), 12, "signature")
        self.refused(self.s.run(*new, "12"), 2, "--public")
        self.refused(self.s.run(*new[:-1]), 2, "go together")
        made = self.s.json(*new, public)[0]
        self.assertEqual((made["custody"], made["external"], made["uri"]), ("none", True, f"command:{program}"))
        self.assertEqual(self.repository("rel").returncode, 0)
        toml = self.s.folder / "signer.toml"
        toml.write_text(toml.read_text().replace('"release"]', '"release"]\ntimeout = "2s"'))
        self.assertEqual(self.s.build("1.0.0", "r1").returncode, 0)
        for body, code, says in (("sleep 60", 51, "in time"), ("kill -SEGV $$", 41, "failed"), ("echo hello", 41, "64"),
                                 ("head -c 64 /dev/zero", 12, "rel"), ("exit 3", 41, "failed")):
            self.program(body + "\n")
            self.refused(self.s.run("release", "add", "r1"), code, says)
        self.program(self.sign_body())
        self.assertEqual(self.s.run("doctor").returncode, 0)
        self.assertEqual(self.s.run("release", "add", "r1").returncode, 0)
        (self.s.folder / "kms-sign").chmod(0o722)
        self.refused(self.s.run("doctor"), 24, "others may write")


class KeepFresh(unittest.TestCase):
    """renew --every, as a service runs it."""

    def setUp(self):
        self.s = Signer()
        self.child = None
        for name in ("root", "targets", "snap", "time"):
            self.s.json("key", "new", name, "--software", f"{name}.key")
        self.s.json("repo", "init", "repo", "--root", "root", "--targets", "targets", "--snapshot", "snap",
                    "--timestamp", "time", "--expires", "snapshot=1m")
        toml = self.s.folder / "signer.toml"
        toml.write_text(toml.read_text().replace('snapshot = "1m"', 'snapshot = "30d"'))

    def tearDown(self):
        if self.child:
            self.child.kill()
            self.child.wait()
            self.child.stdout.close()
        self.s.close()

    refused = Repository.refused

    def start(self, every):
        self.child = subprocess.Popen([signer, "renew", "--every", every, "--status", "status.json", "--json"],
                                      cwd=self.s.folder, env=self.s.env, text=True, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def until(self, condition):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                status = json.loads((self.s.folder / "status.json").read_text())
            except FileNotFoundError:
                status = {}
            if condition(status):
                return status
            time.sleep(0.02)
        self.fail(f"not reached; last status {status}")

    def test_it_renews_until_stopped_and_says_how_it_went(self):
        self.start("1s")
        roles = [role["role"] for role in json.loads(self.child.stdout.readline())["roles"]]
        self.assertEqual(roles, ["snapshot", "timestamp"])  # the snapshot had less than half its life left
        roles = [role["role"] for role in json.loads(self.child.stdout.readline())["roles"]]
        self.assertEqual(roles, ["timestamp"])
        self.until(lambda status: status.get("ok"))
        key = self.s.folder / "time.key"
        key.rename(self.s.folder / "away.key")
        status = self.until(lambda status: status.get("failures", 0) > 0)
        self.assertIn("time", status["why"])
        self.assertIn("last_success", status)
        (self.s.folder / "away.key").rename(key)
        self.until(lambda status: status["ok"])
        self.child.terminate()
        self.assertEqual(self.child.wait(60), 0)
        self.assertEqual(self.s.run("verify", "repo").returncode, 0)

    def test_what_cannot_go_on_for_ever_is_refused_at_once(self):
        self.refused(self.s.run("renew", "--every", "4d"), 2, "more than half", "hint:")
        self.refused(self.s.run("renew", "--every", "soon"), 2, "soon")
        self.refused(self.s.run("renew", "--every", "1h", "--role", "root"), 2, "no other role")
        self.refused(self.s.run("renew", "--status", "x"), 2, "--every")
        self.refused(self.s.run("renew", "--every", "1h", "--config", "absent.toml"), 24, "absent.toml")


class Uki(unittest.TestCase):
    """The signer's measurements against independent programs, on an image with the real stub."""

    def setUp(self):
        self.s = Signer()
        f = self.s.folder
        mkuki = [sys.executable, str(SOURCE / "examples/quickstart/mkuki.py"), "--stub", STUBS[0], "--out"]
        (f / "osrel").write_text("ID=test\n")
        (f / "initrd").write_bytes(random.Random(1).randbytes(5000))
        (f / "cmdline").write_text("console=ttyS0 ro systemd.import_credentials=no")
        subprocess.run([*mkuki, f / "linux", f".osrel={f}/osrel"], check=True)
        subprocess.run([*mkuki, f / "uki.efi", f".osrel={f}/osrel", f".cmdline={f}/cmdline",
                        f".initrd={f}/initrd", f".linux={f}/linux"], check=True)

    def tearDown(self):
        self.s.close()

    def test_pcr_11_is_what_systemd_measure_says(self):
        if not os.path.exists(MEASURE):
            self.skipTest("no systemd-measure")
        f = self.s.folder
        asked = subprocess.run([MEASURE, "calculate", "--bank=sha256", "--phase=:", "--json=short",
                                *(f"--{n}={f}/{n}" for n in ("linux", "osrel", "cmdline", "initrd"))],
                               capture_output=True, text=True, check=True)
        expected = json.loads(asked.stdout)["sha256"][0]["hash"]
        self.assertEqual(self.s.json("inspect", "uki.efi")[0]["pcr11"], expected)

    def test_the_release_carries_the_value_after_the_phase_words(self):
        if not os.path.exists(MEASURE):
            self.skipTest("no systemd-measure")
        f = self.s.folder
        asked = subprocess.run([MEASURE, "calculate", "--bank=sha256", "--phase=sysinit:ready",
                                "--json=short",
                                *(f"--{n}={f}/{n}" for n in ("linux", "osrel", "cmdline", "initrd"))],
                               capture_output=True, text=True, check=True)
        expected = json.loads(asked.stdout)["sha256"][0]["hash"]
        done = self.s.run("release", "build", "--product", "gw3", "--version", "1.0.0", "--counter", 1,
                          "--out", "r", "--vendor-id", VENDOR, "--class-id", CLASS, "--hardware", "b",
                          "--uki", "uki.efi", "--level", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        manifest = json.loads((f / "r/manifest.json").read_text())
        self.assertEqual(manifest["measurements"][0]["pcr11"], expected)

    def test_the_authenticode_digest_is_what_signing_tools_see(self):
        if shutil.which("osslsigncode") is None:
            self.skipTest("no osslsigncode")
        f = self.s.folder
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out",
                        "c", "-subj", "/CN=x", "-days", "3"], cwd=f, check=True, capture_output=True)
        subprocess.run(["osslsigncode", "sign", "-certs", "c", "-key", "k", "-in", "uki.efi", "-out",
                        "signed.efi"], cwd=f, check=True, capture_output=True)
        shown = subprocess.run(["osslsigncode", "verify", "signed.efi"], cwd=f, capture_output=True, text=True)
        digest = self.s.json("inspect", "uki.efi")[0]["pe:uki"]
        self.assertIn(digest.upper(), shown.stdout)
        self.assertEqual(self.s.json("inspect", "signed.efi")[0]["pe:uki"], digest)


if __name__ == "__main__":
    signer = str(pathlib.Path(sys.argv[1]).resolve() / "pawl-signer")
    for needed in (MODULE, *STUBS[:1]):
        if not os.path.exists(needed):
            print(f"{needed} is not installed")
            sys.exit(77)
    if not STUBS:
        print("systemd-boot-efi is not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=1)
