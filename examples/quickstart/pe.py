"""The part of the PE format that a unified kernel image needs: its sections and where they lie.

Source: Microsoft PE/COFF specification, "COFF File Header", "Optional Header", "Section Table".
"""
import struct
from typing import NamedTuple

SECTION_HEADER = 40
MAX_SECTIONS = 96  # the Windows loader's limit; firmware accepts no more either
MACHINES = {0x8664: "x86-64", 0xAA64: "arm64"}


class PeError(ValueError):
    """The file is not a PE image we can read; the text says why."""


class Section(NamedTuple):
    """One row of the section table; sizes and positions in bytes."""

    name: str
    virtual_size: int
    virtual_address: int
    raw_size: int
    raw_offset: int


class Headers(NamedTuple):
    """File positions of the headers, and the fields an editor of the image needs."""

    coff: int
    optional: int
    table: int
    count: int
    machine: int
    section_alignment: int
    file_alignment: int
    headers_size: int


def _fields(data, form, offset):
    if offset < 0 or offset + struct.calcsize(form) > len(data):
        raise PeError(f"the file ends inside a header (byte {offset} of {len(data)})")
    return struct.unpack_from(form, data, offset)


def headers(data):
    """The headers of a PE32+ image in `data`; PeError when it is none."""
    if data[:2] != b"MZ":
        raise PeError("no MZ at the start")
    coff = _fields(data, "<I", 0x3C)[0] + 4
    if bytes(data[coff - 4:coff]) != b"PE\0\0":
        raise PeError("no PE signature")
    machine, count = _fields(data, "<HH", coff)
    optional_size = _fields(data, "<H", coff + 16)[0]
    optional = coff + 20
    if _fields(data, "<H", optional)[0] != 0x20B:
        raise PeError("not a PE32+ image")
    if machine not in MACHINES:
        raise PeError(f"machine type {machine:#x} is neither x86-64 nor arm64")
    if count > MAX_SECTIONS:
        raise PeError(f"{count} sections, at most {MAX_SECTIONS} are allowed")
    section_alignment, file_alignment = _fields(data, "<II", optional + 32)
    headers_size = _fields(data, "<I", optional + 60)[0]
    return Headers(coff, optional, optional + optional_size, count, machine,
                   section_alignment, file_alignment, headers_size)


def sections(data):
    """Every section of the image, in file order of the table; each lies inside the file."""
    head = headers(data)
    found = []
    for index in range(head.count):
        at = head.table + SECTION_HEADER * index
        raw_name, virtual_size, address, raw_size, offset = _fields(data, "<8sIIII", at)
        name = raw_name.rstrip(b"\0").decode("ascii", "replace")
        if offset + raw_size > len(data):
            raise PeError(f"section {name} ends behind the end of the file")
        found.append(Section(name, virtual_size, address, raw_size, offset))
    return found


def content(data, section):
    """The bytes the section was made from, without the padding of the file."""
    size = min(section.virtual_size, section.raw_size)
    return bytes(data[section.raw_offset:section.raw_offset + size])
