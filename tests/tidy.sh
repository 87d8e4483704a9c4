#!/usr/bin/env bash
# clang-format and clang-tidy over the given sources, or:
#   tests/tidy.sh --changed REV [--tenth K]   files changed since REV, plus every tenth file from K on
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t all < <(git ls-files '*.cpp' | grep -v '^tests/')
files=()
if [ "${1:-}" = --changed ]; then
  mapfile -t files < <(git diff --name-only --diff-filter=d "${2:?REV}" -- '*.cpp' | grep -v '^tests/' || true)
  if [ "${3:-}" = --tenth ]; then
    for ((i = ${4:?K} % 10; i < ${#all[@]}; i += 10)); do files+=("${all[$i]}"); done
  fi
else
  files=("$@")
fi
mapfile -t files < <(printf '%s\n' "${files[@]}" | sort -u | sed '/^$/d')
mapfile -t sources < <(git ls-files '*.cpp' '*.hpp' '*.h' | grep -v '^tests/mutants/')
clang-format-14 --dry-run --Werror "${sources[@]}"
echo "clang-format: ${#sources[@]} files"
[ ${#files[@]} -gt 0 ] || { echo "clang-tidy: no file"; exit 0; }
[ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build/dev --quiet \
  --extra-arg=-Wno-unknown-warning-option \
  --extra-arg=-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang >build/tidy.log 2>/dev/null || true
# The analyzer follows our coroutines into Boost's: what it says of a system header is not ours to mend.
if grep -E '(error|warning):' build/tidy.log | grep -v '^/usr/include/' | sort -u | head -n 40 | grep .; then exit 1; fi
echo "clang-tidy: ${#files[@]} files clean"
