#!/usr/bin/python3
"""Makes the initramfs: busybox, veritysetup with its libraries, the kernel modules of the root disk.

    mkinitramfs.py --tree DIR --modules DIR --init FILE --out FILE.cpio [--module NAME]...

`--tree` is a folder with the unpacked packages (unpack.sh), `--modules` the kernel's lib/modules/<version>,
`--module` one more to load for the root, which has none of its own.
The output is a cpio archive (newc) whose bytes depend on the inputs alone: names sorted, owner 0,
one time stamp (SOURCE_DATE_EPOCH).
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

APPLETS = "cat insmod mkdir mount sh sleep switch_root umount".split()
PROGRAMS = ["usr/sbin/veritysetup"]
FOLDERS = "bin dev modules proc root sys".split()
# What may carry the root file system (virtio, SCSI), dm-verity, erofs, and EFI variables. A kernel
# that has one built in has no file for it.
MODULES = "virtio_pci virtio_mmio virtio_blk virtio_scsi sd_mod dm-verity erofs efivarfs".split()
MAGIC, MODE_FILE, MODE_DIR, MODE_LINK = "070701", 0o100000, 0o040000, 0o120000


def needed_libraries(path):
    """The names of the shared libraries and of the loader that an ELF file asks for."""
    text = subprocess.run(["readelf", "-ld", path], check=True, capture_output=True,
                          text=True).stdout
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", text)
    return names + re.findall(r"program interpreter: (.+)\]", text)


def inside(tree, path):
    """`path` in `tree` with symbolic links followed as if the tree were the root: an absolute
    link must never lead to a file of this machine. None when nothing is there."""
    place = pathlib.PurePosixPath("/" + path)
    for _ in range(8):
        file = tree / str(place).lstrip("/")
        if not file.is_symlink():
            return file if file.is_file() else None
        place = pathlib.PurePosixPath(os.path.normpath(place.parent / os.readlink(file)))
    return None


def find_library(tree, name):
    """The file in `tree` that the loader would take for `name`."""
    if "/" in name:
        places = [name]
    else:
        places = sorted(str(p.relative_to(tree)) for p in tree.glob(f"usr/lib/*-linux-gnu/{name}"))
    for place in places:
        found = inside(tree, place)
        if found:
            return found
    sys.exit(f"mkinitramfs.py: no library {name} in {tree}")


def add_program(files, tree, path):
    """Adds a program and everything it loads, each at the place the loader looks."""
    waiting = [(tree / path, "bin/" + os.path.basename(path))]
    while waiting:
        source, target = waiting.pop()
        if target in files:
            continue
        files[target] = (MODE_FILE | 0o755, source.read_bytes())
        for name in needed_libraries(source):
            library = find_library(tree, name)
            waiting.append((library, name.lstrip("/") if "/" in name else f"lib/{name}"))


def module_dependencies(path):
    """The modules named in the `depends` field of a kernel module."""
    found = re.search(rb"(?:^|\0)depends=([^\0]*)\0", path.read_bytes())
    return [n for n in found.group(1).decode().split(",") if n] if found else []


def module_order(modules, wanted):
    """Files of the wanted modules and what they need, in loading order."""
    by_name = {p.name.split(".ko")[0].replace("-", "_"): p for p in modules.rglob("*.ko")}
    built_in = {os.path.basename(line.strip()).split(".ko")[0].replace("-", "_")
                for line in (modules / "modules.builtin").read_text().splitlines()}
    order = []

    def visit(name):
        name = name.replace("-", "_")
        if name not in by_name:
            if name not in built_in:
                sys.exit(f"mkinitramfs.py: the kernel has no module {name}")
            return
        if by_name[name] in order:
            return
        for dependency in module_dependencies(by_name[name]):
            visit(dependency)
        order.append(by_name[name])

    for name in wanted:
        visit(name)
    return order


def collect(tree, modules, init, more):
    """Every entry of the archive: path -> (mode, bytes)."""
    files = {name: (MODE_DIR | 0o755, b"") for name in FOLDERS}
    files["init"] = (MODE_FILE | 0o755, init.read_bytes())
    files["bin/busybox"] = (MODE_FILE | 0o755, (tree / "usr/bin/busybox").read_bytes())
    for applet in APPLETS:
        files[f"bin/{applet}"] = (MODE_LINK | 0o777, b"busybox")
    for program in PROGRAMS:
        add_program(files, tree, program)
    order = module_order(modules, MODULES + more)
    for path in order:
        files[f"modules/{path.name}"] = (MODE_FILE | 0o644, path.read_bytes())
    files["modules/order"] = (MODE_FILE | 0o644, "".join(f"{p.name}\n" for p in order).encode())
    for path in list(files):
        for parent in pathlib.PurePosixPath(path).parents:
            if str(parent) != ".":
                files.setdefault(str(parent), (MODE_DIR | 0o755, b""))
    return files


def padded(body):
    """`body` filled up with zeros to a multiple of four bytes."""
    return body + b"\0" * (-len(body) % 4)


def entry(number, path, mode, body, time):
    """One member of a newc archive."""
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, time, len(body), 0, 0, 0, 0, len(name), 0)
    return padded((MAGIC + "".join(f"{f:08X}" for f in fields)).encode() + name) + padded(body)


def archive(files, time):
    """The newc archive of `files`; parents come before what is in them, as names sort."""
    out = b"".join(entry(number, path, *files[path], time)
                   for number, path in enumerate(sorted(files), 1))
    out += entry(0, "TRAILER!!!", 0, b"", 0)
    return out + b"\0" * (-len(out) % 512)


def main():
    """Reads the command line, writes the archive."""
    parser = argparse.ArgumentParser(description="make the initramfs")
    for option in ("tree", "modules", "init", "out"):
        parser.add_argument(f"--{option}", required=True, type=pathlib.Path)
    parser.add_argument("--module", action="append", default=[], metavar="NAME")
    args = parser.parse_args()
    files = collect(args.tree, args.modules, args.init, args.module)
    args.out.write_bytes(archive(files, int(os.environ["SOURCE_DATE_EPOCH"])))


if __name__ == "__main__":
    main()
