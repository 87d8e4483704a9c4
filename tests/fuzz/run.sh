#!/usr/bin/env bash
# Each fuzz target for SECONDS of wall time, starting from its corpus; new inputs go to build/fuzz only.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?tests/fuzz/run.sh SECONDS [TARGET...]}
shift
packaging/install-packages.sh build check test
cmake --preset fuzz -DBUILD_TESTING=ON >/dev/null
mapfile -t targets < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else basename -s .cpp tests/fuzz/fuzz_*.cpp; fi)
cmake --build build/fuzz -j "$(nproc)" --target "${targets[@]}" -- --quiet
total=0
for target in "${targets[@]}"; do
  parser=${target#fuzz_}
  found=build/fuzz/found/$parser
  mkdir -p "$found"
  log=build/fuzz/$target.log
  "build/fuzz/fuzz/$target" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$target-" "$found" "tests/fuzz/corpus/$parser" >"$log" 2>&1 ||
    { tail -n 30 "$log"; echo "$target: FAILED, input kept as build/fuzz/$target-*"; exit 1; }
  runs=$(awk '/stat::number_of_executed_units/ {print $2}' "$log")
  total=$((total + runs))
  echo "$target: $runs executions in $seconds s"
done
echo "${#targets[@]} targets, $total executions, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
