"""Every verb of pawl-vault, with the development protector."""
from .row import Row

RECOVERY_PUBLIC = "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"  # of the private key 00 01 .. 1f


def prepare(programs, here):
    for name in ("vault", "empty"):
        (here / f"{name}.toml").write_text(f'[vault]\nprotector = "file"\ndirectory = "{name}"\n')
    with open(here / "vault.toml", "a", encoding="ascii") as file:
        file.write(f'[recovery]\nkey = "{RECOVERY_PUBLIC}"\n')
    (here / "recovery").write_text(bytes(range(32)).hex() + "\n")
    (here / "unknown.toml").write_text('[vault]\nprotector = "file"\ncolour = 1\n')


HERE = ("--config", "vault.toml")
EMPTY = ("--config", "empty.toml")  # there is no vault

ROWS = {
    "init": Row(HERE, ("--config", "unknown.toml"), 24),
    "put": Row(("agent/token", *HERE), ("agent/token", *EMPTY), 43, stdin="value"),
    "get": Row(("agent/token", *HERE), ("agent/other", *HERE), 2),
    "list": Row(HERE, EMPTY, 43),
    "rotate": Row(HERE, EMPTY, 43),
    "status": Row(HERE, EMPTY, 43),
    "recover": Row((*HERE, "--key", "recovery"), (*HERE, "--key", "vault.toml"), 2),
    "rm": Row(("agent/token", *HERE), ("agent/other", *HERE), 2),
    "check-config": Row(HERE, ("--config", "unknown.toml"), 24),
}
