#!/bin/bash
# Unpacks Debian packages into a folder, as a root file system with everything below /usr.
#
#   unpack.sh TREE FILE.deb...
#
# No script of a package runs, nothing of this machine gets in. Manuals, translations and change
# logs are left out.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"

[ $# -ge 2 ] || die "usage: unpack.sh TREE FILE.deb..."
tree=$1
shift
mkdir -p "$tree/usr"
for folder in bin lib lib64 sbin; do
  mkdir -p "$tree/usr/$folder"
  ln -sfn "usr/$folder" "$tree/$folder"
done
for deb in "$@"; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --keep-directory-symlink --no-same-owner \
    --same-permissions --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
    --exclude='./usr/share/info/*' --exclude='./usr/share/lintian/*' --exclude='./usr/share/bug/*' \
    --exclude='./usr/share/doc/*/changelog*' --exclude='./usr/share/doc/*/NEWS*'
done
