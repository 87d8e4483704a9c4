#!/bin/bash
# Makes real firmware releases from Debian packages: kernel, initramfs, verity root, one UKI each.
#
#   firmware.sh [--out DIR] [--cache DIR] [--arch amd64|arm64] [--refresh] [--overlay DIR]...
#               [--extra PACKAGE]... [--module NAME]... [--keep-trees] [VERSION:old|new[:CHANGES]]...
#
# Every release ends as DIR/<version>/{rootfs.img,uki.efi,info}:
#   rootfs.img  erofs, then its dm-verity hash tree in the same file
#   uki.efi     boot stub, kernel, initramfs and command line in one PE file; the command line
#               carries the root hash and names no slot
#   info        version, root hash, sizes, digests and packages as key=value lines
# `old` and `new` say which version of the updated packages goes in (packages.sh); CHANGES is a
# folder laid over the root of this release alone, --overlay one laid over the root of all. --extra is a
# Debian package more in every root, --module a kernel module more that the initramfs loads. --keep-trees
# leaves the folders the roots were made from in DIR/*/rootfs.img.work, for the caller to remove (mkroot.sh).
# Default: 1.0.0:old 1.1.0:new 1.2.0:new:changes/unhealthy. A release whose inputs did not change
# since it was made is left alone. Needs no root rights, loop device or device mapper.

here=$(cd "$(dirname "$0")" && pwd)
LIB_ROOT=${LIB_ROOT:-$(dirname "$(dirname "$here")")}
export LIB_ROOT
# shellcheck source=lib.sh
. "$here/lib.sh"

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600}
product=pawl-quickstart
out=$LIB_ROOT/build/quickstart/firmware
cache=$LIB_ROOT/build/quickstart/cache
arch=$(dpkg --print-architecture)
refresh=() keep_trees=no overlays=("$here/root") releases=() extra=() packages=() modules=()
while [ $# -gt 0 ]; do
  case "$1" in
    --out) out=$2 && shift 2 ;;
    --cache) cache=$2 && shift 2 ;;
    --arch) arch=$2 && shift 2 ;;
    --refresh) refresh=(--refresh) && shift ;;
    --keep-trees) keep_trees=yes && shift ;;
    --overlay) overlays+=("$2") && shift 2 ;;
    --extra) extra+=("$2") packages+=(--extra "$2") && shift 2 ;;
    --module) modules+=(--module "$2") && shift 2 ;;
    --help)
      sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    -*) die "unknown argument '$1'; see --help" ;;
    *) releases+=("$1") && shift ;;
  esac
done
[ ${#releases[@]} -gt 0 ] || releases=(1.0.0:old 1.1.0:new "1.2.0:new:$here/changes/unhealthy")
case "$arch" in
  amd64) efi=x64 console=ttyS0 ;;
  arm64) efi=aa64 console=ttyAMA0 ;;
  *) die "architecture '$arch' is neither amd64 nor arm64" ;;
esac

# locked USE...: puts the package files of these uses into the array `debs`.
locked() {
  local file
  debs=()
  for file in $(awk -v uses=" $* " 'index(uses, " " $1 " ") { print $5 }' "$lock" | sort -u); do
    debs+=("$cache/$arch/debs/$file")
  done
}

# locked_extra: adds the files of the packages given with --extra that are not in every root anyway.
locked_extra() {
  local name file
  for name in "${extra[@]}"; do
    file=$(awk -v name="$name" '$1 == "extra" && $2 == name { print $5 }' "$lock")
    [ -z "$file" ] || debs+=("$cache/$arch/debs/$file")
  done
}

# digest_of FILE|DIR...: one digest over names, kinds, x bits and contents.
digest_of() {
  local path
  for path in "$@"; do
    (cd "$(dirname "$path")" && find "$(basename "$path")" -printf '%p %y %l\n' -type f -perm /100 \
      -printf 'x\n' | sort && find "$(basename "$path")" -type f -print0 | sort -z |
      xargs -0 -r sha256sum)
  done | sha256sum | cut -d' ' -f1
}

# value KEY FILE: what the file says for KEY.
value() { sed -n "s/^$1=//p" "$2"; }

# unchanged INFO INPUTS: made from these inputs, and its files still have the bytes noted then.
unchanged() {
  [ -r "$1" ] && [ "$(value inputs "$1")" = "$2" ] &&
    sed -n 's/^sha256 //p' "$1" | (cd "$(dirname "$1")" && sha256sum --quiet --check) >/dev/null 2>&1
}

tools=$({ mkfs.erofs --help; veritysetup --version; zstd --version; } 2>&1 | sha256sum)

# boot_parts: kernel, initramfs and stub, the same in every release, in $out/boot.
boot_parts() {
  local boot=$out/boot inputs work debs
  locked kernel stub initrd
  inputs=$({ echo "$tools $SOURCE_DATE_EPOCH ${modules[*]}" && locked_digests kernel stub initrd &&
    digest_of "$here/mkinitramfs.py" "$here/unpack.sh" "$here/initramfs"; } | sha256sum | cut -d' ' -f1)
  if unchanged "$boot/info" "$inputs"; then
    say "kernel and initramfs: unchanged"
    return 0
  fi
  rm -rf "$boot" "$out/boot.work"
  mkdir -p "$boot"
  work=$out/boot.work
  run "$here/unpack.sh" "$work/tree" "${debs[@]}"
  local kernels=("$work"/tree/usr/lib/modules/*)
  [ ${#kernels[@]} -eq 1 ] || die "expected one kernel, found ${#kernels[@]}"
  basename "${kernels[0]}" | tr -d '\n' >"$boot/uname"
  cp "$work/tree/boot/vmlinuz-$(cat "$boot/uname")" "$boot/vmlinuz"
  cp "$work/tree/usr/lib/systemd/boot/efi/linux$efi.efi.stub" "$boot/stub"
  run "$here/mkinitramfs.py" --tree "$work/tree" --modules "${kernels[0]}" \
    --init "$here/initramfs/init" --out "$work/initrd.cpio" "${modules[@]}"
  run zstd -q -15 --check -f -o "$boot/initrd" "$work/initrd.cpio"
  rm -rf "$work"
  note "$boot" "$inputs" uname vmlinuz stub initrd
}

# locked_digests USE...: the digests of the package files of these uses.
locked_digests() {
  awk -v uses=" $* " 'index(uses, " " $1 " ") { print $4 }' "$lock" | sort -u
}

# note DIR INPUTS FILE...: adds the digests and the inputs to DIR/info; the last thing written.
note() {
  local dir=$1 inputs=$2
  shift 2
  {
    [ ! -e "$dir/info.new" ] || cat "$dir/info.new"
    (cd "$dir" && sha256sum "$@") | sed 's/^/sha256 /'
    echo "inputs=$inputs"
  } >"$dir/info.tmp"
  rm -f "$dir/info.new"
  mv "$dir/info.tmp" "$dir/info"
}

# os_release VERSION: the text that is in the root and in the boot image.
os_release() {
  cat <<END
ID=$product
ID_LIKE=debian
NAME="Pawl quickstart firmware"
PRETTY_NAME="Pawl quickstart firmware $1"
VERSION_ID=$1
IMAGE_ID=$product
IMAGE_VERSION=$1
END
}

# release VERSION old|new [CHANGES]: one release in $out/VERSION.
release() {
  local version=$1 age=$2 dir=$out/$1 over=("${overlays[@]}") inputs debs layers=() layer
  [ -z "${3:-}" ] || over+=("$3")
  inputs=$({ echo "$tools $SOURCE_DATE_EPOCH $version $arch ${extra[*]}" && value inputs "$out/boot/info" &&
    locked_digests root "$age" && digest_of "${over[@]}" "$here"/{firmware.sh,lib.sh,unpack.sh} \
    "$here"/{mkroot.sh,mkuki.py,pe.py}; } | sha256sum | cut -d' ' -f1)
  if unchanged "$dir/info" "$inputs"; then
    say "release $version: unchanged"
    return 0
  fi
  say "release $version:"
  rm -rf "$dir"
  mkdir -p "$dir/parts"
  os_release "$version" >"$dir/parts/os-release"
  locked root "$age"
  locked_extra
  for layer in "${over[@]}"; do layers+=(--overlay "$layer"); done
  run "$here/mkroot.sh" --out "$dir/rootfs.img" --verity "$dir/parts/verity" \
    --os-release "$dir/parts/os-release" "${layers[@]}" "${debs[@]}"
  boot_image "$dir"
  describe "$version" "$age" >"$dir/info.new"
  rm -rf "$dir/parts"
  note "$dir" "$inputs" rootfs.img uki.efi
  say "release $version: root hash $(value roothash "$dir/info")"
}

# boot_image DIR: the UKI of the release in DIR; its command line names the root by hash only.
boot_image() {
  local dir=$1 boot=$out/boot
  printf 'console=%s panic=5 ro systemd.import_credentials=no roothash=%s pawl.hashoffset=%s' \
    "$console" "$(value roothash "$dir/parts/verity")" \
    "$(value hashoffset "$dir/parts/verity")" >"$dir/parts/cmdline"
  say "   command line: $(cat "$dir/parts/cmdline")"
  run "$here/mkuki.py" --stub "$boot/stub" --out "$dir/uki.efi" .osrel="$dir/parts/os-release" \
    .cmdline="$dir/parts/cmdline" .uname="$boot/uname" .initrd="$boot/initrd" \
    .linux="$boot/vmlinuz"
}

# describe VERSION AGE: the lines of `info`.
describe() {
  local dir=$out/$1
  echo "version=$1"
  echo "arch=$arch"
  echo "kernel=$(cat "$out/boot/uname")"
  cat "$dir/parts/verity"
  echo "rootfs_size=$(stat -c %s "$dir/rootfs.img")"
  echo "uki_size=$(stat -c %s "$dir/uki.efi")"
  awk -v age="$2" '$1 == age || $1 == "root" { print "package " $2 " " $3 }' "$lock" | sort
}

need dpkg-deb tar mkfs.erofs veritysetup zstd readelf python3
mkdir -p "$out" "$cache"
out=$(cd "$out" && pwd) cache=$(cd "$cache" && pwd)
lock=$cache/$arch/packages.lock
run "$here/packages.sh" --cache "$cache" --arch "$arch" "${refresh[@]}" "${packages[@]}"
boot_parts
for spec in "${releases[@]}"; do
  IFS=: read -r version age changes <<<"$spec"
  case "$version" in *[!0-9A-Za-z.+-]* | "") die "'$spec': '$version' is no version" ;; esac
  case "$age" in old | new) ;; *) die "'$spec': want VERSION:old|new[:CHANGES]" ;; esac
  [ -z "$changes" ] || [ -d "$changes" ] || die "'$spec': no folder $changes"
  release "$version" "$age" "$changes"
done
[ "$keep_trees" = yes ] || rm -rf "$out"/*/rootfs.img.work
say "firmware: $out ($(du -sh "$out" | cut -f1))"
