#!/usr/bin/python3
"""What the firmware, systemd-boot 252, the stub and the kernel of a device measure, in their order.

    measure.py UKI LOADER         prints the events of one boot: PCR, SHA-256, what it is

Shares no code with Pawl: the hash of a PE image, the order of the events and the format of their log
are written here again, from the standards and from what real machines log. Secure Boot is off.
Sources: TCG PC Client Platform Firmware Profile 1.05, sections 3.3 (PCRs) and 10 (event log);
Microsoft "Windows Authenticode Portable Executable Signature Format".
"""
import hashlib
import struct
import sys
from typing import NamedTuple

import pe

SEPARATOR, ACTION, IPL, TAG = 0x04, 0x80000007, 0x0D, 0x06
CRTM_VERSION, FIRMWARE_BLOB = 0x08, 0x80000008
VARIABLE, VARIABLE_BOOT, APPLICATION = 0x80000001, 0x80000002, 0x80000003
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")  # EFI_GLOBAL_VARIABLE
DATABASE = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f")  # EFI_IMAGE_SECURITY_DATABASE
BANKS = (("sha1", 0x0004, 20), ("sha256", 0x000B, 32))
MEASURED_SECTIONS = (".linux", ".osrel", ".cmdline", ".initrd")  # the order of stub 252
PE_CHECKSUM, PE_CERTIFICATES = 64, 144  # positions in the optional header of PE32+


class Event(NamedTuple):
    """One measurement: `measured` is what the TPM hashes, or nothing when `digests` are given."""

    pcr: int
    kind: int
    digests: dict
    data: bytes
    what: str


def _digests(measured):
    return {name: hashlib.new(name, measured).digest() for name, _, _ in BANKS}


def pe_digests(image):
    """Authenticode digests: all but the checksum, the certificate entry and the certificates."""
    head = pe.headers(image)
    checksum, entry = head.optional + PE_CHECKSUM, head.optional + PE_CERTIFICATES
    pieces = [image[:checksum], image[checksum + 4:entry], image[entry + 8:head.headers_size]]
    reached = head.headers_size
    for section in sorted(pe.sections(image), key=lambda s: s.raw_offset):
        if section.raw_size:
            pieces.append(image[section.raw_offset:section.raw_offset + section.raw_size])
            reached += section.raw_size
    certificates = struct.unpack_from("<I", image, entry + 4)[0]
    pieces.append(image[reached:len(image) - certificates])
    return _digests(b"".join(pieces))


def _variable(guid, name, value):
    wide = name.encode("utf-16-le")
    return guid + struct.pack("<QQ", len(name), len(value)) + wide + value


def _image(image, what):
    data = struct.pack("<QQQQ", 0x7E000000, len(image), 0, 0)
    return Event(4, APPLICATION, pe_digests(image), data, what)


def _plain(pcr, kind, measured, what, data=None):
    return Event(pcr, kind, _digests(measured), measured if data is None else data, what)


def _tagged(measured, number, label, what):
    text = label.encode("utf-16-le") + b"\0\0"
    data = struct.pack("<II", number, len(text)) + text
    return _plain(9, TAG, measured, what, data)


def firmware_events():
    """What is measured before anything comes from the disk."""
    blob = struct.pack("<QQ", 0x820000, 0xE0000)
    events = [_plain(0, CRTM_VERSION, "1.0\0".encode("utf-16-le"), "firmware version"),
              _plain(0, FIRMWARE_BLOB, b"the simulator's firmware", "firmware volume", blob)]
    for guid, name in ((GLOBAL, "SecureBoot"), (GLOBAL, "PK"), (GLOBAL, "KEK"),
                       (DATABASE, "db"), (DATABASE, "dbx")):
        value = b"\0" if name == "SecureBoot" else b""
        events.append(_plain(7, VARIABLE, _variable(guid, name, value), f"variable {name}"))
    order = _variable(GLOBAL, "BootOrder", b"\0\0")
    events.append(_plain(1, VARIABLE_BOOT, order, "variable BootOrder"))
    call = b"Calling EFI Application from Boot Option"
    events.append(_plain(4, ACTION, call, call.decode()))
    return events + [_plain(pcr, SEPARATOR, b"\0\0\0\0", "separator") for pcr in range(8)]


def loader_events(loader, uki):
    """systemd-boot 252, the stub in the UKI and the kernel's own stub."""
    parts = {s.name: pe.content(uki, s) for s in pe.sections(uki)}
    options = parts[".cmdline"].decode("latin-1").encode("utf-16-le") + b"\0\0"
    events = [_image(loader, "systemd-boot"), _image(uki, "UKI"),
              _plain(12, IPL, options, "command line, by the loader")]
    for name in MEASURED_SECTIONS:
        label = name.encode() + b"\0"
        events.append(_plain(11, IPL, label, f"name of {name}", f"{name}\0".encode("utf-16-le")))
        events.append(_plain(11, IPL, parts[name], f"section {name}",
                             f"{name}\0".encode("utf-16-le")))
    events.append(_plain(12, IPL, options, "command line, by the stub"))
    events.append(_image(parts[".linux"], "kernel"))
    events.append(_tagged(options, 0x8F3B22ED, "LOADED_IMAGE::LoadOptions",
                          "command line, by the kernel"))
    events.append(_tagged(parts[".initrd"], 0x8F3B22EC, "Linux initrd", "initrd"))
    leave = (b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success")
    return events + [_plain(5, ACTION, text, text.decode()) for text in leave]


def phase_event(word):
    """systemd-pcrphase: extends PCR 11, writes no firmware log."""
    return _plain(11, IPL, word.encode("ascii"), f"phase {word}")


def log_bytes(events):
    """The crypto-agile event log: a SHA-1 header that names the banks, then the events."""
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(BANKS))
    for _, number, size in BANKS:
        spec += struct.pack("<HH", number, size)
    spec += b"\0"
    out = struct.pack("<II20sI", 0, 3, bytes(20), len(spec)) + spec
    for event in events:
        out += struct.pack("<III", event.pcr, event.kind, len(BANKS))
        for name, number, _ in BANKS:
            out += struct.pack("<H", number) + event.digests[name]
        out += struct.pack("<I", len(event.data)) + event.data
    return out


def extend_words(events):
    """Arguments of tpm2_pcrextend, one for each event."""
    return [f"{e.pcr}:" + ",".join(f"{name}={e.digests[name].hex()}" for name, _, _ in BANKS)
            for e in events]


def main():
    """Prints the events of one boot."""
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as uki, open(sys.argv[2], "rb") as loader:
        for event in firmware_events() + loader_events(loader.read(), uki.read()):
            print(f"{event.pcr:2} {event.digests['sha256'].hex()} {event.what}")


if __name__ == "__main__":
    main()
