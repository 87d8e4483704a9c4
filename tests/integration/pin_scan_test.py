#!/usr/bin/env python3
"""The PIN in the real pawl-signer and in its broker: looked for in memory, arguments, environment, log, files and core
while the token is logged in. The module hangs where the test wants to look.

    pin_scan_test.py FOLDER-OF-PROGRAMS [unittest arguments]
"""
import os
import pathlib
import pty
import resource
import signal
import subprocess
import sys
import time
import unittest

import signer_test
from signer_test import MODULE, Signer

PIN = "pawl-73Q9xz1w"
FAULT = "tests/pkcs11_fault.so"


def eventually(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds} s")


def copies(process, text):
    """How often TEXT stands in the memory that the process may have written."""
    found = 0
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            if not mode.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            try:
                found += memory.read(end - start).count(text)
            except OSError:  # a page that is not there, as the guards of secret memory
                continue
    return found


class PinScan(unittest.TestCase):
    """Key rel in a token behind the module that hangs on command; software keys for all other roles."""

    @classmethod
    def setUpClass(cls):
        signer_test.PIN = PIN
        cls.s = Signer()
        cls.control = cls.s.folder / "control"
        cls.control.write_text("")
        cls.s.env.update(PAWL_FAULT_MODULE=MODULE, PAWL_FAULT_CONTROL=str(cls.control))
        cls.s.token("rel")
        build = pathlib.Path(signer_test.signer).parents[1]
        cls.s.json("key", "new", "rel", "--uri", f"pkcs11:token=rel?module-path={build / FAULT}", "--pin", "file:pin")
        for name in ("root", "targets", "snap", "time"):
            cls.s.json("key", "new", name, "--software", f"{name}.key")
        cls.s.json("repo", "init", "repo", "--root", "root", "--targets", "targets", "--snapshot", "snap", "--timestamp",
                   "time", "--product", "gw3=rel", "--ceiling", "gw3=5")
        assert cls.s.build("1.0.0", "r1").returncode == 0

    @classmethod
    def tearDownClass(cls):
        cls.s.close()

    def setUp(self):
        self.toml = (self.s.folder / "signer.toml").read_text()
        self.child = None

    def tearDown(self):
        (self.s.folder / "signer.toml").write_text(self.toml)
        (self.s.folder / "pin").chmod(0o600)
        self.control.write_text("")
        for core in self.s.folder.glob("core*"):
            core.unlink()
        if self.child:
            self.child.kill()
            self.child.communicate()

    def start(self, source, fault, env=(), pass_fds=()):
        """`release add` with this PIN source, until the module hangs; -> (process, its broker)."""
        (self.s.folder / "signer.toml").write_text(self.toml.replace('pin = "file:pin"', f'pin = "{source}"'))
        hangs = self.control.with_name("control.hangs")
        hangs.unlink(missing_ok=True)
        self.control.write_text(fault + "=hang\n")
        self.child = subprocess.Popen(
            [signer_test.signer, "release", "add", "r1", "--log", "debug"], cwd=self.s.folder,
            env=dict(self.s.env, **dict(env)), pass_fds=pass_fds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
        return self.child.pid, self.broker_of(self.child.pid, hangs)

    def broker_of(self, process, hangs):
        eventually("the module hangs", hangs.exists)
        brokers = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
        self.assertEqual(len(brokers), 1)
        return int(brokers[0])

    def nowhere(self, process):
        proc = pathlib.Path(f"/proc/{process}")
        for name in ("cmdline", "environ"):
            self.assertNotIn(PIN.encode(), (proc / name).read_bytes(), name)
        self.assertEqual(copies(process, PIN.encode()), 0)

    def no_trace(self, out):
        self.assertNotIn(PIN.encode(), out)
        for path in self.s.folder.rglob("*"):
            if path.is_file() and path.name != "pin":
                self.assertNotIn(PIN.encode(), path.read_bytes(), path)

    def test_the_scan_finds_a_pin_that_is_there_and_only_the_broker_has_it(self):
        process, broker = self.start("file:pin", "C_Login")
        self.assertGreaterEqual(copies(broker, PIN.encode()), 1)
        self.nowhere(process)

    def test_after_login_no_source_leaves_a_copy(self):
        for source in ("file:pin", "fd", "env:RELEASE_PIN", "credential:pin"):
            with self.subTest(source):
                env, read = {}, None
                if source == "fd":
                    read, write = os.pipe()
                    os.write(write, PIN.encode() + b"\n")
                    os.close(write)
                    source = f"fd:{read}"
                env = {"RELEASE_PIN": PIN} if source.startswith("env:") else {}
                env["CREDENTIALS_DIRECTORY"] = str(self.s.folder)
                process, broker = self.start(source, "C_Sign", env, (read,) if read is not None else ())
                if read is not None:
                    os.close(read)
                for one in (process, broker):
                    self.nowhere(one)
                self.assertGreater(copies(broker, b"rel"), 0)  # the scan reads
                self.child.kill()
                self.no_trace(b"".join(self.child.communicate()))

    def test_a_typed_pin_leaves_no_copy_either(self):
        (self.s.folder / "signer.toml").write_text(self.toml.replace('pin = "file:pin"', 'pin = "prompt"'))
        hangs = self.control.with_name("control.hangs")
        hangs.unlink(missing_ok=True)
        self.control.write_text("C_Sign=hang\n")
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.s.folder)
            os.execve(signer_test.signer, [signer_test.signer, "release", "add", "r1"], self.s.env)
        try:
            shown = b""
            while b"PIN of token" not in shown or not shown.endswith(b": "):
                shown += os.read(terminal, 100)
            os.write(terminal, PIN.encode() + b"\n")
            broker = self.broker_of(process, hangs)
            for one in (process, broker):
                self.nowhere(one)
            self.assertNotIn(PIN.encode(), shown)
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(terminal)

    def cores(self):
        return list(self.s.folder.glob("core*"))

    def test_the_broker_leaves_no_core_even_where_the_limit_allows_one(self):
        _, broker = self.start("file:pin", "C_Login")
        os.kill(broker, signal.SIGABRT)
        _, error = self.child.communicate(timeout=60)
        self.assertEqual((self.child.returncode, b"signal 6" in error), (41, True), error)
        self.assertEqual(self.cores(), [])

    def test_the_core_of_the_program_has_no_pin(self):
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
        for source in ("file:pin", "env:RELEASE_PIN"):
            process, _ = self.start(source, "C_Sign", {"RELEASE_PIN": PIN} if source.startswith("env:") else {})
            pathlib.Path(f"/proc/{process}/coredump_filter").write_text("0x7f")
            os.kill(process, signal.SIGABRT)
            self.no_trace(b"".join(self.child.communicate(timeout=60)))
            if pattern == "core":  # else the kernel hands cores to somebody else: the memory was scanned above
                (core,) = self.cores()
                content = core.read_bytes()
                self.assertIn(b"release", content)
                self.assertNotIn(PIN.encode(), content)
                core.unlink()


if __name__ == "__main__":
    signer_test.signer = str(pathlib.Path(sys.argv.pop(1)).resolve() / "pawl-signer")
    if not os.path.exists(MODULE):
        print(f"{MODULE} is not installed")
        sys.exit(77)
    if os.geteuid() != 0:
        print("reading the broker's memory needs root: it lets nobody else trace it")
        sys.exit(77)
    unittest.main()
