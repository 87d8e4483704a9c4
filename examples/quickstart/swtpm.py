"""The TPM of the simulated device: a folder that swtpm keeps, switched on with the device.

The folder is the chip: `tpm2-00.permall` is its non-volatile memory, `sock` is where it answers while
it is on. Everything is done by swtpm and tpm2-tools; nothing here is Pawl's.
"""
import os
import subprocess

MAX_SOCKET = 100  # sockaddr_un


class TpmError(Exception):
    """The TPM does not do what it was told; the text says what."""


def tcti(folder):
    """How programs reach this TPM."""
    return f"swtpm:path={folder}/sock"


def _run(command, folder, quiet=False):
    env = dict(os.environ, TPM2TOOLS_TCTI=tcti(folder), TSS2_LOG="all+none")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode and not quiet:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise TpmError(f"{command[0]}: {words[-1]}")
    return done.returncode == 0


def power_off(folder):
    """Off, without a word to the chip before: what a power cut does. Off already is fine."""
    _run(["swtpm_ioctl", "--unix", f"{folder}/sock.ctrl", "-s"], folder, quiet=True)
    for name in ("sock", "sock.ctrl"):
        (folder / name).unlink(missing_ok=True)


def power_on(folder):
    """Off and on: every PCR is at its start, then TPM2_Startup(CLEAR) as the firmware gives it."""
    if len(f"{folder}/sock.ctrl") > MAX_SOCKET:
        raise TpmError(f"{folder}: too long a path for a socket; take a shorter --work folder")
    power_off(folder)
    _run(["swtpm", "socket", "--tpm2", "--daemon", "--tpmstate", f"dir={folder},mode=0600",
          "--server", f"type=unixio,path={folder}/sock", "--ctrl", f"type=unixio,path={folder}/sock.ctrl",
          "--flags", "not-need-init", "--log", f"file={folder}/log,level=1"], folder)
    _run(["tpm2_startup", "--clear"], folder)


def extend(folder, words):
    """Extends PCRs, one `PCR:bank=digest,...` after the other."""
    _run(["tpm2_pcrextend", *words], folder)
