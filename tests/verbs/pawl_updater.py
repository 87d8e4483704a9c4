"""Every verb of pawl-updater, in the order of one update on a device made of files."""
import atexit
import select
import shutil
import subprocess

from . import poll_server, repository, svid, tpm_issuer
from .row import Row

SLOT = 65536


def prepare(programs, here):
    repository.make(programs / "pawl-signer", here)
    for slot in ("a", "b"):
        (here / "slots" / slot).mkdir(parents=True)
        (here / "slots" / slot / "rootfs.img").write_bytes(b"\0" * SLOT)
    image = (here / "1.0.0.img").read_bytes()
    (here / "slots/a/rootfs.img").write_bytes(image + b"\0" * (SLOT - len(image)))
    shutil.copy(here / "repo/metadata/1.root.json", here / "root.json")
    (here / "boot").mkdir()
    (here / "boot/state").write_text("primary=a trial=- tries=0 bad=-\n")
    (here / "state/installed").mkdir(parents=True)
    shutil.copy(here / "r-1.0.0/manifest.json", here / "state/installed/a.manifest.json")
    (here / "health.d").mkdir()
    (here / "health.d/10-check").write_text("#!/bin/sh\nexit 0\n")
    (here / "health.d/10-check").chmod(0o755)
    (here / "updater.toml").write_text(f"""[device]
product = "{repository.PRODUCT}"
hardware = "b"
vendor_id = "{repository.VENDOR}"
class_id = "{repository.CLASS}"
[server]
url = "file://{here}/repo"
[trust]
root = "root.json"
[slots.a]
rootfs = "slots/a/rootfs.img"
uki = "slots/a/uki.efi"
[slots.b]
rootfs = "slots/b/rootfs.img"
uki = "slots/b/uki.efi"
[boot]
backend = "file"
profile = "efi-uki"
state = "boot/state"
booted = "run/booted"
[health]
directory = "health.d"
timeout = 10
""")
    text = (here / "updater.toml").read_text()
    (here / "other.toml").write_text(text.replace(f'"{repository.PRODUCT}"', '"another"'))
    svid.make(here / "svid", path="/distributor")
    port = poll_server.listen(here / "svid")
    (here / "net.toml").write_text(text.replace(f'url = "file://{here}/repo"', f"""url = "https://127.0.0.1:{port}"
id = "spiffe://example.org/distributor"
[identity]
source = "files"
path = "svid\""""))
    (here / "enroll.toml").write_text(text + tpm_issuer.start(programs, here))
    (here / "unknown.toml").write_text(text + "colour = 1\n")
    start("a", 1)(here)


def start(slot, boot):
    """What a boot loader does: this slot is up."""
    def power_on(here):
        (here / "run").mkdir(exist_ok=True)
        (here / "run/booted").write_text(f"slot={slot} boot_id=boot-{boot}\n")
        state = here / "boot/state"
        state.write_text(state.read_text().replace("tries=3", "tries=2"))
    return power_on


def no_loader(here):
    (here / "run/booted").unlink(missing_ok=True)


def tpm(here):
    """A TPM emulator that ends with this program, and a configuration that names it."""
    (here / "tpm").mkdir()
    socket = here / "tpm/sock"
    emulator = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={here}/tpm", "--server", f"type=unixio,path={socket}",
         "--ctrl", f"type=unixio,path={socket}.ctrl", "--flags", "not-need-init,startup-clear"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(emulator.kill)
    for _ in range(2000):
        if socket.exists():
            break
        select.select([], [], [], 0.005)
    text = (here / "updater.toml").read_text()
    (here / "tpm.toml").write_text(f"""{text}[tpm]
tcti = "swtpm:path={socket}"
eventlog = "tpm/log"
handover = "run/cell"
recovery_key = "{'09' + '00' * 31}"
""")
    (here / "sealed/installed").mkdir(parents=True)
    shutil.copy(here / "r-1.0.0/manifest.json", here / "sealed/installed/a.manifest.json")


DEVICE = ("--config", "updater.toml", "--state", "state")
OTHER = ("--config", "other.toml", "--state", "state")

ROWS = {
    "provision": Row(("--unmeasured-boot", "--config", "tpm.toml", "--state", "sealed"), DEVICE, 24, before=tpm),
    "check": Row(DEVICE, OTHER, 16),
    "install": Row(DEVICE, (*DEVICE, "--release", "9.9.9"), 16),
    "override": Row(DEVICE, OTHER, 16),
    "boot": Row(DEVICE, DEVICE, 42, before=start("b", 2), before_refusal=no_loader),
    "trial": Row(DEVICE, DEVICE, 42, before=start("b", 2), before_refusal=no_loader),
    "commit": Row(DEVICE, DEVICE, 42, before=start("b", 2), before_refusal=no_loader),
    "rollback": Row(DEVICE, DEVICE, 42, before=start("b", 2), before_refusal=no_loader),
    "enroll": Row(("--config", "enroll.toml", "--state", "enrolled"), DEVICE, 24),
    "run": Row(("--once", "--config", "net.toml", "--state", "state"), ("--once", *DEVICE), 24),
    "status": Row(DEVICE, DEVICE, 42, before=start("b", 2), before_refusal=no_loader),
    "doctor": Row(DEVICE, DEVICE, 42, before=start("b", 2), before_refusal=no_loader),
    "check-config": Row(("--config", "updater.toml"), ("--config", "unknown.toml"), 24),
}
