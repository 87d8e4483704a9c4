"""Reads a vault by docs/FORMAT.md alone, without code of ours: XChaCha20-Poly1305 from its draft and
python3-cryptography, everything else from section 7. For vaults with the development protector."""
import hashlib
import pathlib
import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

MASK = 0xFFFFFFFF


def _quarter(state, a, b, c, d):
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[x] = (state[x] + state[y]) & MASK
        state[z] ^= state[x]
        state[z] = ((state[z] << turn) | (state[z] >> (32 - turn))) & MASK


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha, section 2.2."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for column in range(4):
            _quarter(state, column, column + 4, column + 8, column + 12)
        for row in range(4):
            _quarter(state, row, 4 + (row + 1) % 4, 8 + (row + 2) % 4, 12 + (row + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def aead_open(key, nonce, sealed, bound=b""):
    """XChaCha20-Poly1305; an exception when it does not verify."""
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], sealed, bound)


def derive(key, name):
    """FORMAT 7.1.1: keyed BLAKE2b over a name."""
    return hashlib.blake2b(name, key=key, digest_size=32).digest()


class Vault:
    """The vault in `folder`, whose development key is in the file `key`; `owner` is user@device."""

    def __init__(self, folder, key, owner):
        self.folder, self.owner = pathlib.Path(folder), owner
        index = (self.folder / "index").read_bytes()
        if index[:8] != b"PAWLVIX1":
            raise ValueError("not an index")
        self.store = index[8:24]
        self.epoch, self.generation = struct.unpack_from("<QQ", index, 24)
        blob = (self.folder / f"epochs/{self.epoch}.blob").read_bytes()
        self.epoch_key = aead_open(pathlib.Path(key).read_bytes(), blob[:24], blob[24:])
        plain = aead_open(derive(self.epoch_key, b"pawl-vault-index-v1"), index[40:64], index[64:], index[:40])
        self.entries = self._parse(plain)

    @staticmethod
    def _parse(plain):
        """FORMAT 7.3.3."""
        count, at = struct.unpack_from("<I", plain, 48)[0], 52
        entries = {}
        for _ in range(count):
            length = struct.unpack_from("<H", plain, at)[0]
            name = plain[at + 2:at + 2 + length].decode("ascii")
            at += 2 + length
            segments, at = struct.unpack_from("<I", plain, at)[0], at + 4
            entries[name] = []
            for _ in range(segments):
                version, size, chunk = struct.unpack_from("<QQB", plain, at + 16)
                entries[name].append({"file": plain[at:at + 16].hex(), "version": version, "size": size, "chunk": chunk,
                                      "nonce": plain[at + 33:at + 57], "wrap": plain[at + 57:at + 105]})
                at += 105
        if at != len(plain):
            raise ValueError("bytes after the list")
        return entries

    def header(self, name, number, segment):
        """FORMAT 7.2.1, as the index implies it (7.3.5)."""
        device = hashlib.sha256(self.owner.encode()).digest()
        return (b"PAWLENT1" + self.store + device + struct.pack("<QIBBH", segment["version"], number, 1,
                                                                segment["chunk"], len(name)) + name.encode())

    def data_keys(self):
        """Every data key there is."""
        wrapping = derive(self.epoch_key, b"pawl-vault-wrap-v1")
        for name, segments in self.entries.items():
            for number, segment in enumerate(segments):
                bound = self.header(name, number, segment) + struct.pack("<Q", self.epoch)  # FORMAT 7.3.2
                yield aead_open(wrapping, segment["nonce"], segment["wrap"], bound)

    def read(self, name):
        """The whole entry."""
        out, keys = b"", dict(zip([(n, i) for n, s in self.entries.items() for i in range(len(s))], self.data_keys()))
        for number, segment in enumerate(self.entries[name]):
            data = (self.folder / "data" / segment["file"]).read_bytes()
            header = self.header(name, number, segment)
            if not data.startswith(header):
                raise ValueError("another header")
            out += self._chunks(data[len(header):], header, keys[name, number], segment)
        return out

    @staticmethod
    def _chunks(sealed, header, key, segment):
        """FORMAT 7.2.3."""
        step, plain, last = (1 << segment["chunk"]) + 16, b"", max(0, segment["size"] - 1) >> segment["chunk"]
        for chunk in range(last + 1):
            nonce = struct.pack("<QB", chunk, chunk == last) + bytes(15)
            plain += aead_open(key, nonce, sealed[chunk * step:][:step], header)
        if len(plain) != segment["size"]:
            raise ValueError("another size")
        return plain
