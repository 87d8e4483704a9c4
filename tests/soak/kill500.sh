#!/usr/bin/env bash
# SIGKILL of the real updater and the real signer at random moments, 500 rounds each (PAWL_KILL_ROUNDS).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/soak/lib.sh
export PAWL_KILL_ROUNDS=${PAWL_KILL_ROUNDS:-500}
packaging/install-packages.sh build test
cmake --preset release -DBUILD_TESTING=ON >/dev/null
cmake --build build/release -j "$(nproc)" --target integration_updater pawl-signer -- --quiet
build/release/tests/integration_updater "[kill]" | tee build/soak-kill500.log | grep '^kill:'
python3 tests/integration/signer_test.py build/release/bin \
  Repository.test_killed_at_any_moment_the_repository_verifies_and_the_next_run_completes
killed=$(awk '/^kill: .* killed in / {n += $2} END {print n + 0}' build/soak-kill500.log)
figure "$PAWL_KILL_ROUNDS rounds of updater and of signer, updater hit in $killed; nothing lost, all completed"
