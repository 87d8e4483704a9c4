#!/bin/bash
# Makes the signed releases of the story and the repository as it was after each of them.
#
#   releases.sh --work DIR
#
# Leaves DIR/firmware/<version>, DIR/states/<n>, the repository after so many releases,
# DIR/manifests/<version>.json, DIR/svid/{distributor,unit} and DIR/port, where the devices expect
# the distributor. Uses the builders of the quickstart; programs come from build/release.

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
programs=("$LIB_ROOT"/build/release/bin/pawl-{updater,vault})
# What the initramfs loads for this root: the ESP, the command channel, the network.
modules=(vfat nls_cp437 nls_ascii nls_utf8 virtio_console virtio_net)
domain=e2e.example

# image_files: what is in every root besides the product: programs, configuration, trust anchor.
image_files() {
  local etc=$work/image/etc/pawl
  rm -rf "$work/image"
  mkdir -p "$etc" "$work/image/usr/bin"
  cp "$repo/metadata/1.root.json" "$etc/root.json"
  install -s -m 755 "${programs[@]}" "$work/image/usr/bin/"
  cat >"$etc/updater.toml" <<END
[device]
product = "$product"
hardware = "$hardware"
vendor_id = "$vendor_id"
class_id = "$class_id"

[server]
url = "https://10.0.2.2:$(cat "$work/port")"
id = "spiffe://$domain/distributor"

[identity]
source = "files"

[tpm]
tcti = "device:/dev/tpmrm0"
recovery_key = "$(cat "$work/recovery/public")"

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
  cat >"$etc/vault.toml" <<END
[vault]
protector = "tpm2"

[tpm]
tcti = "device:/dev/tpmrm0"
END
  run "$LIB_ROOT/build/release/bin/pawl-updater" check-config --config "$etc/updater.toml"
  run "$LIB_ROOT/build/release/bin/pawl-vault" check-config --config "$etc/vault.toml"
}

# identities: an authority, and SVIDs from it for the distributor and for one device.
identities() {
  local issuer=$LIB_ROOT/build/release/bin/pawl-issuer name
  rm -rf "$work/issuer" "$work/svid"
  mkdir -p "$work/issuer" "$work/svid"
  cat >"$work/issuer.toml" <<END
[server]
listen = "127.0.0.1:0"

[identity]
domain = "$domain"
id = "spiffe://$domain/issuer"

[authority]
folder = "$work/issuer/ca"

[ek]
folder = "$work/issuer/eks"
END
  run "$issuer" ca new --config "$work/issuer.toml"
  for name in distributor unit/1; do
    run "$issuer" svid new --config "$work/issuer.toml" --id "spiffe://$domain/$name" \
      --out "$work/svid/${name%%/*}" --hours 720
  done
}

# recovery_key: to its public half a device wraps what opens its TPM; the private one stays here.
recovery_key() {
  rm -rf "$work/recovery"
  (umask 077 && mkdir -p "$work/recovery" &&
    openssl genpkey -algorithm X25519 -out "$work/recovery/private.pem")
  openssl pkey -in "$work/recovery/private.pem" -pubout -outform DER | tail -c 32 |
    od -An -v -tx1 | tr -d ' \n' >"$work/recovery/public"
}

# free_port: one on which nothing listens now; it is fixed in the configuration of every root.
free_port() {
  python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

# libraries PROGRAM...: the Debian packages that these programs need to run, by their links.
libraries() {
  local name
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $1 }' | sort -u | while read -r name; do
    dpkg-query -S "*-linux-gnu/$name" | sed -n "1s/[:,].*//p"
  done | sort -u
}

# firmware: VERSION:AGE[:CHANGES]... as the quickstart's builder makes it.
firmware() {
  local options=() name
  for name in "${modules[@]}"; do options+=(--module "$name"); done
  for name in $(libraries "${programs[@]}") libtss2-tcti-device0; do
    options+=(--extra "$name")
  done
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
  cp -rl "$repo/blobs" "$state/"
  install -D -m 644 "$(newest "targets/releases/$product/$2/*.manifest.json")" \
    "$work/manifests/$2.json"
}

rm -rf "$work"/{tokens,pins,keys,repo,releases,image,states,manifests,signer.toml}
make_tokens
make_keys
make_repository
identities
recovery_key
free_port >"$work/port"
image_files
firmware 1.0.0:old 1.1.0:new "1.2.0:new:$e2e/changes/panics" \
  "1.3.0:new:$here/changes/unhealthy" 1.4.0:new
publish 1 1.0.0 1 1
publish 2 1.1.0 2 2
publish 3 1.2.0 2 2
publish 4 1.3.0 2 2
publish 5 1.4.0 3 2
