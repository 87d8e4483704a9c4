# shellcheck shell=bash
# The device of the quickstart: a folder that a boot simulator starts. Sourced by run.sh.

slot_size=67108864

# make_device VERSION: as it leaves the factory, this release in slot a and nothing in slot b. The
# manifest goes with it, so that the updater knows what slot a holds.
make_device() {
  rm -rf "$device"
  mkdir -p "$device/boot" "$device/slots/a" "$device/slots/b" "$device/state"
  run truncate -s "$slot_size" "$device/slots/a/rootfs.img" "$device/slots/b/rootfs.img"
  run dd if="$work/firmware/$1/rootfs.img" of="$device/slots/a/rootfs.img" conv=notrunc bs=1M \
    status=none
  run cp "$work/firmware/$1/uki.efi" "$device/slots/a/uki.efi"
  run install -D -m 600 "$(newest "targets/releases/$product/$1/*.manifest.json")" \
    "$device/state/installed/a.manifest.json"
  make_tpm
  echo "primary=a trial=- tries=0 bad=-" >"$device/boot/state"
  run cat "$device/boot/state"
}

# updater VERB...: the updater of the root that runs now, with the configuration in that root.
updater_words() {
  updater=("$device/run/root/usr/bin/pawl-updater" "$@" --config "$device/run/root/etc/pawl/updater.toml"
    --state "$device/state")
}
updater() {
  local updater
  updater_words "$@"
  run "${updater[@]}"
}

# power_on [OPTION...]: the boot simulator, then what the device's init starts.
power_on() {
  run "$here/bootsim.py" "$device" "$@"
  updater boot
  state_opens
  updater trial
}

# expect_running VERSION SLOT: what is up, and how the boot loader goes on.
expect_running() {
  grep -qx "VERSION_ID=$1" "$device/run/root/usr/lib/os-release" || die "$1 is not running"
  grep -q "^slot=$2 " "$device/run/booted" || die "slot $2 is not running"
  say "   -> release $1 runs from slot $2"
}

# expect_boot_state TEXT: the exact line that the boot loader will read.
expect_boot_state() {
  run cat "$device/boot/state"
  [ "$(cat "$device/boot/state")" = "$1" ] || die "expected the boot state: $1"
}

# expect_status_says TEXT: what the updater's own records hold.
expect_status_says() {
  local updater out
  updater_words status
  show "${updater[@]}"
  out=$("${updater[@]}" 2>&1)
  printf '%s\n' "$out"
  case "$out" in *"$1"*) ;; *) die "the status does not say: $1" ;; esac
}

# refused STATUS TEXT VERB...: the updater must refuse with exactly this, and change no slot.
refused() {
  local status=$1 text=$2 updater before
  shift 2
  before=$(cat "$device/boot/state")
  updater_words "$@"
  expect_refusal "$status" "$text" "${updater[@]}"
  [ "$before" = "$(cat "$device/boot/state")" ] || die "a refused update moved the boot state"
}
