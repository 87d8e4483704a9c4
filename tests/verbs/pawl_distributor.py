"""Every verb of pawl-distributor."""
from . import repository, svid
from .row import Row


def prepare(programs, here):
    repository.make(programs / "pawl-signer", here)
    svid.make(here / "svid", path="/distributor")
    good = f"""[device]
listen = "127.0.0.1:0"
[identity]
source = "files"
folder = "{here}/svid"
[repository]
path = "{here}/repo"
"""
    (here / "good.toml").write_text(good)
    (here / "no-identity.toml").write_text(good.replace(f"{here}/svid", f"{here}/repo"))
    (here / "unknown.toml").write_text(good + "colour = 1\n")


ROWS = {
    "serve": Row(("--config", "good.toml"), ("--config", "no-identity.toml"), 30, serves=True),
    "check-config": Row(("--config", "good.toml"), ("--config", "unknown.toml"), 24),
}
