"""Every verb of pawl-vault, with the development protector."""
from .row import Row


def prepare(programs, here):
    for name in ("vault", "empty"):
        (here / f"{name}.toml").write_text(f'[vault]\nprotector = "file"\ndirectory = "{name}"\n')
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
    "rm": Row(("agent/token", *HERE), ("agent/other", *HERE), 2),
    "check-config": Row(HERE, ("--config", "unknown.toml"), 24),
}
