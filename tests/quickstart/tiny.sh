# shellcheck shell=bash
# What the tests of the quickstart share: a very small firmware from packages made on the spot,
# without network. Sourced; leaves the folders $root (the project), $qs and $work (removed at exit).

set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
qs=$root/examples/quickstart
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arch=$(dpkg --print-architecture)
cache=$work/cache
lock=$cache/$arch/packages.lock
kernel=9.9.9-cloud
case "$arch" in
  amd64) efi=x64 ;;
  arm64) efi=aa64 ;;
  *) echo "no boot stub for $arch" >&2 && exit 77 ;;
esac

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# expect STATUS TEXT COMMAND...: the exact exit status, and the text in what is printed.
expect() {
  local want=$1 text=$2 got=0 out
  shift 2
  out=$("$@" 2>&1) || got=$?
  [ "$got" -eq "$want" ] || fail "exit status $got, not $want: $* : $out"
  case "$out" in *"$text"*) ;; *) fail "does not say '$text': $* : $out" ;; esac
}

# flip FILE OFFSET: changes one bit of one byte.
flip() {
  local byte
  byte=$(od -An -tu1 -j"$2" -N1 "$1")
  # shellcheck disable=SC2059
  printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# tiny_deb USE NAME VERSION FOLDER: a package of the folder, and its line in the lock.
tiny_deb() {
  local file=$2_$3_$arch.deb
  mkdir -p "$4/DEBIAN" "$cache/$arch/debs"
  printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: test <test@localhost>\n' \
    "$2" "$3" "$arch" >"$4/DEBIAN/control"
  printf 'Description: for a test\n' >>"$4/DEBIAN/control"
  dpkg-deb --root-owner-group -Znone -b "$4" "$cache/$arch/debs/$file" >/dev/null
  printf '%s %s %s %s %s\n' "$1" "$2" "$3" \
    "$(sha256sum "$cache/$arch/debs/$file" | cut -d' ' -f1)" "$file" >>"$lock"
}

# tiny_module FILE DEPENDS: as much of a kernel module as the builder looks at.
tiny_module() { printf 'ELF\0license=GPL\0depends=%s\0name=x\0' "$2" >"$1"; }

# tiny_kernel: a kernel package whose modules need each other, some of them built in.
tiny_kernel() {
  local modules=$work/kernel/lib/modules/$kernel name
  mkdir -p "$work/kernel/boot" "$modules/kernel/drivers"
  printf 'MZ kernel of the test' >"$work/kernel/boot/vmlinuz-$kernel"
  for name in virtio_mmio virtio_scsi sd_mod efivarfs dm-mod; do
    tiny_module "$modules/kernel/drivers/$name.ko" ""
  done
  tiny_module "$modules/kernel/drivers/dm-verity.ko" dm-bufio,dm-mod
  tiny_module "$modules/kernel/drivers/dm-bufio.ko" dm-mod
  tiny_module "$modules/kernel/drivers/erofs.ko" virtio-blk
  tiny_module "$modules/kernel/drivers/virtio_blk.ko" ""
  printf 'kernel/drivers/virtio_pci.ko\n' >"$modules/modules.builtin"
  tiny_deb kernel linux-image-test 1 "$work/kernel"
}

# tiny_initrd: veritysetup stands for any program with libraries; its loader is an absolute link,
# as in Debian's libc6, to a file that differs from the one of this machine.
tiny_initrd() {
  local tree=$work/initrd lib loader
  loader=$(readelf -l /bin/true | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
  lib=lib/$(basename "$(dirname "$(readlink -f "$loader")")")
  mkdir -p "$tree/$lib" "$tree$(dirname "$loader")" "$tree/bin" "$tree/usr/sbin"
  cp /bin/true "$tree/usr/sbin/veritysetup"
  cp "/$lib/libc.so.6" "$tree/$lib/libc.so.6"
  cp "$(readlink -f "$loader")" "$tree/$lib/$(basename "$loader")"
  printf 'of the package' >>"$tree/$lib/$(basename "$loader")"
  ln -s "/$lib/$(basename "$loader")" "$tree$loader"
  printf 'busybox of the test' >"$tree/bin/busybox"
  chmod 755 "$tree/bin/busybox"
  tiny_deb initrd cryptsetup-bin 1 "$tree"
}

# tiny_stub: a boot stub with one section, and a symbol table behind it as Debian's has.
tiny_stub() {
  local tree=$work/stub/usr/lib/systemd/boot/efi
  mkdir -p "$tree"
  python3 "$root/tests/quickstart/tiny_stub.py" "$arch" >"$tree/linux$efi.efi.stub"
  tiny_deb stub systemd-boot-efi 1 "$work/stub"
}

# tiny_root: one package in every release and one in two versions.
tiny_root() {
  mkdir -p "$work/base/etc" "$work/base/usr/share/doc/base" "$work/base/bin"
  printf 'busybox of the test' >"$work/base/bin/busybox"
  printf 'left out' >"$work/base/usr/share/doc/base/changelog.gz"
  tiny_deb root busybox-static 1 "$work/base"
  mkdir -p "$work/lib1/usr/lib" "$work/lib2/usr/lib"
  head -c 20000 /dev/zero | tr '\0' a >"$work/lib1/usr/lib/libdemo.so"
  head -c 24000 /dev/zero | tr '\0' b >"$work/lib2/usr/lib/libdemo.so"
  tiny_deb old libdemo 1 "$work/lib1"
  tiny_deb new libdemo 2 "$work/lib2"
}

# tiny_cache: a package cache that is whole, so that nothing is downloaded.
tiny_cache() {
  mkdir -p "$cache/$arch"
  : >"$lock"
  tiny_kernel && tiny_initrd && tiny_stub && tiny_root
}

# firmware OUT ARG...: the real script on the tiny packages.
firmware() {
  local out=$1
  shift
  "$qs/firmware.sh" --cache "$cache" --out "$out" "$@"
}
