"""The device's disk: GPT with ESP, two root partitions and a data partition; and how to edit it."""
import shutil
import tempfile
import pathlib

import processes

MIB = 1 << 20
# name, type of sfdisk, first MiB, MiB
PARTITIONS = (
    ("ESP", "uefi", 1, 128),
    ("root-a", "linux", 129, 96),
    ("root-b", "linux", 225, 96),
    ("pawl-data", "linux", 321, 64),
)
SIZE = 386  # MiB; the last one holds the second copy of the partition table
LOADER_CONF = "timeout 0\nconsole-mode keep\neditor no\nauto-firmware no\n"
UKI = {"a": "EFI/pawl/a.efi", "b": "EFI/pawl/b.efi"}
ENTRIES = "loader/entries"
FIRST_ENTRY = f"{ENTRIES}/pawl_1_a.conf"
FIRST_ENTRY_TEXT = "title pawl a\nsort-key pawl\nefi /EFI/pawl/a.efi\n"  # FORMAT 5.3.1


def place(name):
    """(first MiB, MiB) of the partition with this name."""
    return next((first, size) for label, _, first, size in PARTITIONS if label == name)


def write_partition(disk, name, image):
    """Copies an image file into a partition, from its start."""
    first, size = place(name)
    if image.stat().st_size > size * MIB:
        raise processes.Failure(f"{image} does not fit into {name}")
    processes.run("dd", f"if={image}", f"of={disk}", "bs=1M", f"seek={first}", "conv=notrunc")


def read_partition(disk, name, image):
    """Copies a partition out of the disk."""
    first, size = place(name)
    processes.run("dd", f"if={disk}", f"of={image}", "bs=1M", f"skip={first}", f"count={size}")


def _esp(disk):
    return f"{disk}@@{place('ESP')[0]}M"


def put_on_esp(disk, source, target):
    """Copies a file onto the ESP of a machine that is off; its folder is made."""
    parts = pathlib.PurePosixPath(target).parts
    for depth in range(1, len(parts)):
        folder = "::/" + "/".join(parts[:depth])
        if not processes.succeeds("mdir", "-b", "-i", _esp(disk), folder):
            processes.run("mmd", "-i", _esp(disk), folder)
    processes.run("mcopy", "-o", "-i", _esp(disk), source, "::/" + target)


def get_from_esp(disk, source, target):
    """Copies a file off the ESP."""
    processes.run("mcopy", "-n", "-o", "-i", _esp(disk), "::/" + source, target)


def list_esp(disk, folder):
    """The names in a folder of the ESP."""
    text = processes.run("mdir", "-b", "-i", _esp(disk), f"::/{folder}").decode()
    return sorted(line.rsplit("/", 1)[-1] for line in text.split() if not line.endswith("/"))


def make(disk, machine, uki, rootfs, data):
    """A device as it leaves the factory: one release in slot a, `data` on its data partition."""
    disk.unlink(missing_ok=True)
    with open(disk, "wb") as file:
        file.truncate(SIZE * MIB)
    table = "label: gpt\n" + "".join(
        f'start={first}MiB, size={size}MiB, type={kind}, name="{label}"\n'
        for label, kind, first, size in PARTITIONS)
    processes.run("sfdisk", "--quiet", disk, input=table.encode())
    with tempfile.TemporaryDirectory(dir=disk.parent) as folder:
        _fill(disk, pathlib.Path(folder), machine, uki, data)
    write_partition(disk, "root-a", rootfs)


def _fill(disk, folder, machine, uki, data):
    """File systems on the ESP and the data partition."""
    image = folder / "esp"
    with open(image, "wb") as file:  # made apart: mformat inside the disk overruns the partition
        file.truncate(place("ESP")[1] * MIB)
    processes.run("mkfs.vfat", "-F", "32", "-n", "ESP", image)
    write_partition(disk, "ESP", image)
    texts = {"loader/loader.conf": LOADER_CONF, FIRST_ENTRY: FIRST_ENTRY_TEXT}
    for target, text in texts.items():
        (folder / "text").write_text(text, encoding="ascii")
        put_on_esp(disk, folder / "text", target)
    put_on_esp(disk, machine.loader, machine.loader_on_esp)
    put_on_esp(disk, uki, UKI["a"])
    processes.run("mke2fs", "-q", "-t", "ext4", "-L", "pawl-data", "-d", data, folder / "data",
                  f"{place('pawl-data')[1]}M")
    write_partition(disk, "pawl-data", folder / "data")


def put_on_data(disk, source, target):
    """Replaces a file of the data partition (on /var) of a machine that went off orderly."""
    place_of = pathlib.PurePosixPath(target)
    requests = f"cd /{place_of.parent}\nrm {place_of.name}\nwrite {source} {place_of.name}\n"
    where = f"{disk}?offset={place('pawl-data')[0] * MIB}"
    processes.run("debugfs", "-w", "-f", "/dev/stdin", where, input=requests.encode())


def copy(source, target):
    """A second file with the same bytes."""
    processes.run("cp", "--sparse=always", "--reflink=auto", source, target)


def remove(folder):
    """Forgets a machine."""
    shutil.rmtree(folder, ignore_errors=True)
