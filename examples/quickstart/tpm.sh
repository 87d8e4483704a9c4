# shellcheck shell=bash
# The TPM of the device and an agent's state that only allowed boots open. Sourced by run.sh; the TPM
# is swtpm, and what is measured into it shares no code with Pawl (measure.py).

agent_state="the agent's long-term memory"

# tpm_off: at the end of the script, and before a new device: nothing of it keeps running.
tpm_off() { swtpm_ioctl --unix "$device/tpm/sock.ctrl" -s 2>/dev/null || true; }

# make_recovery_key: offline in real life. What the TPM and the vault can only be recovered with is
# wrapped to it.
make_recovery_key() {
  run openssl genpkey -algorithm X25519 -outform DER -out "$work/keys/recovery.der"
  recovery_key=$(openssl pkey -inform DER -in "$work/keys/recovery.der" -pubout -outform DER |
    tail -c 32 | od -An -v -tx1 | tr -d ' \n')
}

# add_tpm_files ETC: the image's part of it: configuration of the updater and of the vault.
add_tpm_files() {
  run install -s -m 755 "$LIB_ROOT/build/release/bin/pawl-vault" "$work/image/usr/bin/"
  cat >>"$1/updater.toml" <<END

[tpm]
tcti = "swtpm:path=$device/tpm/sock"
eventlog = "../../../eventlog"
handover = "../../../cell"
recovery_key = "$recovery_key"
END
  cat >"$1/vault.toml" <<END
[vault]
protector = "tpm2"
directory = "../../../../state/vault"
user = "0"

[tpm]
tcti = "swtpm:path=$device/tpm/sock"
handover = "../../../cell"

[recovery]
key = "$recovery_key"
END
  run cat "$1/vault.toml"
  run "$LIB_ROOT/build/release/bin/pawl-vault" check-config --config "$1/vault.toml"
}

# make_tpm: a new chip, and the boot loader whose bytes are measured.
make_tpm() {
  mkdir -p "$device/tpm"
  run cp /usr/lib/systemd/boot/efi/systemd-boot*.efi "$device/boot/loader.efi"
}

# first_power_on: in the factory; what was measured is shown.
first_power_on() {
  run "$here/bootsim.py" "$device"
  run "$here/measure.py" "$device/slots/a/uki.efi" "$device/boot/loader.efi"
}

# take_tpm: once; from now on only boots of releases that the device allows open anything.
take_tpm() {
  updater provision
  updater boot
  updater trial
}

# vault VERB...: the vault program of the root that runs now.
vault_words() {
  vault=("$device/run/root/usr/bin/pawl-vault" "$@" --config "$device/run/root/etc/pawl/vault.toml")
}
vault() {
  local vault
  vault_words "$@"
  run "${vault[@]}"
}

# keep_state: the agent of the release that runs now keeps its state.
keep_state() {
  local vault
  vault init
  vault_words put agent/memory
  show "${vault[@]}"
  printf '%s\n' "$agent_state" | "${vault[@]}"
  state_kept=yes
}

# state_opens: at every start once there is a state, trials included.
state_opens() {
  local vault out
  [ "${state_kept:-no}" = yes ] || return 0
  vault_words get agent/memory
  show "${vault[@]}"
  out=$("${vault[@]}")
  [ "$out" = "$agent_state" ] || die "the agent's state is not what it was: $out"
  say "   -> the agent's state opens"
}

# evil_boot [OPTION...]: the attacker has the disk and starts what he put there, with the handover file
# of an honest boot; the updater and the vault of that root must be refused by the TPM.
evil_boot() {
  local updater vault
  run "$here/bootsim.py" "$device" "$@"
  run cp "$work/honest-cell" "$device/run/cell"
  vault_words get agent/memory
  expect_refusal 40 "this boot state is not in the cell" "${vault[@]}"
  updater_words boot
  expect_refusal 40 "the cell holds none of the texts" "${updater[@]}"
}

# section_at SECTION: where it lies in the boot image of slot b.
section_at() {
  python3 - "$here" "$device/slots/b/uki.efi" "$1" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import pe
data = open(sys.argv[2], "rb").read()
print(next(s.raw_offset for s in pe.sections(data) if s.name == sys.argv[3]))
END
}

# attack_kernel: one bit of the kernel in slot b, which no check of the boot chain looks at.
attack_kernel() {
  local at
  at=$(($(section_at .linux) + 1000000))
  flip "${device#"$LIB_ROOT/"}/slots/b/uki.efi" "$at"
  evil_boot
  flip "$device/slots/b/uki.efi" "$at" >/dev/null
}

# attack_root: one bit of the root file system in slot b does not boot; with a hash tree and a boot
# image made to match it does, and opens nothing.
attack_root() {
  local slot=$device/slots/b boot=$work/firmware/boot offset evil=$work/evil cmdline
  rm -rf "$evil" && mkdir "$evil"
  cp "$slot/rootfs.img" "$slot/uki.efi" "$evil/"
  flip "${slot#"$LIB_ROOT/"}/rootfs.img" 100000
  expect_status 1 "$here/bootsim.py" "$device"
  offset=$(info hashoffset "$1")
  cp "$evil/rootfs.img" "$slot/rootfs.img"
  flip "${slot#"$LIB_ROOT/"}/rootfs.img" 'PRETTY_NAME="P' # a file of the root, changed in place
  run veritysetup format --data-blocks=$((offset / 4096)) --hash-offset="$offset" --salt=- \
    --root-hash-file="$evil/hash" "$slot/rootfs.img" "$slot/rootfs.img" >/dev/null
  cmdline="console=ttyS0 panic=5 ro systemd.import_credentials=no roothash=$(cat "$evil/hash")"
  printf '%s pawl.hashoffset=%s' "$cmdline" "$offset" >"$evil/cmdline"
  echo "ID=evil" >"$evil/osrel"
  run "$here/mkuki.py" --stub "$boot/stub" --out "$slot/uki.efi" ".osrel=$evil/osrel" \
    ".cmdline=$evil/cmdline" ".initrd=$boot/initrd" ".linux=$boot/vmlinuz"
  evil_boot
  cp "$evil/rootfs.img" "$evil/uki.efi" "$slot/"
}

# attack_old_slot VERSION: an older release, validly signed, put back into the slot it once had.
attack_old_slot() {
  local slot=$device/slots/a evil=$work/evil state
  rm -rf "$evil" && mkdir "$evil"
  cp "$slot/rootfs.img" "$slot/uki.efi" "$evil/"
  state=$(cat "$device/boot/state")
  run dd if="$work/firmware/$1/rootfs.img" of="$slot/rootfs.img" conv=notrunc bs=1M status=none
  run cp "$work/firmware/$1/uki.efi" "$slot/uki.efi"
  echo "primary=a trial=- tries=0 bad=-" >"$device/boot/state"
  evil_boot
  echo "$state" >"$device/boot/state"
  cp "$evil/rootfs.img" "$evil/uki.efi" "$slot/"
}
