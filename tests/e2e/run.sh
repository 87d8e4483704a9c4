#!/bin/bash
# One device on real firmware: QEMU with OVMF and a TPM emulator, systemd-boot, Debian's kernel, a
# verity root with our own programs inside; updates, crashes, power cuts and attacks.
#
#   run.sh [--work DIR] [--keep-releases]
#
#   --work           folder for everything (build/e2e)
#   --keep-releases  take the signed releases of the last run when there are any
#
# Needs Debian 12 and root rights, for the packages it installs, which it names. No KVM: the
# processor is emulated, so that the run does not depend on the machine. Prints a line per step,
# then three tables; they stay in DIR/report.txt, the serial logs and event logs in DIR/logs.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=build/e2e keep=no
while [ $# -gt 0 ]; do
  case "$1" in
    --work) work=$2 && shift 2 ;;
    --keep-releases) keep=yes && shift ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
mkdir -p "$work"

packaging/install-packages.sh build demo test e2e
python3 -B tests/e2e/parts_test.py 2>&1 | tail -n 3
cmake --preset release -DBUILD_TESTING=ON >/dev/null
cmake --build build/release -j "$(nproc)" --target programs e2e_pcrs -- --quiet
if [ "$keep" = no ] || [ ! -d "$work/manifests" ]; then
  echo "releases: keys, firmware, signed repository; see $work/releases.log"
  tests/e2e/releases.sh --work "$work" >"$work/releases.log" 2>&1 || {
    tail -n 30 "$work/releases.log" >&2
    exit 1
  }
fi
exec python3 -B tests/e2e/story.py --work "$work" --programs build/release
