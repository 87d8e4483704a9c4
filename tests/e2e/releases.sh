#!/bin/bash
# Makes the signed releases of the story and the repository as it was after each of them.
#
#   releases.sh --work DIR
#
# Leaves DIR/firmware/<version>, DIR/states/<n>/{metadata,targets,blobs}, state 1 with the first
# release alone, and DIR/manifests/<version>.json. Uses the builders of the quickstart; programs
# come from build/release.

e2e=$(cd "$(dirname "$0")" && pwd)
LIB_ROOT=$(dirname "$(dirname "$e2e")")
export LIB_ROOT
here=$LIB_ROOT/examples/quickstart
# shellcheck source=../../examples/quickstart/lib.sh
. "$here/lib.sh"
# shellcheck source=../../examples/quickstart/keys.sh
. "$here/keys.sh"
# shellcheck source=../../examples/quickstart/releases.sh
. "$here/releases.sh"
# shellcheck source=../../examples/quickstart/attacks.sh
. "$here/attacks.sh"

[ "${1:-}" = --work ] && [ -n "${2:-}" ] || die "usage: releases.sh --work DIR"
mkdir -p "$2"
work=$(cd "$2" && pwd)
product=pawl-quickstart
signer=$LIB_ROOT/build/release/bin/pawl-signer
repo=$work/repo
cache=$LIB_ROOT/build/quickstart/cache
# What the initramfs loads for this root: the ESP, the command channel.
modules=(vfat nls_cp437 nls_ascii nls_utf8 virtio_console)

# image_files: what is in every root besides the product: programs, configuration, trust anchor.
image_files() {
  local etc=$work/image/etc/pawl
  rm -rf "$work/image"
  mkdir -p "$etc" "$work/image/usr/bin"
  cp "$repo/metadata/1.root.json" "$etc/root.json"
  install -s -m 755 "$LIB_ROOT/build/release/bin/pawl-updater" "$work/image/usr/bin/"
  cat >"$etc/updater.toml" <<END
[device]
product = "$product"
hardware = "$hardware"
vendor_id = "$vendor_id"
class_id = "$class_id"

[server]
url = "file:///run/repository"

[slots.a]
rootfs = "/dev/disk/by-partlabel/root-a"

[slots.b]
rootfs = "/dev/disk/by-partlabel/root-b"

[boot]
backend = "systemd-boot"
profile = "efi-uki"
esp = "/run/esp"
reboot = "/usr/lib/pawl-e2e/restart"
END
  run "$LIB_ROOT/build/release/bin/pawl-updater" check-config --config "$etc/updater.toml"
}

# firmware: VERSION:AGE[:CHANGES]... as the quickstart's builder makes it.
firmware() {
  local options=() module
  for module in "${modules[@]}"; do options+=(--module "$module"); done
  run "$here/firmware.sh" --cache "$cache" --out "$work/firmware" --overlay "$e2e/root" \
    --overlay "$work/image" "${options[@]}" "$@"
}

# publish N VERSION SECURITY FLOOR: the signed release, and the repository as state N.
publish() {
  local state=$work/states/$1
  make_release "$2" "$3" "$4"
  rm -rf "$work/releases"
  mkdir -p "$state"
  cp -r "$repo/metadata" "$repo/targets" "$state/"
  ln -s ../blobs "$state/blobs"
  install -D -m 644 "$(newest "targets/releases/$product/$2/*.manifest.json")" \
    "$work/manifests/$2.json"
}

rm -rf "$work"/{tokens,pins,keys,repo,releases,image,states,manifests,signer.toml}
make_tokens
make_keys
make_repository
image_files
firmware 1.0.0:old 1.1.0:new "1.2.0:new:$e2e/changes/panics" \
  "1.3.0:new:$here/changes/unhealthy" 1.4.0:new
publish 1 1.0.0 1 1
publish 2 1.1.0 2 2
publish 3 1.2.0 2 2
publish 4 1.3.0 2 2
publish 5 1.4.0 3 2
mv "$repo/blobs" "$work/states/blobs"
