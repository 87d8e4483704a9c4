#!/usr/bin/env python3
"""Attacks on a sealed device, done with tpm2-tools, Python and a copy of its disk, without code of ours.
The attacker may start whatever he likes and has the disk while the device is off.

    attacks_test.py FOLDER-OF-PROGRAMS [TEST...]
"""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import device
from device import STATE, Device

ROLLBACK, TPM, VAULT = 14, 40, 43
CELL, COUNTER, ANCHOR = "0x01805002", "0x01805001", "0x01805003"
CELL_ATTRIBUTES = 0x22060002  # with WRITTEN

# Each is tried by somebody with root in a boot that the device does not allow.
COMMANDS = [
    f"head -c 34 /dev/zero >x && tpm2_nvwrite -C o -i x {CELL}",
    f"tpm2_nvwrite -C {CELL} -i x {CELL}",
    f"tpm2_nvwrite -C p -i x {CELL}",
    f"tpm2_nvwrite -C o -i old-cell {CELL}",
    f"tpm2_nvwrite -C {CELL} -i old-cell {CELL}",
    f"head -c 136 /dev/zero >y && tpm2_nvwrite -C o -i y {ANCHOR}",
    f"tpm2_nvwrite -C o -i old-anchor {ANCHOR}",
    f"tpm2_nvwrite -C {ANCHOR} -i old-anchor {ANCHOR}",
    f"tpm2_nvincrement -C o {COUNTER}",
    f"tpm2_nvincrement -C {COUNTER} {COUNTER}",
    f"tpm2_nvincrement -C p {COUNTER}",
    f"tpm2_nvundefine -C o {CELL}",
    f"tpm2_nvundefine -C o {COUNTER}",
    f"tpm2_nvundefine -C o {ANCHOR}",
    f"tpm2_nvwritelock -C o {CELL}",
    "tpm2_nvwritelock -C o --global",
    "tpm2_evictcontrol -C o -c 0x81000001",
    "tpm2_setprimarypolicy -C o",
    "tpm2_changeauth -c o known",
    "tpm2_hierarchycontrol -C o shEnable clear",
    f"tpm2_nvdefine -C o -s 34 -a 'ownerwrite|ownerread|authread|no_da' {CELL}",
]
# The same with a policy session that an evil boot satisfies as far as the TPM lets it.
SESSION = ("tpm2_startauthsession --policy-session -S s && tpm2_policypcr -S s -l sha256:2,4,9,11,12,13 && "
           "printf '\\377\\377\\377\\377\\377\\377\\377\\377' >max && "
           f"tpm2_policynv -S s -C {COUNTER} -i max {COUNTER} ule && ")
SESSIONS = [
    f"{SESSION} tpm2_policyauthorizenv -S s -C {CELL} {CELL}",
    f"{SESSION} tpm2_nvwrite -C o -P session:s -i x {CELL}",
    f"{SESSION} tpm2_policycommandcode -S s TPM2_CC_NV_Write && tpm2_nvwrite -C o -P session:s -i x {CELL}",
    f"{SESSION} tpm2_policycommandcode -S s TPM2_CC_NV_Increment && tpm2_nvincrement -C o -P session:s {COUNTER}",
]


def cell_policy():
    """PolicyAuthorizeNV(cell), which everybody can compute."""
    public = struct.pack(">IHIHH", int(CELL, 16), 0x000B, CELL_ATTRIBUTES, 0, 34)
    name = struct.pack(">H", 0x000B) + hashlib.sha256(public).digest()
    return hashlib.sha256(bytes(32) + struct.pack(">I", 0x192) + name).digest()


class Attacks(unittest.TestCase):
    """Each test begins with a device that has committed 1.1.0 (slot b) and holds an agent's state."""

    @classmethod
    def setUpClass(cls):
        cls.here = pathlib.Path(tempfile.mkdtemp(prefix="pawl-attacks-"))
        cls.addClassCleanup(shutil.rmtree, cls.here)
        cls.device = Device(cls.here, PROGRAMS)
        cls.addClassCleanup(cls.device.off)
        cls.device.make_keys()
        cls.device.release("1.0.0")
        shutil.copytree(cls.device.repo / "metadata", cls.here / "old-metadata")
        cls.device.make()
        cls.grow(cls.device)

    @classmethod
    def grow(cls, d):
        """Provisioned on 1.0.0, state kept, 1.1.0 installed, tried and committed."""
        d.power_on()
        cls.must(d.updater("provision"))
        cls.must(d.vault("init"))
        cls.must(d.vault("put", "memory", value="an older memory\n"))
        cls.keep_old(d)
        d.snapshot("on-1.0.0")
        d.power_on()
        cls.must(d.updater("boot"))
        d.release("1.1.0")
        cls.must(d.updater("install"))
        d.power_on()
        cls.must(d.updater("boot"))
        cls.must(d.vault("put", "memory", value=STATE))
        cls.must(d.updater("trial"))
        shutil.copy(d.path / "run/cell", cls.here / "honest-cell")
        d.snapshot("on-1.1.0")

    @classmethod
    def keep_old(cls, d):
        """What an attacker copies while 1.0.0 runs."""
        mine = cls.here / "attacker"
        mine.mkdir()
        for name, held in zip(("counter", "cell", "anchor"), d.nv()):
            (mine / f"old-{name}").write_bytes(held)

    @staticmethod
    def must(done):
        if done.returncode:
            raise AssertionError(f"{done.args}: exit {done.returncode}\n{done.stdout}{done.stderr}")

    def setUp(self):
        self.device.restore("on-1.1.0")

    # -- words --------------------------------------------------------------------------------------------
    def refused(self, done, status, text=""):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(text, done.stderr)
        self.assertNotIn(STATE.strip(), done.stdout)

    def honest_boot(self):
        self.device.power_on()
        self.must(self.device.updater("boot"))

    def state_opens(self):
        got = self.device.vault("get", "memory")
        self.assertEqual((got.returncode, got.stdout), (0, STATE), got.stderr)

    def evil_boot(self):
        """Slot b with one changed bit in its kernel, and the handover of an honest boot."""
        image = self.device.path / "slots/b/uki.efi"
        data = bytearray(image.read_bytes())
        linux = (self.here / "fw/1.1.0/linux").read_bytes()
        data[data.index(linux) + len(linux) // 2] ^= 1
        image.write_bytes(data)
        self.device.power_on()
        shutil.copy(self.here / "honest-cell", self.device.path / "run/cell")

    def repair(self):
        self.device.put_slot("b", "1.1.0")

    def floor_holds(self):
        """1.0.0, validly signed, is refused by the floor."""
        self.refused(self.device.updater("install", "--release", "1.0.0"), ROLLBACK, "below the floor 2")

    # -- attacks ------------------------------------------------------------------------------------------
    def test_an_evil_boot_opens_nothing_and_changes_nothing_in_the_tpm(self):
        self.evil_boot()
        before = self.device.nv()
        self.refused(self.device.vault("get", "memory"), TPM)
        self.refused(self.device.vault("put", "memory", value="evil"), TPM)
        self.refused(self.device.updater("boot"), TPM)
        for command in COMMANDS + SESSIONS:
            self.assertNotEqual(self.device.tools(command), 0, command)
            self.device.tools("tpm2_flushcontext -l; tpm2_flushcontext -t")
        self.assertEqual(self.device.nv(), before)
        self.repair()
        self.honest_boot()
        self.assertEqual(self.device.nv(), before)
        self.state_opens()

    def test_control_the_same_commands_go_through_on_a_tpm_that_nobody_took(self):
        fresh = self.here / "fresh"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir()
        device.swtpm.power_on(fresh)
        try:
            env = dict(os.environ, TPM2TOOLS_TCTI=device.swtpm.tcti(fresh), TSS2_LOG="all+none")

            def went(line):
                return subprocess.run(["bash", "-c", line], env=env, cwd=self.here / "attacker",
                                      capture_output=True, check=False).returncode == 0
            plain = "ownerwrite|ownerread|authread|no_da"
            for index, size, kind in ((CELL, 34, plain), (ANCHOR, 136, plain), (COUNTER, 8, plain + "|nt=counter")):
                self.assertTrue(went(f"tpm2_nvdefine -C o -s {size} -a '{kind}' {index}"), index)
            for command in COMMANDS:
                if command.startswith(("head", "tpm2_nvwrite -C o -i old", "tpm2_nvincrement -C o", "tpm2_changeauth")):
                    self.assertTrue(went(command), command)
        finally:
            device.swtpm.power_off(fresh)

    def test_indices_made_again_by_an_open_platform_disclose_nothing(self):
        self.evil_boot()
        self.assertEqual(self.device.tools(f"tpm2_nvundefine -C p {CELL}"), 0)
        self.assertNotEqual(self.device.tools(
            f"tpm2_nvdefine -C o -s 34 -a 'ownerwrite|ownerread|authread|no_da' {CELL}"), 0)
        self.assertEqual(self.device.tools(
            f"tpm2_nvdefine -C p -s 34 -a 'ownerwrite|ownerread|authread|no_da|ppwrite|platformcreate' {CELL}; "
            f"tpm2_nvwrite -C p -i old-cell {CELL}"), 0)
        self.refused(self.device.vault("get", "memory"), TPM)
        self.refused(self.device.updater("boot"), TPM)
        self.repair()
        self.device.power_on()  # an honest boot: service is lost, and said so
        self.refused(self.device.updater("boot"), TPM)
        shutil.copy(self.here / "honest-cell", self.device.path / "run/cell")
        self.refused(self.device.vault("get", "memory"), TPM)

    def test_the_old_release_in_its_old_slot_opens_nothing(self):
        self.device.put_slot("a", "1.0.0")
        self.device.boot_state("primary=a trial=- tries=0 bad=-")
        shutil.copytree(self.here / "on-1.0.0/state/vault", self.device.path / "state/vault", dirs_exist_ok=True)
        self.device.power_on()
        shutil.copy(self.here / "honest-cell", self.device.path / "run/cell")
        self.refused(self.device.vault("get", "memory"), TPM)
        self.refused(self.device.updater("boot"), TPM)

    def test_an_old_vault_from_a_backup_is_a_rollback(self):
        self.device.restore("on-1.0.0", only="state/vault")
        self.honest_boot()
        self.refused(self.device.vault("get", "memory"), ROLLBACK, "does not follow the anchored")
        self.refused(self.device.vault("init"), VAULT, "the anchor tells of a vault")

    def test_an_old_sealed_key_opens_nothing_after_a_rotation(self):
        self.honest_boot()
        vault = self.device.path / "state/vault"
        old = {p: p.read_bytes() for p in [vault / "index", *(vault / "epochs").iterdir()]}
        self.must(self.device.vault("rotate"))
        self.state_opens()
        for path, content in old.items():
            path.write_bytes(content)
        self.refused(self.device.vault("get", "memory"), VAULT, "not the one this device's anchor names")

    def test_a_missing_vault_is_never_made_anew(self):
        shutil.rmtree(self.device.path / "state/vault")
        self.honest_boot()
        self.refused(self.device.vault("get", "memory"), VAULT, "missing")
        self.refused(self.device.vault("init"), VAULT, "the anchor tells of a vault")

    def test_an_attackers_key_sealed_under_the_same_policy_is_not_ours(self):
        self.evil_boot()
        (self.here / "attacker/policy").write_bytes(cell_policy())
        self.assertEqual(self.device.tools(
            "head -c 32 /dev/urandom >key && tpm2_create -C 0x81000001 -L policy -i key -u pub -r priv "
            "-a 'fixedtpm|fixedparent|noda'"), 0)
        public = (self.here / "attacker/pub").read_bytes()[2:]
        private = (self.here / "attacker/priv").read_bytes()[2:]
        blob = b"PAWLBLB1" + b"".join(struct.pack("<H", len(part)) + part for part in (private, public))
        target = next((self.device.path / "state/vault/epochs").glob("*.blob"))
        ours = target.read_bytes()
        self.assertEqual(ours[:8], blob[:8])
        target.write_bytes(blob)
        self.repair()
        self.honest_boot()
        self.refused(self.device.vault("get", "memory"), VAULT, "not the one this device's anchor names")
        target.write_bytes(ours)
        self.state_opens()

    def test_forged_records_gain_nothing(self):
        """The device goes on running, says what it does not believe, and no floor goes down."""
        state = self.device.path / "state"
        floor = "below the floor 2"
        for name, forge, booted_says, status, text in (
                ("journal/record.json", self.flipped, "journal.damaged", ROLLBACK, floor),
                ("journal/record.json", self.without_head, "journal.damaged", ROLLBACK, floor),
                ("journal/record.json", self.of_the_old_release, "", ROLLBACK, floor),
                ("journal/floors.json", self.flipped, "floors.refused", TPM, "does not verify"),
                ("journal/floors.json", self.without_head, "floors.refused", TPM, "not authenticated"),
                ("journal/floors.json", self.of_the_old_release, "floors.refused", ROLLBACK,
                 "older than the last commit"),
                ("device.json", self.flipped, "device.refused", TPM, "cannot be believed"),
                ("device.json", self.without_head, "device.refused", TPM, "cannot be believed"),
                ("device.json", self.of_the_old_release, "", ROLLBACK, floor)):
            with self.subTest(name=name, forge=forge.__name__):
                self.device.restore("on-1.1.0", only="state")
                (state / name).write_bytes(forge(name))
                self.device.power_on()
                before = self.device.nv()
                booted = self.device.updater("boot")
                self.assertEqual(booted.returncode, 0, booted.stderr)
                self.assertIn(booted_says, booted.stderr)
                self.state_opens()
                self.refused(self.device.updater("install", "--release", "1.0.0"), status, text)
                self.assertEqual(self.device.nv(), before)

    def flipped(self, name):
        data = bytearray((self.device.path / "state" / name).read_bytes())
        data[-4] ^= 1
        return bytes(data)

    def without_head(self, name):
        head, _, rest = (self.device.path / "state" / name).read_bytes().partition(b"\n")
        self.assertTrue(head.startswith(b"pawl-record-v1 "))
        return rest

    def of_the_old_release(self, name):
        return (self.here / "on-1.0.0/state" / name).read_bytes()

    def test_a_cleared_tpm_lowers_no_floor(self):
        self.evil_boot()
        self.assertEqual(self.device.tools("tpm2_clear -c p"), 0)
        self.repair()
        self.device.power_on()
        self.refused(self.device.updater("boot"), TPM)
        again = self.device.updater("provision")
        self.must(again)
        self.floor_holds()
        self.refused(self.device.vault("get", "memory"), VAULT, "no anchor")
        self.refused(self.device.vault("init"), VAULT)
        self.must(self.device.vault("recover", "--key", str(self.here / "recovery.hex")))
        self.state_opens()

    def test_old_signed_metadata_after_the_store_was_deleted(self):
        shutil.rmtree(self.device.path / "state/tuf")
        repo = self.device.repo / "metadata"
        shutil.move(repo, self.here / "new-metadata")
        shutil.copytree(self.here / "old-metadata", repo)
        try:
            self.honest_boot()
            self.refused(self.device.updater("check"), ROLLBACK)
            self.refused(self.device.updater("install"), ROLLBACK)
            self.state_opens()
        finally:
            shutil.rmtree(repo)
            shutil.move(self.here / "new-metadata", repo)

    def test_losing_every_record_lowers_no_floor(self):
        for name in ("journal", "tuf", "device.json"):
            target = self.device.path / "state" / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        self.device.power_on()
        booted = self.device.updater("boot")
        self.assertIn(booted.returncode, (0, TPM), booted.stderr)
        tried = self.device.updater("install", "--release", "1.0.0")
        self.assertIn(tried.returncode, (ROLLBACK, TPM), tried.stdout + tried.stderr)

    def test_control_the_device_lives(self):
        self.honest_boot()
        self.state_opens()
        self.floor_holds()
        status = json.loads(self.device.vault("status", "--json").stdout)
        self.assertEqual((status["protector"], status["entries"]), ("tpm2", 1))


if __name__ == "__main__":
    PROGRAMS = pathlib.Path(sys.argv[1]).resolve()
    for tool in ("swtpm", "tpm2_pcrextend", "mkfs.erofs", "veritysetup", "softhsm2-util", "zstd"):
        if not shutil.which(tool):
            print(f"skipped: no {tool}")
            sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
