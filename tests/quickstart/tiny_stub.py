#!/usr/bin/env python3
"""Writes a PE32+ boot stub of one section with a symbol table behind it: tiny_stub.py amd64|arm64"""
import struct
import sys

MACHINE = {"amd64": 0x8664, "arm64": 0xAA64}[sys.argv[1]]
ALIGN, CODE = 512, b"\xc3" * 512
HEADERS = 1024
TAIL = b"symbols that no firmware should hash"

coff = struct.pack("<HHIIIHH", MACHINE, 1, 0, HEADERS + len(CODE), 2, 240, 0x22E)
optional = bytearray(240)
struct.pack_into("<H", optional, 0, 0x20B)
struct.pack_into("<II", optional, 32, ALIGN, ALIGN)
struct.pack_into("<II", optional, 56, 8192, HEADERS)
struct.pack_into("<I", optional, 64, 0x1234)
struct.pack_into("<I", optional, 108, 16)
section = struct.pack("<8sIIIIIIHHI", b".text", len(CODE), 4096, len(CODE), HEADERS, 0, 0, 0, 0,
                      0x60000020)
dos = b"MZ" + b"\0" * 58 + struct.pack("<I", 64)
head = dos + b"PE\0\0" + coff + bytes(optional) + section
sys.stdout.buffer.write(head.ljust(HEADERS, b"\0") + CODE + TAIL)
