#!/usr/bin/env bash
# The choice of packages: two versions where Debian has two, a clear refusal where it has none,
# nothing used that differs from the signed list. apt is played by two small scripts.
# shellcheck source=tiny.sh
. "$(dirname "$0")/tiny.sh"
bin=$work/bin pool=$work/pool
mkdir -p "$bin" "$pool"
touch "$work/offer" "$work/calls" "$work/keyring"

# offer NAME VERSION: Debian has this version; older ones must be offered after newer ones.
offer() {
  local file=$pool/$1_${2//:/%3a}_$arch.deb
  printf '%s %s' "$1" "$2" >"$file"
  printf 'Package: %s\nVersion: %s\nSHA256: %s\n\n' "$1" "$2" \
    "$(sha256sum "$file" | cut -d' ' -f1)" >>"$work/offer"
}
cat >"$bin/apt-cache" <<END
#!/bin/bash
case "\$3" in
  depends) printf '%s\n  Depends: linux-image-test\n' "\$4" ;;
  show) for name in "\${@:4}"; do
    awk -v name="\$name" 'BEGIN { RS = ""; ORS = "\n\n" } \$2 == name' "$work/offer"; done ;;
esac
END
cat >"$bin/apt-get" <<END
#!/bin/bash
echo "\$*" >>"$work/calls"
case "\$1" in indextargets) exit 0 ;; esac
case "\$4" in
  update) exit 0 ;;
  download) for spec in "\${@:5}"; do
    version=\${spec#*=}
    cp "$pool/\${spec%%=*}_\${version//:/%3a}_$arch.deb" . || exit 100; done ;;
esac
END
chmod +x "$bin/apt-cache" "$bin/apt-get"
export PATH=$bin:$PATH PAWL_KEYRING=$work/keyring

packages() { "$qs/packages.sh" --cache "$cache" "$@"; }
locked() { awk '{ print $1, $2, $3 }' "$lock" | grep -E '^(old|new) ' | sort | tr '\n' ';'; }
fixed="linux-image-test systemd-boot-efi busybox-static cryptsetup-bin libcryptsetup12 libpopt0
  libblkid1 libuuid1 libargon2-1 libdevmapper1.02.1 libselinux1 libpcre2-8-0 libudev1 libjson-c5
  base-files base-passwd zlib1g libzstd1 libsodium23 libstdc++6 libgcc-s1"
for name in $fixed; do offer "$name" 1:1; done
for name in ca-certificates tzdata libexpat1 python3.11-minimal libpython3.11-minimal libc6 libc-bin \
  openssl libssl3; do offer "$name" 2; done

echo "- no package in two versions: refused, nothing left that looks finished"
expect 1 "Debian offers no two versions of any of: openssl libssl3" packages
[ ! -e "$lock" ] || fail "a lock was written"

echo "- the older version must exist for every package of a set; the newest older one is taken"
offer openssl 1.9
offer openssl 1.8
offer libssl3 1.8
offer libssl3 1.7
offer tzdata 1:1.5
offer python3.11-minimal 1.2
packages >"$work/log" 2>&1 || fail "$(cat "$work/log")"
want="new ca-certificates 2;new libc-bin 2;new libc6 2;new libexpat1 2;new libpython3.11-minimal 2;"
want+="new libssl3 2;new openssl 2;new python3.11-minimal 2;new tzdata 2;"
want+="old ca-certificates 2;old libc-bin 2;old libc6 2;old libexpat1 2;old libpython3.11-minimal 2;"
want+="old libssl3 1.8;old openssl 1.8;old python3.11-minimal 2;old tzdata 1:1.5;"
[ "$(locked)" = "$want" ] || fail "locked: $(locked)"
grep -qx "update: openssl libssl3 1.8 -> 2" "$work/log" || fail "$(cat "$work/log")"
[ "$(awk '$1 == "kernel" { print $2, $3 }' "$lock")" = "linux-image-test 1:1" ] || fail "kernel"

echo "- a second run asks nobody; a damaged file alone is downloaded again"
: >"$work/calls"
expect 0 "nothing to download" packages
[ ! -s "$work/calls" ] || fail "asked apt: $(cat "$work/calls")"
flip "$cache/$arch/debs/tzdata_2_$arch.deb" 3
packages >/dev/null 2>&1 || fail "no second download"
[ "$(grep -c download "$work/calls")" -eq 1 ] || fail "$(cat "$work/calls")"
grep -q 'download tzdata=2$' "$work/calls" || fail "$(cat "$work/calls")"
expect 0 "nothing to download" packages

echo "- an extra package is added once, and stays for the next user of the cache"
extras() { awk '$1 == "extra" { print $2 }' "$lock" | sort | tr '\n' ';'; }
offer libcurl4 3
offer libedit2 4
packages --extra libcurl4 --extra libcurl4 --extra libc6 >"$work/log" 2>&1 || fail "$(cat "$work/log")"
[ "$(extras)" = "libcurl4;" ] || fail "extras: $(extras)"  # libc6 is in every root anyway
expect 0 "nothing to download" packages
packages --extra libedit2 >"$work/log" 2>&1 || fail "$(cat "$work/log")"
[ "$(extras)" = "libcurl4;libedit2;" ] || fail "extras: $(extras)"
expect 0 "nothing to download" packages --extra libcurl4
expect 1 "Debian offers no package libnone" packages --extra libnone

echo "- an older version that is listed but not served costs one update, not the run"
rm "$pool/openssl_1.8_$arch.deb" "$cache/$arch/debs/openssl_1.8_$arch.deb"
packages --refresh >"$work/log" 2>&1 || fail "$(cat "$work/log")"
grep -qx "no update now: openssl libssl3 2" "$work/log" || fail "$(cat "$work/log")"
grep -qx "update: tzdata 1:1.5 -> 2" "$work/log" || fail "$(cat "$work/log")"

echo "- a file that differs from the signed list is never used; a missing package is named"
printf 'something else' >"$pool/zlib1g_1%3a1_$arch.deb"
rm "$cache/$arch/debs/zlib1g_1%3a1_$arch.deb"
expect 1 "zlib1g 1:1 is not in" packages
rm "$pool/libexpat1_2_$arch.deb" "$cache/$arch/debs/libexpat1_2_$arch.deb"
expect 1 "download failed" packages
sed -i '/^Package: libexpat1/,/^$/d' "$work/offer"
expect 1 "Debian offers no package libexpat1" packages
expect 1 "no $work/none" env PAWL_KEYRING="$work/none" "$qs/packages.sh" --cache "$cache"
expect 1 "unknown argument" packages --all
echo "packages: all as expected"
