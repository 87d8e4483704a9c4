"""One machine that is on: QEMU, its TPM, its serial log, and the command channel of its guest."""
import base64
import dataclasses
import re
import shutil
import socket
import subprocess
import time

import machine as machines
import processes
import swtpm

COMMAND_LIMIT = 1200  # seconds for one command in the guest
CONNECT_LIMIT = 60


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command in the guest printed and how it ended."""

    status: int
    output: bytes

    @property
    def text(self):
        """The output as text."""
        return self.output.decode(errors="replace").strip()


class PowerLost(processes.Failure):
    """The guest went away while it was asked something."""


class Vm:
    """Power on at construction. `power_off` is the plug pulled: nothing is flushed."""

    def __init__(self, machine, places, chip):
        self.machine = machine
        self.places = places
        places.folder.mkdir(parents=True, exist_ok=True)
        if not places.flash.exists():
            shutil.copyfile(machine.firmware_vars, places.flash)
        self.tpm = swtpm.Swtpm(chip)
        self.read_from = places.serial_log.stat().st_size if places.serial_log.exists() else 0
        self.started = time.monotonic()
        with open(places.folder / "qemu.log", "ab") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                machines.command_line(machine, places, self.tpm.socket),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.stream = processes.wait_until("QEMU opens its channel", CONNECT_LIMIT, self._connect)
        self.pending = b""
        self.number = 0
        self.boot_id = None
        self.seconds = []  # of each boot

    def _connect(self):
        if self.process.poll() is not None:
            raise processes.Failure(f"QEMU ended at once; see {self.places.folder / 'qemu.log'}")
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.connect(str(self.places.channel))
        except OSError:
            stream.close()
            return None
        stream.settimeout(processes.POLL * 4)
        return stream

    def console(self):
        """The serial log of this boot and those before it since power on."""
        with open(self.places.serial_log, "rb") as log:
            log.seek(self.read_from)
            return log.read().decode(errors="replace")

    def forget_console(self):
        """`console` starts here from now on."""
        self.read_from = self.places.serial_log.stat().st_size

    def _line(self):
        """One line of the channel when there is one, without waiting long."""
        if b"\n" not in self.pending:
            try:
                more = self.stream.recv(65536)
            except TimeoutError:
                return None
            if not more:
                raise PowerLost("the machine is off")
            self.pending += more
            return None
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode(errors="replace").split()

    def wait_up(self, limit=None):
        """Waits for the channel of a boot that was not seen before."""
        def fresh():
            line = self._line()
            return line if line and line[0] == "up" and line[1] != self.boot_id else None

        limit = limit or self.machine.boot_limit
        self.boot_id = processes.wait_until("a boot reaches the command channel", limit, fresh)[1]
        now = time.monotonic()
        self.seconds.append(now - self.started)
        self.started = now
        return self.boot_id

    def send(self, command):
        """Starts a command in the guest; the number to ask its answer with."""
        self.number += 1
        text = base64.b64encode(command.encode()).decode()
        self.stream.sendall(f"{self.number} {text}\n".encode())
        return self.number

    def answer(self, number, limit=COMMAND_LIMIT):
        """The answer to the command with this number."""
        def mine():
            line = self._line()
            return line if line and line[0] == str(number) else None

        line = processes.wait_until(f"answer {number} of the guest", limit, mine)
        return Answer(int(line[1]), base64.b64decode(line[2]) if len(line) > 2 else b"")

    def ask(self, command, limit=COMMAND_LIMIT):
        """Runs a command in the guest."""
        return self.answer(self.send(command), limit)

    def read(self, path):
        """A file of the guest."""
        answer = self.ask(f"cat {path}")
        if answer.status:
            raise processes.Failure(f"guest file {path}: {answer.text}")
        return answer.output

    def write(self, path, content):
        """Makes a file of the guest, and its folder."""
        text = base64.b64encode(content).decode()
        answer = self.ask(f"mkdir -p {path.rpartition('/')[0]} && umask 077 && "
                          f"echo {text} | busybox base64 -d >{path}")
        if answer.status:
            raise processes.Failure(f"guest file {path}: {answer.text}")

    def reboot(self):
        """Restarts the guest in an orderly way; the next `wait_up` sees the new boot."""
        self.started = time.monotonic()
        self.send("/usr/lib/pawl-e2e/restart")

    def wait_for(self, what, pattern, limit=None):
        """Waits until the serial console, since it was forgotten last, has what `pattern` finds."""
        def said():
            if self.process.poll() is not None:
                raise PowerLost("the machine is off")
            return re.search(pattern, self.console())

        processes.wait_until(what, limit or self.machine.boot_limit, said)
        self.seconds.append(time.monotonic() - self.started)

    def wait_off(self):
        """Waits until the guest has switched the machine off."""
        processes.wait_until("the machine goes off", self.machine.boot_limit,
                             lambda: self.process.poll() is not None)

    def power_off(self):
        """Pulls the plug."""
        self.process.kill()
        self.process.wait(30)
        self.stream.close()
        self.tpm.stop()
