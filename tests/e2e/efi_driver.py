"""The smallest driver that UEFI firmware starts: its one function returns EFI_SUCCESS."""
import struct

PAGE, BLOCK = 0x1000, 0x200
BOOT_SERVICE_DRIVER = 11
X86_64 = 0x8664
CODE = b"\x31\xc0\xc3"  # xor eax, eax; ret


def _optional_header():
    """PE32+ header: one page of headers, one of code, loaded anywhere."""
    fields = struct.pack("<HBBIIIII", 0x20B, 0, 0, BLOCK, 0, 0, PAGE, PAGE)
    fields += struct.pack("<QIIHHHHHHIIIIHH", 0, PAGE, BLOCK, 0, 0, 0, 0, 0, 0, 0, 2 * PAGE, BLOCK,
                          0, BOOT_SERVICE_DRIVER, 0)
    fields += struct.pack("<QQQQII", 0, 0, 0, 0, 0, 16)
    return fields + bytes(16 * 8)


def image():
    """The bytes of the file."""
    optional = _optional_header()
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", X86_64, 1, 0, 0, 0, len(optional), 0x0022) + optional
    head += struct.pack("<8sIIIIIIHHI", b".text", len(CODE), PAGE, BLOCK, BLOCK, 0, 0, 0, 0,
                        0x60000020)
    return head.ljust(BLOCK, b"\0") + CODE.ljust(BLOCK, b"\0")
