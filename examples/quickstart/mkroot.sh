#!/bin/bash
# Makes a root file system image: erofs, followed in the same file by its dm-verity hash tree.
#
#   mkroot.sh --out FILE --verity FILE --os-release FILE [--overlay DIR]... FILE.deb...
#
# --verity: where to write the root hash and the position of the hash tree, as `roothash=` and
# `hashoffset=`. The folder <out>.work is used and left behind: whoever makes several roots removes them
# all at the end, since ext4 takes seconds to make thousands of files where as many were just removed.
# The image depends on the inputs and SOURCE_DATE_EPOCH alone: fixed UUIDs and salt, one time
# stamp, owner root everywhere, no extended attributes. It needs neither a loop device nor the
# device mapper, and it is checked against its root hash before this script ends.

here=$(cd "$(dirname "$0")" && pwd)
LIB_ROOT=${LIB_ROOT:-$(dirname "$(dirname "$here")")}
# shellcheck source=lib.sh
. "$here/lib.sh"

fs_uuid=70617771-7569-4b73-8172-74726f6f7401
verity_uuid=70617771-7569-4b73-8172-747672747902
# The same salt in every release: blocks that did not change have the same hash, so the hash tree
# of an update stays close to that of its base.
salt=8d9a4c2b6f1e03758d9a4c2b6f1e03758d9a4c2b6f1e03758d9a4c2b6f1e0375
applets="ash awk cat chmod chown cp cut date dd df dirname dmesg echo false find grep head hostname
  init ip kill ln ls mkdir mount mv ps pwd reboot rm rmdir sed sh sleep sort stat sync tail tee test
  touch true umount uname wc"

out="" verity="" os_release="" overlays=()
while [ $# -gt 0 ]; do
  case "$1" in
    --out) out=$2 && shift 2 ;;
    --verity) verity=$2 && shift 2 ;;
    --os-release) os_release=$2 && shift 2 ;;
    --overlay) overlays+=("$2") && shift 2 ;;
    -*) die "unknown argument '$1'" ;;
    *) break ;;
  esac
done
[ -n "$out" ] && [ -n "$verity" ] && [ -n "$os_release" ] && [ $# -gt 0 ] ||
  die "--out, --verity, --os-release and packages are needed"
: "${SOURCE_DATE_EPOCH:?is the one time stamp of the image}"

# lay_over DIR: copies a folder over the tree; its modes depend on nothing but the x bit of a file,
# so a checkout under another umask gives the same image.
lay_over() {
  local path mode
  (cd "$1" && find . -mindepth 1 | sort) | while read -r path; do
    if [ -L "$1/$path" ]; then
      cp -P --remove-destination "$1/$path" "$tree/$path"
    elif [ -d "$1/$path" ]; then
      mkdir -p "$tree/$path"
    else
      mode=644
      [ ! -x "$1/$path" ] || mode=755
      install -m "$mode" "$1/$path" "$tree/$path"
    fi
  done
}

# finish: what the scripts of the packages would have made on an installed system.
finish() {
  local name
  for name in $applets; do
    [ -e "$tree/usr/bin/$name" ] || ln -s busybox "$tree/usr/bin/$name"
  done
  ln -sfn ../bin/busybox "$tree/usr/sbin/init"
  for name in passwd group; do
    [ ! -e "$tree/usr/share/base-passwd/$name.master" ] ||
      install -m 644 "$tree/usr/share/base-passwd/$name.master" "$tree/etc/$name"
  done
  mkdir -p "$tree"/{dev,proc,run,sys,tmp,var,etc/ssl/certs}
  mkdir -p "$tree/usr/share/ca-certificates"
  find "$tree/usr/share/ca-certificates" -name '*.crt' | sort |
    while read -r name; do cat "$name"; done >"$tree/etc/ssl/certs/ca-certificates.crt"
  install -m 644 "$os_release" "$tree/usr/lib/os-release"
  ln -sfn ../usr/lib/os-release "$tree/etc/os-release"
}

work=$out.work
rm -rf "$work"
mkdir -p "$work"
tree=$work/tree
"$here/unpack.sh" "$tree" "$@"
finish
for overlay in "${overlays[@]}"; do lay_over "$overlay"; done
# Links by name would make the order of the tree on this disk part of the image.
[ -z "$(find "$tree" -type f -links +1 -print -quit)" ] || die "a package has hard links"
find "$tree" -depth -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

run_quiet mkfs.erofs -x-1 "-T$SOURCE_DATE_EPOCH" "-U$fs_uuid" --all-root "$work/root.img" "$tree"
offset=$(stat -c %s "$work/root.img")
run_quiet veritysetup format --salt="$salt" --uuid="$verity_uuid" --data-block-size=4096 \
  --hash-block-size=4096 --data-blocks=$((offset / 4096)) --hash-offset="$offset" \
  --root-hash-file="$work/roothash" "$work/root.img" "$work/root.img"
roothash=$(cat "$work/roothash")
run_quiet veritysetup verify --hash-offset="$offset" "$work/root.img" "$work/root.img" "$roothash"
mv "$work/root.img" "$out"
printf 'roothash=%s\nhashoffset=%s\n' "$roothash" "$offset" >"$verity"
