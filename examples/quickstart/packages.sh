#!/bin/bash
# Gets the Debian packages the firmware is made of, without installing any of them.
#
#   packages.sh --cache DIR [--arch amd64|arm64] [--refresh] [--extra PACKAGE]...
#
# Leaves DIR/<arch>/debs/*.deb and DIR/<arch>/packages.lock, one line per package and use:
#   <use> <name> <version> <sha256> <file>
# Uses: kernel, stub, initrd (both releases boot with these), root (in every release), extra (asked for
# with --extra, for roots that want more), and the pair old, new: packages of which Debian offers two
# versions now; the older goes into the first release, the newer into the later ones. While the lock and its files are whole, nothing is downloaded.
#
# apt runs with its own lists below DIR; the lists and packages of this machine are not touched.
# PAWL_DEBIAN_MIRROR, PAWL_SECURITY_MIRROR and PAWL_KEYRING name others than this machine uses.

here=$(cd "$(dirname "$0")" && pwd)
LIB_ROOT=${LIB_ROOT:-$(dirname "$(dirname "$here")")}
# shellcheck source=lib.sh
. "$here/lib.sh"

suite=bookworm
keyring=${PAWL_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
initrd="busybox-static cryptsetup-bin libcryptsetup12 libpopt0 libblkid1 libuuid1 libargon2-1
  libdevmapper1.02.1 libselinux1 libpcre2-8-0 libudev1 libjson-c5 libssl3 libc6"
root="base-files base-passwd busybox-static zlib1g libzstd1 libsodium23 libstdc++6 libgcc-s1"
# Sets of packages that must come in the same version each; every set with two versions is an update.
updates=("openssl libssl3" "ca-certificates" "tzdata" "libexpat1"
  "python3.11-minimal libpython3.11-minimal" "libc6 libc-bin")

cache="" arch=$(dpkg --print-architecture) refresh=no extra=""
while [ $# -gt 0 ]; do
  case "$1" in
    --cache) cache=$2 && shift 2 ;;
    --arch) arch=$2 && shift 2 ;;
    --refresh) refresh=yes && shift ;;
    --extra)
      case " $root ${updates[*]} $extra " in *" $2 "*) ;; *) extra="$extra $2" ;; esac
      shift 2
      ;;
    *) die "unknown argument '$1'" ;;
  esac
done
[ -n "$cache" ] || die "--cache DIR is missing"
case "$arch" in amd64 | arm64) ;; *) die "architecture '$arch' is neither amd64 nor arm64" ;; esac
mkdir -p "$cache/$arch/debs"
cache=$(cd "$cache/$arch" && pwd)
lock=$cache/packages.lock
conf=$cache/apt/apt.conf

# whole: the lock is there with all that is wanted, and every file in it has the bytes it names.
whole() {
  local name
  [ -s "$lock" ] || return 1
  for name in $extra; do grep -q "^extra $name " "$lock" || return 1; done
  awk '{ print $4 "  " $5 }' "$lock" | (cd "$cache/debs" && sha256sum --quiet --check) >/dev/null 2>&1
}

# host_mirror PATTERN: the first mirror this machine uses for a suite that matches PATTERN.
host_mirror() {
  apt-get indextargets --format '$(RELEASE) $(SITE)' 'Created-By: Packages' 2>/dev/null |
    awk -v want="$1" '$1 ~ want { print $2; exit }'
}

# configure_apt: an apt of our own below the cache, on the signed lists of Debian alone.
configure_apt() {
  local main=${PAWL_DEBIAN_MIRROR:-$(host_mirror "^$suite\$")}
  local security=${PAWL_SECURITY_MIRROR:-$(host_mirror "^$suite-security\$")}
  main=${main:-http://deb.debian.org/debian}
  security=${security:-http://deb.debian.org/debian-security}
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache" "$cache/apt/none"
  : >"$cache/apt/status"
  cat >"$cache/apt/sources.list" <<END
deb [signed-by=$keyring] $main $suite main
deb [signed-by=$keyring] $main $suite-updates main
deb [signed-by=$keyring] $security $suite-security main
END
  cat >"$conf" <<END
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Sandbox::User "root";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Cache "$cache/apt/cache";
Dir::Etc::SourceList "$cache/apt/sources.list";
Dir::Etc::SourceParts "$cache/apt/none";
Dir::Etc::Preferences "$cache/apt/none.pref";
Dir::Etc::PreferencesParts "$cache/apt/none";
Dir::State::Lists "$cache/apt/lists";
Dir::State::status "$cache/apt/status";
END
}

# read_offer: one query for every package; the functions below look at its table, a line per
# version, newest first: <name> <version> <sha256 from the signed list>.
read_offer() {
  # shellcheck disable=SC2086
  apt-cache -c "$conf" show $initrd $root $extra systemd-boot-efi "$1" ${updates[*]} |
    awk '$1 == "Package:" { name = $2 } $1 == "Version:" { version = $2 }
      $1 == "SHA256:" && !seen[name, version]++ { print name, version, $2 }' >"$cache/apt/offer"
}

# versions NAME: the versions Debian offers, newest first.
versions() { awk -v name="$1" '$1 == name { print $2 }' "$cache/apt/offer"; }

# digest NAME VERSION: the SHA-256 that the signed list names.
digest() { awk -v name="$1" -v version="$2" '$1 == name && $2 == version { print $3 }' "$cache/apt/offer"; }

newest() {
  local found
  found=$(versions "$1" | head -n 1)
  [ -n "$found" ] || die "Debian offers no package $1"
  printf '%s' "$found"
}

# older NAME...: the newest version below the current one that all of them have, or nothing.
older() {
  local name common
  common=$(versions "$1" | tail -n +2)
  for name in "$@"; do
    versions "$name" >"$cache/apt/versions"
    common=$(printf '%s\n' "$common" | grep -Fx -f "$cache/apt/versions" || true)
  done
  printf '%s' "$(printf '%s\n' "$common" | head -n 1)"
}

# kernel_package: the package that linux-image-cloud-<arch> stands for today.
kernel_package() {
  apt-cache -c "$conf" depends "linux-image-cloud-$arch" |
    awk '$1 == "Depends:" { print $2; exit }'
}

# deb_file NAME VERSION: how apt names the file.
deb_file() {
  local version=${2//:/%3a}
  (cd "$cache/debs" && ls "$1_${version}_"*.deb 2>/dev/null) | head -n 1
}

# have NAME VERSION: the file is there with the bytes of the signed list; a damaged one is removed.
have() {
  local file
  file=$(deb_file "$1" "$2")
  [ -n "$file" ] || return 1
  [ "$(sha256sum "$cache/debs/$file" | cut -d' ' -f1)" != "$(digest "$1" "$2")" ] || return 0
  rm -f "$cache/debs/$file"
  return 1
}

# fetch NAME=VERSION...: downloads those that are not there yet.
fetch() {
  local spec wanted=()
  for spec in "$@"; do
    have "${spec%%=*}" "${spec#*=}" || wanted+=("$spec")
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  show apt-get -c "$conf" download "${wanted[@]}"
  (cd "$cache/debs" && apt-get -c "$conf" -qq download "${wanted[@]}")
}

# add USE NAME VERSION: one line of the lock.
add() {
  have "$2" "$3" || die "$2 $3 is not in $cache/debs after its download"
  printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$(digest "$2" "$3")" "$(deb_file "$2" "$3")" >>"$lock.new"
}

# wanted_set VERSION NAME...: the names of one set, each with the version.
wanted_set() {
  local version=$1 name
  shift
  for name in "$@"; do printf '%s=%s ' "$name" "$version"; done
}

# fetch_all: everything in one download; when that fails, only what every release must have.
# Then an older version that the mirror lists but no longer holds costs one update, not the run.
fetch_all() {
  local name set must=() may=()
  for name in $kernel systemd-boot-efi $initrd $root $extra; do must+=("$name=$(newest "$name")"); done
  for set in "${updates[@]}"; do
    # shellcheck disable=SC2086,SC2207
    must+=($(wanted_set "$(newest ${set%% *})" $set))
    # shellcheck disable=SC2086,SC2207
    [ -z "$(older $set)" ] || may+=($(wanted_set "$(older $set)" $set))
  done
  fetch "${must[@]}" "${may[@]}" || fetch "${must[@]}" ||
    die "download failed; is the mirror in $cache/apt/sources.list right?"
}

# lock_fixed: the packages of which every release has the newest version.
lock_fixed() {
  local name
  add kernel "$kernel" "$(newest "$kernel")"
  add stub systemd-boot-efi "$(newest systemd-boot-efi)"
  for name in $initrd; do add initrd "$name" "$(newest "$name")"; done
  for name in $root; do add root "$name" "$(newest "$name")"; done
  for name in $extra; do add extra "$name" "$(newest "$name")"; done
}

# lock_updates: both versions where Debian has two that can be downloaded, else the one there is.
lock_updates() {
  local set name new old pairs=0
  for set in "${updates[@]}"; do
    # shellcheck disable=SC2086  # a set is a list of names
    new=$(newest ${set%% *}) old=$(older $set)
    # shellcheck disable=SC2046,SC2086
    if [ -n "$old" ] && fetch $(wanted_set "$old" $set); then
      say "update: $set $old -> $new"
      pairs=$((pairs + 1))
    else
      say "no update now: $set $new"
      old=$new
    fi
    for name in $set; do
      add old "$name" "$old"
      add new "$name" "$new"
    done
  done
  [ "$pairs" -gt 0 ] || die "Debian offers no two versions of any of: ${updates[*]};" \
    "two releases that differ by a real update cannot be made today"
}

if [ "$refresh" = no ] && whole; then
  say "packages: $(wc -l <"$lock") in $lock, all whole; nothing to download"
  exit 0
fi
need apt-get apt-cache dpkg-deb
# What was wanted extra before stays in the lock: several users share it.
[ ! -s "$lock" ] || for name in $(awk '$1 == "extra" { print $2 }' "$lock"); do
  case " $extra " in *" $name "*) ;; *) extra="$extra $name" ;; esac
done
[ -r "$keyring" ] || die "no $keyring; install debian-archive-keyring"
configure_apt
run apt-get -c "$conf" -qq update || die "apt cannot read its lists; see $cache/apt/sources.list"
kernel=$(kernel_package)
[ -n "$kernel" ] || die "Debian offers no linux-image-cloud-$arch"
read_offer "$kernel"
rm -f "$lock.new"
fetch_all
lock_fixed
lock_updates
mv "$lock.new" "$lock"
say "packages: $(wc -l <"$lock") in $lock, $(du -sh "$cache/debs" | cut -f1)"
