#!/usr/bin/env bash
# The firmware builder: reproducible, lazy, verifiable. Works on packages made by the test itself.
# shellcheck source=tiny.sh
. "$(dirname "$0")/tiny.sh"
tiny_cache

echo "- two builds in two folders, under another umask, give the same bytes"
firmware "$work/one" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
mkdir -p "$work/other/place"
cp -r "$qs" "$work/other/quickstart"
find "$work/other/quickstart" -type f -exec chmod go-rwx {} +
(umask 077 && cd / && "$work/other/quickstart/firmware.sh" --cache "$cache" \
  --out "$work/other/place/two" >"$work/log" 2>&1) || fail "$(cat "$work/log")"
for file in boot/initrd {1.0.0,1.1.0,1.2.0}/{rootfs.img,uki.efi}; do
  cmp "$work/one/$file" "$work/other/place/two/$file" || fail "$file differs"
done

echo "- a second run changes nothing; a damaged or outdated release alone is made again"
before=$(cd "$work/one" && stat -c '%i %Y %n' ./*/*)
expect 0 "release 1.2.0: unchanged" firmware "$work/one"
[ "$before" = "$(cd "$work/one" && stat -c '%i %Y %n' ./*/*)" ] || fail "a file was written again"
flip "$work/one/1.1.0/rootfs.img" 5000
flip "$work/one/boot/initrd" 20
firmware "$work/one" >"$work/log" 2>&1
cmp "$work/one/1.1.0/rootfs.img" "$work/other/place/two/1.1.0/rootfs.img"
cmp "$work/one/boot/initrd" "$work/other/place/two/boot/initrd"
grep -q "release 1.0.0: unchanged" "$work/log" || fail "1.0.0 was made again"
mkdir -p "$work/change/etc"
echo one >"$work/change/etc/demo"
firmware "$work/one" "1.3.0:new:$work/change" >/dev/null 2>&1
first=$(sed -n 's/^roothash=//p' "$work/one/1.3.0/info")
echo two >"$work/change/etc/demo"
firmware "$work/one" "1.3.0:new:$work/change" >/dev/null 2>&1
[ "$first" != "$(sed -n 's/^roothash=//p' "$work/one/1.3.0/info")" ] || fail "a change was not seen"

info() { sed -n "s/^$1=//p" "$work/one/$2/info"; }
verify() {
  veritysetup verify --hash-offset="$(info hashoffset "$1")" "$2" "$2" "$(info roothash "${3:-$1}")"
}
echo "- one flipped bit in the data or in the hash tree, or another root hash, fails to verify"
image=$work/image
cp "$work/one/1.0.0/rootfs.img" "$image"
verify 1.0.0 "$image" || fail "the untouched image does not verify"
for offset in 1024 20000 $(($(info hashoffset 1.0.0) + 4096 + 7)); do
  flip "$image" "$offset"
  ! verify 1.0.0 "$image" 2>/dev/null || fail "a flipped bit at $offset went unseen"
  flip "$image" "$offset"
done
verify 1.0.0 "$image" || fail "the restored image does not verify"
! verify 1.0.0 "$image" 1.1.0 2>/dev/null || fail "a foreign root hash was accepted"

echo "- the boot image: sections end to end, no symbol table, root hash and no slot in its command line"
uki=$work/one/1.0.0/uki.efi
section() {
  objcopy -O binary --only-section="$1" "$uki" "$work/section"
  cat "$work/section"
}
want="panic=5 ro systemd.import_credentials=no roothash=$(info roothash 1.0.0) \
pawl.hashoffset=$(info hashoffset 1.0.0)"
[ "$(section .cmdline | cut -d' ' -f2-)" = "$want" ] || fail "command line: $(section .cmdline)"
section .cmdline | grep -q slot && fail "the command line names a slot"
section .cmdline | tail -c 1 | grep -q '[0-9]' || fail "the command line ends in a blank"
section .linux | cmp - "$work/kernel/boot/vmlinuz-$kernel"
section .initrd | cmp - "$work/one/boot/initrd"
section .osrel | grep -qx 'VERSION_ID=1.0.0' || fail "no version in .osrel"
python3 - "$qs" "$uki" <<'END'
import struct, sys
sys.path.insert(0, sys.argv[1])
import pe
data = open(sys.argv[2], "rb").read()
head, at = pe.headers(data), 0
assert struct.unpack_from("<II", data, head.coff + 8) == (0, 0), "symbol table"
at = head.headers_size
for section in pe.sections(data):
    assert section.raw_offset == at, f"gap before {section.name}"
    assert section.virtual_address % head.section_alignment == 0
    at += section.raw_size
assert at == len(data), "bytes behind the last section"
END
expect 1 "already there" "$qs/mkuki.py" --stub "$uki" --out "$work/x" ".linux=$work/kernel/boot/vmlinuz-$kernel"
head -c 900 "$uki" >"$work/short"
expect 1 "ends behind the end of the file" "$qs/mkuki.py" --stub "$work/short" --out "$work/x" .x=/dev/null

echo "- the initramfs: sorted, modules in loading order, libraries of the packages and not of this machine"
mkdir "$work/initramfs"
(cd "$work/initramfs" && zstd -qdc "$work/one/boot/initrd" >../cpio &&
  cpio --quiet -idm --no-absolute-filenames <../cpio)
cpio --quiet -it <"$work/cpio" | sort -c || fail "the archive is not sorted"
[ "$(tr '\n' ' ' <"$work/initramfs/modules/order")" = "virtio_mmio.ko virtio_blk.ko virtio_scsi.ko \
sd_mod.ko dm-mod.ko dm-bufio.ko dm-verity.ko erofs.ko efivarfs.ko " ] ||
  fail "loading order: $(cat "$work/initramfs/modules/order")"
grep -rqa 'of the package' "$work/initramfs"/lib* || fail "the loader is not the one of the package"
[ -x "$work/initramfs/bin/veritysetup" ] && [ -x "$work/initramfs/init" ] || fail "no programs"

echo "- the releases differ by the updated package, the last one by its one changed file"
for version in 1.0.0 1.1.0 1.2.0; do
  fsck.erofs --extract="$work/root-$version" "$work/one/$version/rootfs.img" >/dev/null
done
difference() {
  diff -rq --no-dereference "$work/root-$1" "$work/root-$2" | awk '{ print $2 }' |
    sed "s|^$work/root-$1/||" | tr '\n' ' '
}
[ "$(difference 1.0.0 1.1.0)" = "usr/lib/libdemo.so usr/lib/os-release " ] ||
  fail "1.0.0 and 1.1.0: $(difference 1.0.0 1.1.0)"
[ "$(difference 1.1.0 1.2.0)" = "etc/demo-agent.conf usr/lib/os-release " ] ||
  fail "1.1.0 and 1.2.0: $(difference 1.1.0 1.2.0)"
[ ! -e "$work/root-1.0.0/usr/share/doc/base/changelog.gz" ] || fail "a change log is in the image"
find "$work/root-1.0.0" ! -user 0 -o ! -newermt 2024-12-31 -o -newermt 2025-01-02 | grep . &&
  fail "owner or time stamp of this machine in the image"

echo "- what it refuses"
expect 1 "is no version" firmware "$work/one" ../x:new
expect 1 "want VERSION:old|new" firmware "$work/one" 1.0.0:newest
expect 1 "no folder" firmware "$work/one" "1.0.0:new:$work/none"
expect 1 "neither amd64 nor arm64" firmware "$work/one" --arch mips
echo "firmware: all as expected"
