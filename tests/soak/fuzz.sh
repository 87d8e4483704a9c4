#!/usr/bin/env bash
# Each fuzz target for ten minutes (PAWL_FUZZ_SECONDS) with sanitizers, from its corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/soak/lib.sh
seconds=${PAWL_FUZZ_SECONDS:-600}
tests/fuzz/run.sh "$seconds" | tee build/soak-fuzz.log
figure "$(tail -n 1 build/soak-fuzz.log | sed 's/, commit .*//') of $seconds s each, no crash"
