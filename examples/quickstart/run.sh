#!/bin/bash
# The whole job of Pawl, once, with real parts: keys in tokens, signed firmware, an A/B update that is
# tried and kept, a bad release that is reverted, and attacks that are refused by name.
#
#   run.sh [--keep] [--clean] [--work DIR] [--help]
#
#   --keep    keep the release directories, which are copies once they are published
#   --clean   remove everything this script made (not build/release) and end
#   --work    folder for everything (build/quickstart)
#
# Needs Debian 12 and root rights, for the packages it installs, which it names, and to run the
# health checks inside the root they belong to. Everything shown is also in DIR/run.log. A second
# run starts with new keys and a new device, and takes what the first one downloaded and built.

here=$(cd "$(dirname "$0")" && pwd)
LIB_ROOT=$(dirname "$(dirname "$here")")
export LIB_ROOT
# shellcheck source=lib.sh
. "$here/lib.sh"
# shellcheck source=keys.sh
. "$here/keys.sh"
# shellcheck source=releases.sh
. "$here/releases.sh"
# shellcheck source=device.sh
. "$here/device.sh"
# shellcheck source=network.sh
. "$here/network.sh"
# shellcheck source=attacks.sh
. "$here/attacks.sh"
# shellcheck source=tpm.sh
. "$here/tpm.sh"

work=$LIB_ROOT/build/quickstart keep=no clean=no
arguments=("$@")
while [ $# -gt 0 ]; do
  case "$1" in
    --keep) keep=yes && shift ;;
    --clean) clean=yes && shift ;;
    --work) work=$2 && shift 2 ;;
    --help)
      sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
done
mkdir -p "$work"
work=$(cd "$work" && pwd)
if [ "$clean" = yes ]; then
  run rm -rf "$work"
  exit 0
fi

# Once more under a recorder: on a terminal the programs must still see one, for their progress bars.
if [ "${PAWL_QUICKSTART_LOG:-}" = "" ]; then
  export PAWL_QUICKSTART_LOG=$work/run.log
  if [ -t 1 ] && script -qec true /dev/null >/dev/null 2>&1; then
    exec script -qefc "$(quote "$0" "${arguments[@]}")" "$PAWL_QUICKSTART_LOG"
  fi
  "$0" "${arguments[@]}" 2>&1 | tee "$PAWL_QUICKSTART_LOG"
  exit
fi

product=pawl-quickstart
signer=$LIB_ROOT/build/release/bin/pawl-signer
distributor=$LIB_ROOT/build/release/bin/pawl-distributor
issuer=$LIB_ROOT/build/release/bin/pawl-issuer
repo=$work/repo
device=$work/device
net=$work/network
trap 'stop_network; tpm_off' EXIT
cd "$LIB_ROOT"
[ "$(id -u)" -eq 0 ] || die "needs root rights"

step "Programs: Debian packages, then one build in build/release"
run packaging/install-packages.sh build demo
build_programs

step "Debian packages the firmware is made of: downloaded, never installed"
run "$here/packages.sh" --cache "$work/cache"

step "Keys: six SoftHSM tokens, seven Ed25519 keys born in them"
tpm_off
rm -rf "$work"/{tokens,pins,keys,repo,releases,image,old-metadata,device,network,signer.toml,signer.ledger}
make_tokens
make_keys
make_recovery_key

step "Repository: TUF roles, root signed by two of three people"
make_repository

step "Network: an issuer of identities, an uplink, and the distributor, which holds no signing key"
start_uplink
start_issuer
start_distributor

step "Firmware 1.0.0 to 1.3.0, each root with the trust anchor and the updater inside"
make_image_files
make_firmware

step "Release 1.0.0, as the device leaves the factory"
make_release 1.0.0 1 1
cp -r "$repo/metadata" "$work/old-metadata"
make_device 1.0.0
first_power_on

step "Enrolment: the device proves its TPM to the issuer and gets an SVID; a TPM nobody listed gets none"
enroll

step "Its TPM is taken into use: what is sealed opens for boots of allowed releases alone"
attack 15 "policy" "$(newest "metadata/*.policy.json")" ':' provision
take_tpm
expect_running 1.0.0 a

step "An agent keeps its state: it opens in boots of releases the device allows, and in no other"
keep_state
vault status
run cp "$device/run/cell" "$work/honest-cell"

step "Who gets anything: a device with an SVID of this fleet, and nobody else"
make_strangers
expect_refusal 1 "certificate required" knock_without_certificate
refused_stranger "$net/stranger" "unknown CA" "no bundle for trust domain 'other.example'"
refused_stranger "$net/expired" "certificate expired" "certificate has expired"
updater run --once
admin device ban "$device_id" --reason "shown in the quickstart"
refused 23 "banned" run --once
admin device unban "$device_id"
refused 23 "pending" run --once
admin device admit "$device_id" --product "$product"

step "Release 1.1.0: real Debian updates, and a floor: nothing below security version 2 ever again"
make_release 1.1.0 2 2
wait_offered 1.1.0
updater check
cut_uplink_after 3000000
cut_off run --once
expect_status_says "state: installing 1.1.0"
cut_off run --once
restore_uplink
updater run --once
expect_boot_state "primary=a trial=b tries=3 bad=-"

step "Power off and on: slot b is tried, judged by its health checks, kept; slot a becomes a copy of it"
power_on
expect_running 1.1.0 b
expect_boot_state "primary=b trial=- tries=0 bad=-"
run cmp "$device/slots/a/uki.efi" "$device/slots/b/uki.efi"
expect_status_says "last: committed 1.1.0"
updater run --once
admin device show "$device_id"

step "Evil boots: whoever has the disk starts what he put there, and the TPM opens nothing for it"
run cp "$device/run/cell" "$work/honest-cell"
attack_old_slot 1.0.0
attack_kernel
attack_root 1.1.0
power_on
expect_running 1.1.0 b

step "Release 1.2.0 does not pass its health check: the device goes back by itself"
make_release 1.2.0 2 2
updater install
power_on
expect_running 1.2.0 a
power_on
expect_running 1.1.0 b
expect_status_says "last: reverted 1.2.0: health check 20-agent"

step "Replays: 1.0.0 is validly signed, and so is the whole repository of its day"
refused 14 "below the floor 2" install --release 1.0.0
run mv "$repo/metadata" "$work/new-metadata"
run mv "$work/old-metadata" "$repo/metadata"
refused 14 "timestamp 2 is older" install
run mv "$repo/metadata" "$work/old-metadata"
run mv "$work/new-metadata" "$repo/metadata"

step "Release 1.3.0, with one bit flipped in every kind of file in turn"
make_release 1.3.0 3 2
run "$signer" renew --role root --role targets --config "$work/signer.toml"
attack 12 "root 2" "$repo/metadata/2.root.json" '"expires":"'
attack 12 "timestamp" "$repo/metadata/timestamp.json" '"expires":"'
attack 15 "snapshot" "$(newest "metadata/*.snapshot.json")" '"expires":"'
attack 12 "targets" "$(newest "metadata/*.targets.json")" '"expires":"'
attack 12 "rel-$product" "$(newest "metadata/*.rel-$product.json")" '"expires":"'
attack 15 "manifest.json" "$(newest "targets/releases/$product/1.3.0/*")" '"product":"'
attack_payload rootfs rootfs.img
attack_payload uki uki.efi

step "Undamaged again, 1.3.0 installs: what was written before a refusal is not fetched twice"
run "$signer" verify "$repo"
updater install
power_on
expect_running 1.3.0 a
expect_status_says "last: committed 1.3.0"
run rm -rf "$work/old-metadata" "$device/roots" "$work"/firmware/*/rootfs.img.work
[ "$keep" = yes ] || run rm -rf "$work/releases"

step_done
say
say "Everything happened as it must."
step_times
short=${work#"$LIB_ROOT/"}
say
say "Where things are:"
say "  $short/repo       the repository a device, or any TUF client, reads"
say "  $short/firmware   rootfs.img and uki.efi of each release"
say "  $short/device     the device: slots, boot state, the updater's records"
say "  $short/run.log    all of the above"
say
say "Three things to try next. What the device knows, for programs:"
updater_words status --json
show "${updater[@]}"
say "What a device whose clock says 2035 thinks of the repository:"
show "$signer" verify "$repo" --at 2035-01-01T00:00:00Z
say "A release whose userspace never comes up: after three tries the boot loader goes back by itself."
updater_words rollback
show "${updater[@]}"
show "$here/bootsim.py" "$device" --crash --cycles 3
show "$here/bootsim.py" "$device"
updater_words boot
show "${updater[@]}"
