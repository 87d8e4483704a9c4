"""Every verb of pawl-distributor."""
import atexit
import json
import subprocess
import time

from . import repository, svid
from .row import Row

DEVICE = "spiffe://example.org/device/d1"
OTHER = "spiffe://example.org/device/d2"
ASK = ("--config", "running.toml")
WRONG = ("--config", "unknown.toml")


def config(here, name, folder):
    text = f"""[device]
listen = "127.0.0.1:0"
[identity]
source = "files"
folder = "{here}/svid"
[repository]
path = "{here}/{folder}"
[store]
path = "{here}/{name}.db"
[admin]
socket = "{here}/{name}.sock"
"""
    (here / f"{name}.toml").write_text(text)
    return text


def prepare(programs, here):
    repository.make(programs / "pawl-signer", here)
    svid.make(here / "svid", path="/distributor")
    good = config(here, "good", "repo")
    (here / "no-identity.toml").write_text(good.replace(f"{here}/svid", f"{here}/repo"))
    (here / "unknown.toml").write_text(good + "colour = 1\n")
    config(here, "running", "served")
    (here / "served").mkdir()
    running = subprocess.Popen([programs / "pawl-distributor", "serve", "--json", "--config", here / "running.toml"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    atexit.register(lambda: (running.terminate(), running.wait()))
    running.stdout.readline()  # it listens now
    prepare.program = programs / "pawl-distributor"


def wait_for_releases(here):
    """A running distributor notices what was published within about a second."""
    for _ in range(300):
        listed = subprocess.run([prepare.program, "release", "list", "--json", "--config", here / "running.toml"],
                                capture_output=True, text=True, timeout=60, check=True)
        if json.loads(listed.stdout)["releases"]:
            return
        time.sleep(0.1)
    raise AssertionError("the running distributor never saw the repository")


ROWS = {
    "serve": Row(("--config", "good.toml"), ("--config", "no-identity.toml"), 30, serves=True),
    "publish": Row(("repo", *ASK), ("nothing", *ASK), 2),
    "device admit": Row((DEVICE, "--product", "gw3", "--tag", "a", *ASK), (OTHER, *ASK), 23),
    "device list": Row(ASK, ("--state", "lost", *ASK), 23),
    "device show": Row((DEVICE, *ASK), (OTHER, *ASK), 23),
    "device tag": Row((DEVICE, "--tag", "b", *ASK), (DEVICE, "--tag", "B", *ASK), 23),
    "device ban": Row((DEVICE, "--reason", "lost", *ASK), ("device/d1", *ASK), 23),
    "device unban": Row((DEVICE, *ASK), (OTHER, *ASK), 23),
    "device retire": Row((DEVICE, *ASK), (OTHER, *ASK), 23),
    "release list": Row(ASK, WRONG, 24, before=wait_for_releases),
    "release withdraw": Row(("gw3", "1.1.0", *ASK), ("gw3", "9.9.9", *ASK), 23),
    "release restore": Row(("gw3", "1.1.0", *ASK), ("gw3", "1.1.0", *WRONG), 24),
    "audit": Row(("--after", "1", *ASK), ("--after", "x", *ASK), 2),
    "status": Row(ASK, ("--config", "good.toml"), 22),
    "check-config": Row(("--config", "good.toml"), ("--config", "unknown.toml"), 24),
}
