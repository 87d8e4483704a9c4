#!/usr/bin/env bash
# The measured boot of the simulator: its log explains the TPM's registers to tpm2-tools, each digest is
# that of other people's tools, and each changed part moves the registers it must, and no other.
# shellcheck source=tiny.sh
. "$(dirname "$0")/tiny.sh"
for tool in swtpm tpm2_eventlog objcopy; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool" && exit 77; }
done
tiny_cache
mkdir -p "$work/systemd/usr/lib/systemd" "$work/plain"
echo 'of the test' >"$work/systemd/usr/lib/systemd/systemd-pcrphase"
firmware "$work/fw" 1.0.0:old "1.1.0:old:$work/systemd" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
device=$work/d
export TPM2TOOLS_TCTI=swtpm:path=$device/tpm/sock TSS2_LOG=all+none
trap 'swtpm_ioctl --unix "$device/tpm/sock.ctrl" -s 2>/dev/null; rm -rf "$work"' EXIT
mkdir -p "$device/boot" "$device/slots/a" "$device/slots/b" "$device/tpm" "$work/parts"
echo "primary=a trial=- tries=0 bad=-" >"$device/boot/state"
cp "$work/fw/boot/stub" "$device/boot/loader.efi"
printf 'loader' | dd of="$device/boot/loader.efi" bs=1 seek=1100 conv=notrunc status=none

noted() { sed -n "s/^$1=//p" "$work/fw/$2/info"; }
# slot_with VERSION: slot a with the root of that release and a boot image whose kernel is a PE image.
slot_with() {
  cp "$work/fw/$1/rootfs.img" "$device/slots/a/rootfs.img"
  printf 'console=ttyS0 roothash=%s pawl.hashoffset=%s' "$(noted roothash "$1")" \
    "$(noted hashoffset "$1")" >"$work/parts/cmdline"
  echo "ID=test" >"$work/parts/osrel"
  cp "$work/fw/boot/initrd" "$work/parts/"
  cp "$work/fw/boot/stub" "$work/parts/linux"
  image
}
image() {
  "$qs/mkuki.py" --stub "$work/fw/boot/stub" --out "$device/slots/a/uki.efi" .osrel="$work/parts/osrel" \
    .cmdline="$work/parts/cmdline" .initrd="$work/parts/initrd" .linux="$work/parts/linux"
}
boot() { "$qs/bootsim.py" "$device" "$@" >"$work/boot.log" 2>&1 || fail "$(cat "$work/boot.log")"; }
registers() { tpm2_pcrread sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 | tr 'A-F' 'a-f' | sed -n 's/^ *\([0-9]*\) *: 0x/\1 /p'; }
register() { registers | sed -n "s/^$1 //p"; }
replayed() { # what tpm2_eventlog makes of the log; a register it does not name is zero
  tpm2_eventlog "$device/run/eventlog" 2>/dev/null | sed -n '/^ *sha256:/,$p' |
    sed -n "s/^ *$1 *: 0x//p" | grep . || printf '%064d\n' 0
}
hash() { sha256sum | cut -d' ' -f1; }
unhex() { python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex("".join(sys.argv[1:])))' "$@"; }
fold() { # fold VALUE DIGEST...: extends one after the other
  local value=$1 digest
  shift
  for digest in "$@"; do value=$(unhex "$value" "$digest" | hash); done
  echo "$value"
}
zero=$(printf '%064d' 0)

# The log leads to the registers; phase words are beyond it, and only in a root with systemd.
slot_with 1.0.0
boot
for pcr in 0 1 2 4 5 7 8 9 11 12 13; do
  [ "$(register $pcr)" = "$(replayed $pcr)" ] || fail "the log does not lead to register $pcr"
done
for pcr in 0 1 2 4 5 7 9 11 12; do [ "$(register $pcr)" != "$zero" ] || fail "register $pcr is zero"; done
for pcr in 8 10 13 14 15; do [ "$(register $pcr)" = "$zero" ] || fail "register $pcr is not zero"; done
plain=$(registers)
slot_with 1.1.0
boot
want=$(fold "$(replayed 11)" "$(printf sysinit | hash)" "$(printf ready | hash)")
[ "$(register 11)" = "$want" ] || fail "phase words are not in register 11"
rm -f "$device/slots/a/rootfs.img"
expect 1 "does not boot" "$qs/bootsim.py" "$device"
[ "$(register 11)" = "$(replayed 11)" ] || fail "phase words without a root that came up"

# The digests, made by objcopy and sha256sum.
events=()
for name in .linux .osrel .cmdline .initrd; do
  objcopy --dump-section "$name=$work/section" "$device/slots/a/uki.efi" "$work/copy"
  part=$work/parts/${name#.}
  cmp -s -n "$(stat -c %s "$part")" "$work/section" "$part" || fail "objcopy reads another $name"
  events+=("$(printf '%s\0' "$name" | hash)" "$(hash <"$part")")
done
[ "$(replayed 11)" = "$(fold "$zero" "${events[@]}")" ] || fail "register 11 is not the four sections"
options=$({ iconv -f ascii -t utf-16le "$work/parts/cmdline" && printf '\0\0'; } | hash)
[ "$(replayed 12)" = "$(fold "$zero" "$options" "$options")" ] || fail "register 12 is not the command line twice"
[ "$(replayed 9)" = "$(fold "$zero" "$options" "$(hash <"$work/parts/initrd")")" ] || fail "register 9"

# Every power cycle starts again; what is measured is what lies in the slot.
slot_with 1.0.0
boot
[ "$plain" = "$(registers)" ] || fail "a second boot of the same bytes has other registers"
boot --cycles 2
[ "$plain" = "$(registers)" ] || fail "registers depend on how often the device was started"
moved() { diff <(echo "$plain") <(registers) | sed -n 's/^> \([0-9]*\) .*/\1/p' | tr '\n' ' '; }
changes() { # changes WHAT REGISTERS
  boot
  [ "$(moved)" = "$2" ] || fail "$1 moves registers $(moved)and not $2"
  slot_with 1.0.0
}
printf 'x' >>"$work/parts/osrel" && image && changes "the release's name" "4 11 "
printf ' quiet' >>"$work/parts/cmdline" && image && changes "the command line" "4 9 11 12 "
printf '\xc4' | dd of="$work/parts/linux" bs=1 seek=1030 conv=notrunc status=none && image && changes "the kernel" "4 11 "
zstd -q -d -c "$work/parts/initrd" | zstd -q -1 -c >"$work/parts/initrd.new" && mv "$work/parts/initrd.new" "$work/parts/initrd" && image
changes "the initrd" "4 9 11 "
flip "$device/boot/loader.efi" 1200 && changes "the loader" "4 "
flip "$device/boot/loader.efi" 1200
flip "$device/slots/a/uki.efi" $((0x40 + 24 + 64)) && changes "the PE checksum" ""
boot
[ "$(moved)" = "" ] || fail "the same bytes again have other registers"
echo "measured boot: ok"
