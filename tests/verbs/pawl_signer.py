"""Every verb of pawl-signer. The software keys are DEVELOPMENT keys; tokens have tests of their own."""
import json

from . import attestation, repository
from .row import Row


def prepare(programs, here):
    (here / "programs").symlink_to(programs)
    repository.make(programs / "pawl-signer", here)
    repository.build(programs / "pawl-signer", here, "1.2.0", "--counter", 3)
    repository.build(programs / "pawl-signer", here, "1.3.0", "--security-version", 6, "--counter", 4)


def component(version):
    return ("--vendor-id", repository.VENDOR, "--class-id", repository.CLASS, "--hardware", "b", "--level", "1",
            "--component", f"name=rootfs,slot_role=rootfs,install=raw,image={version}.img")


def roles(root):
    return ("--root", root, "--targets", "targets", "--snapshot", "snap", "--timestamp", "time")


def own_configuration(here):
    text = (here / "signer.toml").read_text()
    (here / "other.toml").write_text("\n".join(line for line in text.splitlines()
                                               if not line.startswith("repository")))


def host_without_ledger(here):
    (here / "fresh.toml").write_text('ledger = "fresh.ledger"\n' + (here / "signer.toml").read_text())


def attested_key(here):
    (here / "hsm.pub.json").write_text(json.dumps(attestation.make(here)))
    (here / "attested.toml").write_text('[keys.hsm]\nrecord = "hsm.pub.json"\n')
    return ("hsm", "--chain", "chain.pem", "--root", "vendor.pem", "--config", "attested.toml")


def ceremony_words(here):
    shown = repository.run(here / "programs/pawl-signer", "ceremony", "show", "c", "--json", cwd=here)
    return ("c", "--words", json.loads(shown)["words"])


ROWS = {
    "key new": Row(("spare", "--software", "spare.key"), ("Spare Key", "--software", "x.key"), 2),
    "key list": Row((), ("--config", "absent.toml"), 24),
    "key import-attestation": Row(attested_key, ("nobody", "--chain", "a", "--root", "b"), 2),
    "repo add-key": Row(("root", "spare"), ("moon", "spare"), 2),
    "repo set-threshold": Row(("root", "2", "--dry-run"), ("root", "9"), 2),
    "repo revoke-key": Row(("root", "spare"), ("targets", "targets"), 2),
    "repo delegate": Row(("gw9=spare", "--dry-run"), ("gw3=spare",), 2),
    "repo init": Row(("second", *roles("root"), "--config", "other.toml"), ("repo", *roles("root")), 2,
                     before=own_configuration),
    "release build": Row(("--product", "gw3", "--version", "2.0.0", "--out", "r-2", *component("1.0.0")),
                         ("--product", "gw3", "--version", "two", "--out", "r-3", *component("1.0.0")), 10),
    "delta": Row(("r-1.3.0", "--last", "2"), ("r-1.3.0", "--from", "9.9.9"), 2),
    "release add": Row(("r-1.2.0",), ("r-1.3.0",), 14),
    "release withdraw": Row(("--product", "gw3", "--version", "1.2.0"), ("--product", "gw3", "--version", "7.0.0"),
                            2),
    "release prune": Row(("--product", "gw3", "--keep", "1"), ("--product", "gw3", "--keep", "0"), 2),
    "ledger init": Row(("--config", "fresh.toml"), (), 2, before=host_without_ledger),
    "ledger show": Row((), ("--config", "absent.toml"), 24),
    "ceremony new": Row(("c", "--ceiling", "gw3=9"), ("c2",), 2),
    "ceremony show": Row(("c",), ("1.0.0.img",), 10),
    "ceremony sign": Row(ceremony_words, ("c",), 2),
    "ceremony merge": Row(("c", "--from", "c"), ("c", "--from", "1.0.0.img"), 10),
    "ceremony check": Row(("c",), ("c2",), 30),
    "ceremony publish": Row(("c", "--dry-run"), ("c2",), 30),
    "renew": Row((), ("--role", "moon"), 2),
    "bundle": Row(("--product", "gw3", "--out", "gw3.pawl"), ("--product", "gw4", "--out", "gw4.pawl"), 16),
    "override": Row(("--product", "gw3", "--version", "1.1.0", "--device", "1" * 64, "--nonce", "2" * 64,
                     "--waive", "release-counter", "--out", "ticket"),
                    ("--product", "gw4", "--version", "1.1.0", "--device", "1" * 64, "--nonce", "2" * 64,
                     "--waive", "release-counter", "--out", "ticket"), 16),
    "verify": Row(("repo",), ("repo", "--at", "2999-01-01T00:00:00Z"), 13),
    "lint": Row(("repo",), ("repo", "--at", "2999-01-01T00:00:00Z"), 3),
    "inspect": Row(("repo/metadata/timestamp.json",), ("1.0.0.img",), 10),
    "doctor": Row((), ("--config", "absent.toml"), 24),
}
