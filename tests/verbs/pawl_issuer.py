"""Every verb of pawl-issuer."""
from .row import Row

EK = "5a" * 32


def prepare(programs, here):
    good = f"""[server]
listen = "127.0.0.1:0"
[identity]
domain = "example.org"
[authority]
folder = "{here}/ca"
[ek]
folder = "{here}/eks"
"""
    (here / "issuer.toml").write_text(good)
    (here / "no-authority.toml").write_text(good.replace(f"{here}/ca", f"{here}/none"))
    (here / "unknown.toml").write_text(good + "colour = 1\n")


HERE = ("--config", "issuer.toml")
NONE = ("--config", "no-authority.toml")
UNKNOWN = ("--config", "unknown.toml")

ROWS = {
    "ca new": Row(HERE, UNKNOWN, 24),
    "svid new": Row(("--id", "spiffe://example.org/distributor", "--out", "svid", *HERE),
                    ("--id", "spiffe://example.org/device/x", "--out", "svid", *HERE), 2),
    "ek add": Row((EK, "--note", "bench", *HERE), ("no-such-file", *HERE), 30),
    "ek list": Row(HERE, UNKNOWN, 24),
    "ek rm": Row((EK, *HERE), ("no-such-file", *HERE), 30),
    "serve": Row(HERE, NONE, 24, serves=True),
    "check-config": Row(HERE, UNKNOWN, 24),
}
