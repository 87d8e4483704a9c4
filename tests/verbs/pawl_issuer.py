"""Every verb of pawl-issuer: an authority, one admitted TPM, a server."""
from .row import Row

TPM = "ab" * 32  # the hash of an endorsement key


def prepare(programs, here):
    good = f"""[server]
listen = "127.0.0.1:0"
[identity]
domain = "example.org"
id = "spiffe://example.org/issuer"
[authority]
folder = "{here}/ca"
[ek]
folder = "{here}/eks"
"""
    (here / "issuer.toml").write_text(good)
    (here / "no-authority.toml").write_text(good.replace(f"{here}/ca", f"{here}/nothing"))
    (here / "unknown.toml").write_text(good + "colour = 1\n")


HERE = ("--config", "issuer.toml")
LOST = ("--config", "no-authority.toml")
ROWS = {
    "ca new": Row(HERE, (*HERE, "--days", "0"), 2),
    "ek add": Row((TPM, "--note", "bench", *HERE), ("absent.pem", *HERE), 30),
    "ek list": Row(HERE, ("--config", "unknown.toml"), 24),
    "ek rm": Row((TPM, *HERE), ("absent.pem", *HERE), 30),
    "svid new": Row(("--id", "spiffe://example.org/distributor", "--out", "svid", *HERE),
                    ("--id", "spiffe://example.com/distributor", "--out", "svid", *HERE), 2),
    "serve": Row(HERE, LOST, 24, serves=True),
    "check-config": Row(HERE, ("--config", "unknown.toml"), 24),
}
