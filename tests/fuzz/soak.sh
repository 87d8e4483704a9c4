#!/usr/bin/env bash
# Each fuzz target until it has used SECONDS of CPU time, one after the other, at the lowest priority. One
# line per target goes to build/fuzz/soak.log and to standard output: date, commit, target, executions, CPU
# seconds, new inputs. Found inputs stay in build/fuzz/found and are used again.
#   tests/fuzz/soak.sh SECONDS [TARGET...]     the targets of the trust core unless others are named
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?tests/fuzz/soak.sh SECONDS [TARGET...]}
shift
trust=(json envelope root timestamp snapshot targets release policy floors tlog_proof pawl_bundle payload_index)
targets=("${@:-${trust[@]}}")
cmake --preset fuzz -DBUILD_TESTING=ON >/dev/null
nice -n 19 cmake --build build/fuzz -j "${JOBS:-1}" --target "${targets[@]/#/fuzz_}" -- --quiet
commit=$(git rev-parse --short HEAD)
[ -z "$(git status --porcelain -- base manifest payload tests/fuzz)" ] || commit="$commit+"
log=build/fuzz/soak.log
for target in "${targets[@]}"; do
  found=build/fuzz/found/$target
  mkdir -p "$found"
  executions=0 used=0 before=$(find "$found" -type f | wc -l)
  # libFuzzer limits wall time only, and a busy machine gives less CPU than that: repeat what is missing
  while [ "$used" -lt "$seconds" ]; do
    run=build/fuzz/soak-$target.txt
    { time nice -n 19 "build/fuzz/fuzz/fuzz_$target" -max_total_time=$((seconds - used)) -rss_limit_mb=512 \
        -timeout=25 -print_final_stats=1 -artifact_prefix="build/fuzz/$target-" "$found" \
        "tests/fuzz/corpus/$target" >"$run" 2>&1; } 2>"$run.time" ||
      { tail -n 30 "$run"; echo "$target: FAILED, input kept as build/fuzz/$target-*"; exit 1; }
    executions=$((executions + $(awk '/stat::number_of_executed_units/ {print $2}' "$run")))
    used=$((used + $(awk '/^(user|sys)/ {split($2, t, "[ms]"); s += 60 * t[1] + t[2]} END {print int(s) + 1}' "$run.time")))
  done
  echo "$(date -u +%FT%TZ) commit=$commit target=$target executions=$executions cpu_s=$used" \
    "new=$(($(find "$found" -type f | wc -l) - before))" | tee -a "$log"
done
