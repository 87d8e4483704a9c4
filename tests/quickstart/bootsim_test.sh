#!/usr/bin/env bash
# The boot simulator: which slot it starts from every boot state and every damage, what it stores.
# shellcheck source=tiny.sh
. "$(dirname "$0")/tiny.sh"
tiny_cache
firmware "$work/fw" 1.0.0:old 1.1.0:new >"$work/log" 2>&1 || fail "$(cat "$work/log")"
good=$work/good device=$work/device
mkdir -p "$good/boot" "$good/slots/a" "$good/slots/b"
cp "$work/fw/1.0.0/"{uki.efi,rootfs.img} "$good/slots/a/"
cp "$work/fw/1.1.0/"{uki.efi,rootfs.img} "$good/slots/b/"

# uki CMDLINE [LEAVE-OUT]: slot b gets a boot image with this command line, or without a section.
uki() {
  local dir=$work/uki boot=$work/fw/boot name sections=()
  mkdir -p "$dir"
  printf '%s' "$1" >"$dir/cmdline"
  echo 'ID=test' >"$dir/osrel"
  cp "$boot/initrd" "$dir/initrd"
  cp "$boot/vmlinuz" "$dir/linux"
  for name in osrel cmdline initrd linux; do
    [ "$name" = "${2:-}" ] || sections+=(".$name=$dir/$name")
  done
  "$qs/mkuki.py" --stub "$boot/stub" --out "$device/slots/b/uki.efi" "${sections[@]}"
}
hash=$(sed -n 's/^roothash=//p' "$work/fw/1.1.0/info")
tree=$(sed -n 's/^hashoffset=//p' "$work/fw/1.1.0/info")
words="roothash=$hash pawl.hashoffset=$tree"
at() { # at SECTION: where it lies in the boot image of slot b
  python3 -c "
import sys; sys.path.insert(0, '$qs'); import pe
data = open('$good/slots/b/uki.efi', 'rb').read()
print(next(s.raw_offset for s in pe.sections(data) if s.name == '$1'))"
}
initrd_at=$(at .initrd) kernel_at=$(at .linux)

# damage NAME: what has happened to slot b (or a) before power comes on.
damage() {
  local b=$device/slots/b
  case "$1" in
    none) ;;
    a-too) flip "$device/slots/a/rootfs.img" 9000 && flip "$b/rootfs.img" 9000 ;;
    root-data) flip "$b/rootfs.img" 9000 ;;
    root-tree) flip "$b/rootfs.img" $((tree + 4096 + 40)) ;;
    root-short) truncate -s 8192 "$b/rootfs.img" ;;
    root-gone) rm "$b/rootfs.img" ;;
    root-longer) head -c 100000 /dev/urandom >>"$b/rootfs.img" ;;
    uki-gone) rm "$b/uki.efi" ;;
    uki-short) truncate -s 3000 "$b/uki.efi" ;;
    uki-empty) : >"$b/uki.efi" ;;
    uki-longer) head -c 5000 /dev/zero >>"$b/uki.efi" ;;
    no-pe) flip "$b/uki.efi" 64 ;;
    initrd) flip "$b/uki.efi" $((initrd_at + 60)) ;;
    kernel) flip "$b/uki.efi" "$kernel_at" ;;
    other-root) cp "$good/slots/a/rootfs.img" "$b/rootfs.img" ;;
    other-uki) cp "$good/slots/a/uki.efi" "$b/uki.efi" ;;
    no-cmdline) uki "$words" cmdline ;;
    no-initrd) uki "$words" initrd ;;
    no-kernel) uki "$words" linux ;;
    no-osrel) uki "$words" osrel ;;
    no-hash) uki "console=ttyS0 pawl.hashoffset=$tree" ;;
    short-hash) uki "roothash=${hash%?} pawl.hashoffset=$tree" ;;
    no-offset) uki "roothash=$hash" ;;
    two-hashes) uki "$words roothash=$hash" ;;
    same-again) uki "quiet $words" ;;
    *) fail "no damage $1" ;;
  esac
}

# One row: exit status | slot that is up | state before | state after | damage | options | words said
rows="
0|a|primary=a trial=- tries=0 bad=-|same|none||the primary slot
0|b|primary=b trial=- tries=0 bad=-|same|none||the primary slot
0|b|primary=b trial=- tries=0 bad=a|same|none||the primary slot
0|b|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|none||on trial, tries 3
0|b|primary=a trial=b tries=1 bad=-|primary=a trial=b tries=0 bad=-|none||on trial, tries 1
0|a|primary=b trial=a tries=9 bad=-|primary=b trial=a tries=8 bad=-|none||on trial, tries 9
0|a|primary=a trial=b tries=0 bad=-|same|none||used up its tries
0|a|primary=a trial=b tries=0 bad=-|same|root-data||used up its tries
0|a|primary=a trial=b tries=3 bad=b|same|none||marked bad
0|a|primary=a trial=- tries=0 bad=b|same|none||the primary slot
3|-|primary=a trial=- tries=0 bad=a|same|none||primary slot a is marked bad
3|-|primary=a trial=- tries=0 bad=ab|same|none||primary slot a is marked bad
3|-|primary=a trial=b tries=0 bad=a|same|none||primary slot a is marked bad
0|b|primary=a trial=b tries=2 bad=a|primary=a trial=b tries=1 bad=a|none||on trial, tries 2
1|-|primary=b trial=- tries=0 bad=-|same|root-data||veritysetup
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|root-data||veritysetup
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|root-tree||veritysetup
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|root-short||veritysetup
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|root-gone||veritysetup
0|b|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|root-longer||up:
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|other-root||veritysetup
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|other-uki||veritysetup
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|uki-gone||No such file
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|uki-short||behind the end of the file
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|uki-empty||no MZ
0|b|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|uki-longer||up:
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|no-pe||no PE signature
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|initrd||zstd
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|kernel||no kernel with an EFI entry
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|no-cmdline||no section .cmdline
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|no-initrd||no section .initrd
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|no-kernel||no section .linux
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|no-osrel||no section .osrel
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|no-hash||no root hash
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|short-hash||no root hash
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|no-offset||no position of the hash tree
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|two-hashes||stands twice
0|b|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|same-again||up:
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=2 bad=-|none|--crash|never comes up
1|-|primary=a trial=- tries=0 bad=-|same|none|--crash|never comes up
0|a|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=0 bad=-|root-data|--cycles 4|used up its tries
1|-|primary=a trial=b tries=3 bad=-|primary=a trial=b tries=0 bad=-|root-data|--cycles 3|does not boot
1|-|primary=a trial=b tries=2 bad=-|primary=a trial=b tries=0 bad=-|none|--cycles 2 --crash|never comes up
1|-|primary=a trial=b tries=1 bad=-|primary=a trial=b tries=0 bad=-|a-too|--cycles 5|slot a does not boot
3|-|primary=a trial=a tries=1 bad=-|same|none||primary slot a on trial
3|-|primary=a trial=- tries=1 bad=-|same|none||without a trial slot
3|-|primary=c trial=- tries=0 bad=-|same|none||is not one line
3|-|primary=a trial=b tries=10 bad=-|same|none||is not one line
3|-|primary=a trial=b tries=-1 bad=-|same|none||is not one line
3|-|primary=a trial=b tries=1 bad=ba|same|none||is not one line
3|-|primary=a trial=b tries=1|same|none||is not one line
3|-|primary=a trial=b tries=1 bad=- |same|none||is not one line
3|-||same|none||is not one line
"

count=0
while IFS='|' read -r status up before after damage options words_said; do
  [ -n "$status" ] || continue
  rm -rf "$device"
  cp -r "$good" "$device"
  mkdir -p "$device/run/left"
  echo "slot=a boot_id=of-the-boot-before" >"$device/run/booted"
  printf '%s\n' "$before" >"$device/boot/state"
  [ "$after" != same ] || after=$before
  inode=$(stat -c %i "$device/boot/state")
  ln -f "$device/boot/state" "$work/held"  # so that a second replacement cannot get its number again
  damage "$damage"
  row="[$before] [$damage] [$options]"
  got=0
  # shellcheck disable=SC2086  # options are words
  "$qs/bootsim.py" "$device" $options >"$work/said" 2>&1 || got=$?
  [ "$got" -eq "$status" ] || fail "$row: exit status $got, not $status: $(cat "$work/said")"
  grep -qF -- "$words_said" "$work/said" || fail "$row: does not say '$words_said': $(cat "$work/said")"
  [ "$(cat "$device/boot/state")" = "$after" ] || fail "$row: stored $(cat "$device/boot/state")"
  [ "$(ls "$device/boot")" = state ] || fail "$row: left a file beside the state"
  if [ "$before" = "$after" ]; then
    [ "$(stat -c %i "$device/boot/state")" = "$inode" ] || fail "$row: wrote the state again"
  else
    [ "$(stat -c %i "$device/boot/state")" != "$inode" ] || fail "$row: wrote the state in place"
  fi
  [ ! -e "$device/run/left" ] || fail "$row: run/ outlived the power cycle"
  if [ "$up" = - ]; then
    [ ! -e "$device/run/booted" ] || fail "$row: says it is up"
  else
    grep -qE "^slot=$up boot_id=[0-9a-f-]{36}$" "$device/run/booted" || fail "$row: $(cat "$device/run/booted")"
    grep -q 'roothash=[0-9a-f]\{64\} pawl.hashoffset=' "$device/run/cmdline" || fail "$row: no command line"
    version=1.0.0
    [ "$up" = a ] || version=1.1.0
    grep -qx "VERSION_ID=$version" "$device/run/root/usr/lib/os-release" || fail "$row: another root"
    [ -x "$device/run/root/etc/pawl/health.d/20-agent" ] || fail "$row: no health checks of the image"
  fi
  count=$((count + 1))
done <<<"$rows"

echo "- two boots have two boot ids"
first=$("$qs/bootsim.py" "$good" 2>&1 || true)
printf 'primary=a trial=- tries=0 bad=-\n' >"$good/boot/state"
"$qs/bootsim.py" "$good" >/dev/null && first=$(cat "$good/run/booted")
"$qs/bootsim.py" "$good" >/dev/null && [ "$first" != "$(cat "$good/run/booted")" ] || fail "same boot id"

echo "- without a boot-state file, a device folder or with a wrong option nothing starts"
rm "$good/boot/state"
expect 3 "No such file" "$qs/bootsim.py" "$good"
expect 2 "existing device folder" "$qs/bootsim.py" "$work/none"
expect 2 "at least one cycle" "$qs/bootsim.py" "$good" --cycles 0
echo "bootsim: $count rows as expected"
