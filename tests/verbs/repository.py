"""A signed repository with two small releases, made with software keys: what most tables start from."""
import pathlib
import random
import subprocess

VENDOR = "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"
CLASS = "1492af14-2569-5e48-bf42-9b2d51f2ab45"
PRODUCT = "gw3"
KEYS = ("root", "targets", "snap", "time", "rel", "debug")


def run(*args, **more):
    done = subprocess.run([*map(str, args)], text=True, capture_output=True, timeout=120,
                          stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        raise AssertionError(f"{args}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(signer, folder, version, *more):
    """One release of a random image, in FOLDER/r-VERSION; not published."""
    image = folder / f"{version}.img"
    image.write_bytes(random.Random(version).randbytes(10_000))
    run(signer, "release", "build", "--product", PRODUCT, "--version", version, "--out", f"r-{version}",
        "--vendor-id", VENDOR, "--class-id", CLASS, "--hardware", "b", "--level", 1, "--component",
        f"name=rootfs,slot_role=rootfs,install=raw,image={image.name}", *more, cwd=folder)
    return folder / f"r-{version}"


def keys(signer, folder):
    for name in KEYS:
        run(signer, "key", "new", name, "--software", f"{name}.key", cwd=folder)


def init(signer, folder):
    run(signer, "repo", "init", "repo", "--root", "root", "--targets", "targets", "--snapshot", "snap",
        "--timestamp", "time", "--product", f"{PRODUCT}=rel", "--ceiling", f"{PRODUCT}=5",
        "--development", f"{PRODUCT}=debug", cwd=folder)


def make(signer: pathlib.Path, folder: pathlib.Path):
    """FOLDER/repo with releases 1.0.0 and 1.1.0."""
    keys(signer, folder)
    init(signer, folder)
    for version in ("1.0.0", "1.1.0"):
        build(signer, folder, version)
        run(signer, "release", "add", f"r-{version}", cwd=folder)
