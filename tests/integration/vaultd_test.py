#!/usr/bin/env python3
"""pawl-vault as a program: values through pipes, files and a terminal, one process at a time, and the
refusals a user meets, each with its exit status and a hint.    vaultd_test.py BIN"""
import base64
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import vault_reader

BIN = pathlib.Path(sys.argv[1])
USAGE, TOO_LARGE, ROLLBACK, CONFIG, VAULT, BUSY = 2, 11, 14, 24, 43, 50

RECOVERY_PUBLIC = "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"  # of the private key 00 01 .. 1f
BLOCK = 65536


def block(number):
    """64 KiB that belong to one place of a blob and no other."""
    return hashlib.shake_128(number.to_bytes(8, "little")).digest(BLOCK)


def most_memory(child):
    """The most resident memory a running process has had so far, in KiB."""
    status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M).group(1))


class VaultProgram(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-vault-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.configure()

    def configure(self, more=""):
        (self.folder / "vault.toml").write_text(
            '[vault]\nprotector = "file"\ndirectory = "vault"\nuser = "%d"\n%s' % (os.geteuid(), more))

    def command(self, verb, *args):
        return [str(BIN / "pawl-vault"), verb, *args, "--config", str(self.folder / "vault.toml")]

    def run_verb(self, verb, *args, value=b"", status=0):
        done = subprocess.run(self.command(verb, *args), input=value, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        if verb != "check-config" and status not in (USAGE, CONFIG):
            self.assertIn(b"protector: file (development)", done.stderr)
        return done

    def json_of(self, verb, *args, **more):
        done = self.run_verb(verb, *args, "--json", **more)
        result = json.loads(done.stdout)
        self.assertEqual(result["schema"], 1)
        return result

    def refused(self, status, text, verb, *args, **more):
        """Exactly this exit status, the text in the message, and a hint."""
        done = self.run_verb(verb, *args, "--json", status=status, **more)
        result = json.loads(done.stdout)
        self.assertEqual(result["code"], status)
        self.assertIn(text, result["message"])
        if "vault.toml:" not in text:  # an error with file and line needs no hint
            self.assertTrue(result["hint"])

    def test_a_value_goes_in_by_a_pipe_and_comes_out_the_same(self):
        made = self.json_of("init")
        self.assertEqual((made["protector"], made["epoch"], made["recovery"]),
                         ("file (development)", 1, False))
        value = bytes(range(256)) * 1000
        put = self.json_of("put", "agent/model", value=value)
        self.assertEqual(put["entry"]["size"], len(value))
        self.assertEqual(self.run_verb("get", "agent/model").stdout, value)
        part = self.run_verb("get", "agent/model", "--offset", "65530", "--length", "20").stdout
        self.assertEqual(part, value[65530:65550])
        listed = self.json_of("list")
        self.assertEqual([e["name"] for e in listed["entries"]], ["agent/model"])
        self.assertEqual(self.run_verb("list").stdout, b"256000\tagent/model\n")

    def test_files_in_and_out_and_appending(self):
        self.run_verb("init")
        source, target = self.folder / "in", self.folder / "out"
        source.write_bytes(b"one")
        self.run_verb("put", "a", "--file", str(source))
        self.assertEqual(self.json_of("put", "a", "--append", value=b" two")["entry"]["segments"], 2)
        got = self.json_of("get", "a", "--output", str(target))
        self.assertEqual((got["length"], target.read_bytes()), (7, b"one two"))
        self.assertEqual(target.stat().st_mode & 0o777, 0o600)
        inline = self.json_of("get", "a", "--offset", "4")
        self.assertEqual(base64.b64decode(inline["value_base64"]), b"two")
        self.refused(TOO_LARGE, "the limit is 1048576", "get", "big",
                     value=self.run_verb("put", "big", value=bytes(1 << 21)).stdout[:0])

    def test_a_refused_get_leaves_the_file_that_was_there(self):
        self.run_verb("init")
        target = self.folder / "out"
        target.write_text("before")
        self.refused(USAGE, "no entry 'missing'", "get", "missing", "--output", str(target))
        self.assertEqual(target.read_text(), "before")
        self.assertEqual(sorted(p.name for p in self.folder.glob("out*")), ["out"])

    def test_a_terminal_does_not_get_control_characters(self):
        self.run_verb("init")
        self.run_verb("put", "binary", value=b"abc\x1b[31m")
        self.run_verb("put", "text", value=b"hello\n")

        def on_terminal(*args):
            keeper, side = pty.openpty()
            done = subprocess.run(self.command("get", *args), stdin=subprocess.DEVNULL, stdout=side,
                                  stderr=subprocess.PIPE, timeout=60)
            os.close(side)
            os.set_blocking(keeper, False)
            try:
                shown = os.read(keeper, 4096)
            except (BlockingIOError, OSError):
                shown = b""
            os.close(keeper)
            return done, shown
        done, shown = on_terminal("binary")
        self.assertEqual((done.returncode, shown), (USAGE, b""))
        self.assertIn(b"--force", done.stderr)
        self.assertEqual(on_terminal("binary", "--force")[1], b"abc\x1b[31m")
        self.assertEqual(on_terminal("text")[1].replace(b"\r\n", b"\n"), b"hello\n")

    def test_rotation_touches_no_data_file_and_deep_rotation_every_one(self):
        self.run_verb("init")
        self.run_verb("put", "a", value=b"1")
        data = self.folder / "vault/data"
        before = {p.name: p.read_bytes() for p in data.iterdir()}
        self.assertEqual(self.json_of("rotate")["epoch"], 2)
        self.assertEqual({p.name: p.read_bytes() for p in data.iterdir()}, before)
        self.assertEqual(self.json_of("rotate", "--deep")["deep"], True)
        self.assertFalse(set(before) & {p.name for p in data.iterdir()})
        self.assertEqual(self.run_verb("get", "a").stdout, b"1")
        status = self.json_of("status")
        self.assertEqual((status["epoch"], status["entries"], status["bytes"]), (3, 1, 1))
        self.assertEqual(status["generation"], status["anchored_generation"])

    def test_removing_and_trying_to(self):
        self.run_verb("init")
        self.run_verb("put", "a", value=b"1")
        self.assertEqual(self.json_of("rm", "a", "--dry-run")["changed"], False)
        self.assertEqual(self.json_of("rm", "a")["changed"], True)
        self.refused(USAGE, "no entry 'a'", "rm", "a")
        self.assertEqual(list((self.folder / "vault/data").iterdir()), [])

    def test_one_process_at_a_time_and_the_second_waits(self):
        self.run_verb("init")
        self.run_verb("put", "a", value=b"1")
        with open(self.folder / "vault/lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(BUSY, "locked by another process", "get", "a", "--wait", "0")
            waiting = subprocess.Popen(self.command("get", "a", "--wait", "60"), stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            self.assertTrue(waiting.stderr.readline())  # the note on the protector: it has started
            self.assertIsNone(waiting.poll())
        self.assertEqual(waiting.communicate(timeout=60)[0], b"1")

    def test_a_lost_a_foreign_and_an_old_vault_are_told_apart(self):
        self.refused(VAULT, "there is no vault", "status")
        self.run_verb("init")
        self.refused(VAULT, "the anchor tells of a vault", "init")
        self.run_verb("put", "a", value=b"1")
        backup, vault = self.folder / "backup", self.folder / "vault"
        shutil.copytree(vault, backup)
        self.run_verb("put", "a", value=b"2")
        shutil.rmtree(vault)
        self.refused(VAULT, "missing", "get", "a")
        self.refused(VAULT, "missing", "put", "a", value=b"3")
        self.refused(VAULT, "the anchor tells of a vault", "init")
        shutil.rmtree(vault, ignore_errors=True)
        shutil.copytree(backup, vault)
        self.refused(ROLLBACK, "does not follow the anchored generation", "get", "a")
        (self.folder / "vault.anchor").unlink()
        self.refused(VAULT, "no anchor", "get", "a")

    def test_a_lost_key_and_anchor_are_recovered_offline(self):
        self.configure('[recovery]\nkey = "%s"\n' % RECOVERY_PUBLIC)
        self.run_verb("init")
        self.run_verb("put", "a", value=b"1")
        key = self.folder / "recovery"
        for name in ("vault.key", "vault.anchor"):
            (self.folder / name).unlink()
        self.refused(VAULT, "no anchor", "get", "a")
        key.write_text(bytes(range(1, 33)).hex())
        self.refused(VAULT, "another recovery key", "recover", "--key", str(key))
        key.write_text("not a key\n")
        self.refused(USAGE, "64 hexadecimal digits", "recover", "--key", str(key))
        key.write_text(bytes(range(32)).hex() + "\n")
        self.assertEqual(self.json_of("recover", "--key", str(key))["epoch"], 2)
        self.assertEqual(self.run_verb("get", "a").stdout, b"1")

    def test_configurations_that_are_refused(self):
        self.configure("[file]\nkye = \"x\"\n")
        self.refused(CONFIG, "vault.toml:6", "status", "--log", "error")
        self.configure()
        self.assertEqual(self.json_of("check-config")["protector"], "file (development)")
        (self.folder / "vault.toml").write_text('[vault]\nprotector = "file"\nuser = "61184"\n')
        self.refused(CONFIG, "dynamic number 61184", "init")
        (self.folder / "vault.toml").write_text('[vault]\nprotector = "file"\nuser = "4242"\n')
        done = subprocess.run(self.command("init", "--json"), capture_output=True, timeout=60)
        self.assertEqual(done.returncode, VAULT)
        self.assertIn("belongs to user 4242", json.loads(done.stdout)["message"])

    def test_a_large_blob_streams_in_bounded_memory_and_is_read_in_parts(self):
        self.run_verb("init")
        blocks = int(os.environ.get("PAWL_BLOB_MIB", "64")) * 16
        put = subprocess.Popen(self.command("put", "blob"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        for number in range(blocks):
            put.stdin.write(block(number))
        self.assertLess(most_memory(put), 24 * 1024)
        put.stdin.close()
        self.assertEqual((put.wait(timeout=600), put.stderr.read().count(b"\n")), (0, 1))
        put.stdout.close()
        put.stderr.close()
        size = blocks * BLOCK
        self.assertEqual(self.json_of("list")["entries"][0]["size"], size)
        for offset, length in ((0, 1), (size - 1, 1), (BLOCK - 1, 2), (size // 2 + 12345, 3 * BLOCK + 7),
                               (size - BLOCK - 3, BLOCK + 3)):
            first, last = offset // BLOCK, (offset + length - 1) // BLOCK
            around = b"".join(block(number) for number in range(first, last + 1))
            want = around[offset - first * BLOCK:][:length]
            got = self.run_verb("get", "blob", "--offset", str(offset), "--length", str(length)).stdout
            self.assertEqual(got, want, offset)
        data = next((self.folder / "vault/data").iterdir())
        head = data.stat().st_size - size - blocks * 16  # FORMAT 7.2.3: each chunk has a tag of 16 bytes
        with open(data, "r+b") as file:  # one bit in the middle: that part is refused, others are not
            file.seek(head + blocks // 2 * (BLOCK + 16))
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        self.run_verb("get", "blob", "--offset", str(size // 2 + 60000), "--length", "10", status=VAULT)
        self.run_verb("get", "blob", "--offset", str(size // 2 - 100), "--length", "100")
        self.assertEqual(self.run_verb("get", "blob", "--length", "5").stdout, block(0)[:5])
        with subprocess.Popen(self.command("get", "blob"), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as get:
            self.assertEqual(get.stdout.read(BLOCK), block(0))
            self.assertLess(most_memory(get), 24 * 1024)
            get.kill()

    def test_the_format_is_enough_to_read_a_vault(self):
        """FORMAT 7.1.1, 7.1.2, 7.1.3, 7.3.2: by a reader that is written from that document."""
        self.run_verb("init")
        values = {"empty": b"", "small": b"value", "exact": bytes(BLOCK), "large": block(7) * 3 + b"tail"}
        for name, value in values.items():
            self.run_verb("put", name, value=value)
        self.run_verb("put", "large", "--append", value=b" and more")
        values["large"] += b" and more"
        for _ in range(2):
            read = vault_reader.Vault(self.folder / "vault", self.folder / "vault.key", f"{os.geteuid()}@device")
            self.assertEqual({name: read.read(name) for name in read.entries}, values)
            keys = list(read.data_keys())
            self.assertEqual((len(keys), len(set(keys))), (5, 5))
            self.assertEqual(sorted(p.name for p in (self.folder / "vault").iterdir()),
                             ["data", "epochs", "index", "lock"])
            self.run_verb("rotate")

    def test_names_outside_the_alphabet(self):
        self.run_verb("init")
        for name in ("a b", "", "\u00e9", "x" * 256):
            self.run_verb("put", name, value=b"1", status=USAGE)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
