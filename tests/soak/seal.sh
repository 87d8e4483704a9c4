#!/bin/bash
# Cuts the power at every durable operation and inside every TPM command of an update, over a TPM emulator.
# Prints one line: date, commit, cuts, boots, checks.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$root/build/release/tests/integration_sealed
[ -x "$program" ] || { echo "seal: build the target integration_sealed first" >&2; exit 2; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! PAWL_SEAL_FULL=1 "$program" "[powercut]" >"$log" 2>&1; then
  grep -v '^\.\.\.' "$log" | tail -60 >&2
  exit 1
fi
sum() { grep -o "[0-9]* $1" "$log" | awk '{n += $1} END {print n + 0}'; }
echo "$(date -u +%F) $(git -C "$root" rev-parse --short HEAD) seal: $(sum cuts) cuts, $(sum boots) boots, $(sum checks) checks, all right"
