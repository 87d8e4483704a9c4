#!/usr/bin/python3
"""Makes a unified kernel image: a PE boot stub with kernel, initrd and command line as sections.

    mkuki.py --stub linuxx64.efi.stub --out uki.efi .osrel=FILE .cmdline=FILE .linux=FILE ...

The sections lie end to end from the headers to the end of the file, and the symbol table of the
stub is cut off: firmware differs in how it hashes gaps and tails, so there must be none. The
output depends on the inputs alone.
"""
import argparse
import struct
import sys

import pe

CODE_READ_EXECUTE = 0x60000020
DATA_READ = 0x40000040
PAGE = 4096


def align(value, to):
    """`value` rounded up to a multiple of `to`."""
    return (value + to - 1) // to * to


def cut_tail(data):
    """The stub without symbol table and without anything behind its last section."""
    head = pe.headers(data)
    end = max(s.raw_offset + s.raw_size for s in pe.sections(data))
    cut = bytearray(data[:end])
    cut += b"\0" * (align(len(cut), head.file_alignment) - len(cut))
    struct.pack_into("<II", cut, head.coff + 8, 0, 0)  # PointerToSymbolTable, NumberOfSymbols
    return cut


def append(image, name, body):
    """Adds the section `name` with the bytes `body` at the end of the file and of the memory."""
    head = pe.headers(image)
    step = max(head.section_alignment, PAGE)
    row = head.table + pe.SECTION_HEADER * head.count
    if row + pe.SECTION_HEADER > min(s.raw_offset for s in pe.sections(image) if s.raw_size):
        raise pe.PeError(f"no room in the section table for {name}")
    memory_end = max(s.virtual_address + max(s.virtual_size, s.raw_size)
                     for s in pe.sections(image))
    address = align(memory_end, step)
    raw_size = align(len(body), head.file_alignment)
    flags = CODE_READ_EXECUTE if name == ".linux" else DATA_READ
    struct.pack_into("<8sIIIIIIHHI", image, row, name.encode(), len(body), address, raw_size,
                     len(image), 0, 0, 0, 0, flags)
    image += body + b"\0" * (raw_size - len(body))
    struct.pack_into("<H", image, head.coff + 2, head.count + 1)
    struct.pack_into("<I", image, head.optional + 56, align(address + len(body), step))


def check_end_to_end(image):
    """PeError unless the sections fill the file from the headers to its end without a gap."""
    at = pe.headers(image).headers_size
    for section in sorted(pe.sections(image), key=lambda s: s.raw_offset):
        if section.raw_size == 0:
            continue
        if section.raw_offset != at:
            raise pe.PeError(f"section {section.name} starts at {section.raw_offset}, not {at}")
        at += section.raw_size
    if at != len(image):
        raise pe.PeError(f"{len(image) - at} bytes behind the last section")


def build(stub, parts):
    """The image made from the bytes of the stub and a list of (section name, bytes)."""
    image = cut_tail(stub)
    present = {s.name for s in pe.sections(image)}
    for name, body in parts:
        if name in present:
            raise pe.PeError(f"the section {name} is already there")
        present.add(name)
        append(image, name, body)
    struct.pack_into("<I", image, pe.headers(image).optional + 64, 0)  # CheckSum: unused by EFI
    check_end_to_end(image)
    return bytes(image)


def part(text):
    """`.name=FILE` as (name, bytes of the file)."""
    name, _, path = text.partition("=")
    if not path or not name.startswith(".") or len(name) > 8:
        raise argparse.ArgumentTypeError(f"{text}: want .name=FILE, the name at most 8 bytes long")
    with open(path, "rb") as file:
        return name, file.read()


def main():
    """Reads the command line, writes the image."""
    parser = argparse.ArgumentParser(description="make a unified kernel image")
    parser.add_argument("--stub", required=True, help="the PE boot stub")
    parser.add_argument("--out", required=True, help="the image to write")
    parser.add_argument("parts", nargs="+", type=part, metavar=".name=FILE")
    args = parser.parse_args()
    with open(args.stub, "rb") as file:
        stub = file.read()
    try:
        image = build(stub, args.parts)
    except pe.PeError as error:
        sys.exit(f"mkuki.py: {args.stub}: {error}")
    with open(args.out, "wb") as file:
        file.write(image)


if __name__ == "__main__":
    main()
