#!/bin/bash
# Makes the signed releases of the story and the repository as it was after each of them.
#
#   releases.sh --work DIR
#
# Leaves DIR/firmware/<version>, DIR/states/<n>, the repository after so many releases,
# DIR/manifests/<version>.json, DIR/issuer.toml with its authority, DIR/svid/distributor, and
# DIR/{port,issuer-port}, where the devices expect distributor and issuer. Uses the builders of the
# quickstart; programs come from build/release.

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
# The operating system of the root besides what the quickstart has: systemd as process 1, with what
# it needs to measure its phases; strace, which holds a program still where the plug is pulled.
system=(systemd libsystemd-shared libacl1 libapparmor1 libaudit1 libblkid1 libcap-ng0 libcap2
  libcrypt1 libgcrypt20 libgpg-error0 libip4tc2 libkmod2 liblz4-1 liblzma5 libmount1 libpam0g
  libpcre2-8-0 libseccomp2 libselinux1 libtss2-esys-3.0.2-0 libtss2-mu0 libtss2-rc0
  libtss2-tcti-device0 strace libunwind8)
# Units of Debian's systemd that this root has no use for; there is no journal, udev or login.
masked=(systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket
  systemd-journald-audit.socket systemd-journal-flush.service systemd-initctl.socket
  systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service systemd-tmpfiles-clean.timer
  systemd-sysctl.service systemd-sysusers.service systemd-modules-load.service
  systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
  systemd-logind.service systemd-user-sessions.service systemd-firstboot.service
  systemd-machine-id-commit.service systemd-binfmt.service systemd-repart.service
  systemd-remount-fs.service systemd-ask-password-console.path systemd-ask-password-wall.path
  kmod-static-nodes.service proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount
  dev-mqueue.mount getty.target)
unused_generators=(cryptsetup debug fstab getty gpt-auto hibernate-resume integritysetup rc-local
  run system-update sysv veritysetup)

# image_files: what is in every root besides the product: programs, configuration, trust anchor.
image_files() {
  local etc=$work/image/etc/pawl
  rm -rf "$work/image"
  mkdir -p "$etc" "$work/image/usr/bin"
  cp "$repo/metadata/1.root.json" "$etc/root.json"
  cp "$work/issuer/ca/bundle.json" "$etc/bundle.json"
  mask_units "$work/image/etc/systemd"
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
source = "issuer"
url = "https://10.0.2.2:$(cat "$work/issuer-port")"
id = "spiffe://$domain/issuer"
bundle = "/etc/pawl/bundle.json"

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

# mask_units DIR: systemd leaves these out.
mask_units() {
  local name
  mkdir -p "$1/system" "$1/system-generators"
  for name in "${masked[@]}"; do ln -s /dev/null "$1/system/$name"; done
  for name in "${unused_generators[@]}"; do
    ln -s /dev/null "$1/system-generators/systemd-$name-generator"
  done
}

# identities: an authority, and an SVID from it for the distributor. Devices enrol.
identities() {
  local issuer=$LIB_ROOT/build/release/bin/pawl-issuer
  rm -rf "$work/issuer" "$work/svid"
  mkdir -p "$work/issuer" "$work/svid"
  cat >"$work/issuer.toml" <<END
[server]
listen = "127.0.0.1:$(cat "$work/issuer-port")"

[identity]
domain = "$domain"
id = "spiffe://$domain/issuer"

[authority]
folder = "$work/issuer/ca"

[ek]
folder = "$work/issuer/eks"
END
  run "$issuer" ca new --config "$work/issuer.toml"
  run "$issuer" svid new --config "$work/issuer.toml" --id "spiffe://$domain/distributor" \
    --out "$work/svid/distributor" --hours 720
}

# recovery_key: to its public half a device wraps what opens its TPM; the private one stays here.
recovery_key() {
  rm -rf "$work/recovery"
  (umask 077 && mkdir -p "$work/recovery" &&
    openssl genpkey -algorithm X25519 -out "$work/recovery/private.pem")
  openssl pkey -in "$work/recovery/private.pem" -pubout -outform DER | tail -c 32 |
    od -An -v -tx1 | tr -d ' \n' >"$work/recovery/public"
}

# free_ports: two on which nothing listens now; they are fixed in the configuration of every root.
free_ports() {
  python3 -c 'import socket
with socket.socket() as s, socket.socket() as t:
    for each in (s, t):
        each.bind(("127.0.0.1", 0))
        print(each.getsockname()[1])'
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
  for name in $(libraries "${programs[@]}") "${system[@]}"; do
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
sed -i 's/^phases = .*/phases = "sysinit ready"/' "$work/signer.toml"  # systemd's, in this root
make_repository
{ read -r port && read -r issuer_port; } < <(free_ports)
echo "$port" >"$work/port"
echo "$issuer_port" >"$work/issuer-port"
identities
recovery_key
image_files
firmware 1.0.0:old 1.1.0:new "1.2.0:new:$e2e/changes/panics" \
  "1.3.0:new:$here/changes/unhealthy" 1.4.0:new
publish 1 1.0.0 1 1
publish 2 1.1.0 2 2
publish 3 1.2.0 2 2
publish 4 1.3.0 2 2
publish 5 1.4.0 3 3
