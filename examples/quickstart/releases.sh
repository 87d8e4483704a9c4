# shellcheck shell=bash
# The releases of the quickstart: firmware, signed release, publication. Sourced by run.sh.

vendor_id=5f1b9d1e-6a0c-4c0e-9d53-8b8f3c1f2a10
class_id=0c9d1e4b-2f8a-4b8e-8a53-3f1c2b7d9e42
hardware=rev1

# build_programs: once; tests/run.sh uses the same folder and adds the tests.
build_programs() {
  run cmake --preset release -DBUILD_TESTING=OFF
  run cmake --build build/release --target programs -j "$(nproc)"
}

# make_image_files: what privileged code of the device trusts lies inside its verified root: trust
# anchor, configuration and the updater itself. Paths in the configuration are relative to it, so
# that the simulated device can lie anywhere; a real one names /dev/disk/by-partlabel/...
make_image_files() {
  local etc=$work/image/etc/pawl
  mkdir -p "$etc" "$work/image/usr/bin"
  run cp "$repo/metadata/1.root.json" "$etc/root.json"
  run cp "$net/issuer/ca/bundle.json" "$etc/issuer.json"
  run install -s -m 755 "$LIB_ROOT/build/release/bin/pawl-updater" "$work/image/usr/bin/"
  cat >"$etc/updater.toml" <<END
[device]
product = "$product"
hardware = "$hardware"
vendor_id = "$vendor_id"
class_id = "$class_id"

[server]
url = "https://127.0.0.1:$uplink_port"
id = "$server_id"

[identity]
source = "issuer"
url = "https://127.0.0.1:$issuer_port"
id = "$issuer_id"
bundle = "issuer.json"

[trust]
root = "root.json"

[slots.a]
rootfs = "../../../../slots/a/rootfs.img"
uki = "../../../../slots/a/uki.efi"

[slots.b]
rootfs = "../../../../slots/b/rootfs.img"
uki = "../../../../slots/b/uki.efi"

[boot]
backend = "file"
profile = "efi-uki"
state = "../../../../boot/state"
booted = "../../../booted"

[health]
directory = "health.d"
timeout = 60
END
  add_tpm_files "$etc"
  run cat "$etc/updater.toml"
  run "$LIB_ROOT/build/release/bin/pawl-updater" check-config --config "$etc/updater.toml"
}

# make_firmware: four releases; 1.0.0 and 1.1.0 differ by real Debian updates, 1.2.0 is sick.
make_firmware() {
  run "$here/firmware.sh" --cache "$work/cache" --out "$work/firmware" --overlay "$work/image" --keep-trees \
    1.0.0:old 1.1.0:new "1.2.0:new:$here/changes/unhealthy" 1.3.0:new
  show diff "$work/firmware/1.0.0/info" "$work/firmware/1.1.0/info"
  diff "$work/firmware/1.0.0/info" "$work/firmware/1.1.0/info" | grep '^[<>] package' || true
}

# make_release VERSION SECURITY FLOOR: the signed release of one firmware, published. FLOOR is the
# least security version that a device will ever accept again once this release has proved itself. Level 6 is quick; 19, the default, makes the
# payload a tenth smaller in twelve times the time.
make_release() {
  local firmware=$work/firmware/$1
  local root="name=rootfs,slot_role=rootfs,install=erofs-verity,image=$firmware/rootfs.img"
  run "$signer" release build --config "$work/signer.toml" --out "$work/releases/$1" \
    --product "$product" --version "$1" --security-version "$2" --min-security-version "$3" \
    --component "$root,verity_root=$(info roothash "$1")" --uki "$firmware/uki.efi" --level 6
  run "$signer" release add "$work/releases/$1" --config "$work/signer.toml"
}

# info KEY VERSION: what the firmware builder noted.
info() { sed -n "s/^$1=//p" "$work/firmware/$2/info"; }
