#!/usr/bin/env bash
# Builds and runs the tests.
#   tests/run.sh                  everything of the default tier, from nothing, on a fresh Debian 12
#   tests/run.sh --quick ROOM     build one room and run its unit tests
#   tests/run.sh --mutants [ROOM[/NAME]...] [--part K/N | --rotate N]
#                                 apply every mutant in turn; some test must fail for each
#   tests/run.sh --fuzz SECONDS   each fuzz target for that long (clang)
#   tests/run.sh --hardware       pawl-signer on a token of yours (PAWL_TEST_PKCS11_MODULE, _URI, _PIN)
#   tests/run.sh --interop        python-tuf and go-tuf with ours, both ways; fetches both
#   tests/run.sh --asan           unit tests under AddressSanitizer and UBSan
#   tests/run.sh --e2e            the whole update on real firmware, in QEMU
#   tests/run.sh --soak [NAME]    a long test by hand, tests/soak/NAME.sh; without a name lists them
#   tests/run.sh --list           what there is
set -euo pipefail
cd "$(dirname "$0")/.."
export CTEST_OUTPUT_ON_FAILURE=1
jobs=$(nproc)

configure() { cmake --preset "$1" -DBUILD_TESTING=ON "${@:2}" >/dev/null; }  # the quickstart builds no tests

report() {  # reads ctest's log and prints the closing line
  local log=$1 passed failed skipped
  passed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$log" || true)
  skipped=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*(Skipped|Not Run)' "$log" || true)
  failed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*(Failed|Timeout|Exception)' "$log" || true)
  grep -E '\*\*\*(Skipped|Not Run)' "$log" | sed 's/^/skipped: /' || true
  echo "$passed passed, $failed failed, $skipped skipped"
}

# Tests that need data from outside are a tier of their own: they run when their variable names it.
outside() {
  local left=none
  [ -n "${PAWL_VECTORS:-}" ] || left="$left|vectors"
  [ -n "${PAWL_TUF_CONFORMANCE_SRC:-}" ] || left="$left|conformance"
  [ -n "${PAWL_TEST_PKCS11_MODULE:-}" ] || left="$left|^token$"
  case ",${PAWL_REQUIRE:-}," in
    *,vectors,*) left=${left/|vectors/} ;;
  esac
  case ",${PAWL_REQUIRE:-}," in
    *,conformance,*) left=${left/|conformance/} ;;
  esac
  echo "$left"
}

default_tier() {
  packaging/install-packages.sh build demo test
  configure release
  echo "building build/release"
  cmake --build build/release -j "$jobs" -- --quiet
  local log=build/release/tests.log status=0
  ctest --test-dir build/release -LE "$(outside)" -j "$jobs" --timeout 600 >"$log" 2>&1 || status=$?
  grep -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test .* Passed )' "$log" | grep -vE '^\s*$' || true
  [ -n "${PAWL_VECTORS:-}" ] || echo "own tier, not run: outside test vectors (set PAWL_VECTORS to their folder)"
  [ -n "${PAWL_TUF_CONFORMANCE_SRC:-}" ] ||
    echo "own tier, not run: TUF conformance suite (set PAWL_TUF_CONFORMANCE_SRC to its folder)"
  [ -n "${PAWL_TEST_PKCS11_MODULE:-}" ] ||
    echo "own tier, not run: a real token (tests/run.sh --hardware says how)"
  report "$log"
  return "$status"
}

quick() {
  local room=${1:?tests/run.sh --quick ROOM} name=${1//-/_}
  configure release
  cmake --build build/release -j "$jobs" --target "unit_$name" -- --quiet
  "build/release/tests/unit_$name" | tail -n 4
  echo "room $room: unit tests passed"
}

list_soaks() {
  local script
  for script in tests/soak/*.sh; do
    [ -x "$script" ] && printf '%-12s %s\n' "$(basename "$script" .sh)" "$(sed -n '2s/^# //p' "$script")"
  done
  return 0
}

soak() {
  local name=$1
  case "$name" in *[!a-z0-9-]*) name=- ;; esac
  [ -x "tests/soak/$name.sh" ] && exec "tests/soak/$name.sh" "${@:2}"
  echo "tests/run.sh: there is no soak test '$1'; there are:" >&2
  list_soaks >&2
  exit 2
}

case "${1:-}" in
  "") default_tier ;;
  --quick) quick "${2:-}" ;;
  --mutants) shift; exec tests/mutants/run.py "$@" ;;
  --fuzz) exec tests/fuzz/run.sh "${2:?tests/run.sh --fuzz SECONDS}" ;;
  --interop)
    configure release
    cmake --build build/release -j "$jobs" --target pawl-signer pawl-tuf-client -- --quiet
    exec tests/interop/run.sh
    ;;
  --asan)
    packaging/install-packages.sh build demo test
    configure asan
    cmake --build build/asan -j "$jobs" -- --quiet
    ctest --test-dir build/asan -L unit -j "$jobs" --timeout 600 | tail -n 15
    ;;
  --hardware)
    configure release
    cmake --build build/release -j "$jobs" --target pawl-signer -- --quiet
    exec tests/integration/token_test.py build/release/bin
    ;;
  --e2e) exec tests/e2e/run.sh "${@:2}" ;;
  --soak) if [ $# -gt 1 ]; then soak "${@:2}"; else list_soaks; fi ;;
  --list) configure release && ctest --test-dir build/release -N ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
