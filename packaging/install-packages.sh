#!/bin/sh
# Installs the Debian 12 packages Pawl needs, by name, and says which ones are missing first.
#   packaging/install-packages.sh [build|demo|test|e2e|bench|check]...      (default: build)
# build: compile the programs. demo: the quickstart. test: the test suite. e2e: the story on emulated
# machines. bench: the peers of bench/. check: clang tools.
set -eu

build="build-essential ccache cmake ninja-build pkg-config git ca-certificates python3
  libsodium-dev libssl-dev libp11-dev libp11-kit-dev libcli11-dev libtomlplusplus-dev libzstd-dev
  libnghttp2-dev libtss2-dev libboost1.81-dev libcurl4-openssl-dev
  libsqlite3-dev"
demo="softhsm2 opensc erofs-utils cryptsetup-bin busybox-static cpio zstd binutils systemd-boot-efi
  dpkg-dev xz-utils openssl swtpm swtpm-tools tpm2-tools libtss2-tcti-swtpm0"
test="catch2 scdoc man-db jq faketime python3-pytest python3-cryptography python3-requests python3-jsonschema
  python3-yaml python3-grpcio nginx-light swtpm swtpm-tools tpm2-tools libtss2-tcti-swtpm0
  libubootenv-tool grub-common grub-emu efibootmgr mtools dosfstools bsdutils systemd
  dpkg-dev lintian"
e2e="qemu-system-x86 ovmf mtools dosfstools e2fsprogs fdisk"
bench="bsdiff xdelta3 rdiff zstd lz4 erofs-utils time nginx-light"
check="clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev"

wanted=""
for set in "${@:-build}"; do
  case "$set" in
    build) wanted="$wanted $build" ;;
    demo) wanted="$wanted $demo" ;;
    test) wanted="$wanted $test" ;;
    e2e) wanted="$wanted $e2e" ;;
    bench) wanted="$wanted $bench" ;;
    check) wanted="$wanted $check" ;;
    *) echo "install-packages.sh: unknown set '$set' (build, demo, test, e2e, bench, check)" >&2; exit 2 ;;
  esac
done

missing=""
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "Debian packages: all present"
  exit 0
fi
echo "Debian packages to install:$missing"
if [ "$(id -u)" -ne 0 ]; then
  echo "install-packages.sh: not root; run: apt-get install$missing" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of names
apt-get install -y -qq --no-install-recommends $missing >/dev/null
