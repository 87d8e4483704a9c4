#!/usr/bin/env bash
# One blob of 1 GiB (PAWL_BLOB_MIB) goes into pawl-vault by a pipe, parts of it come out, memory stays bounded.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/soak/lib.sh
export PAWL_BLOB_MIB=${PAWL_BLOB_MIB:-1024}
packaging/install-packages.sh build test
cmake --preset release -DBUILD_TESTING=ON >/dev/null
cmake --build build/release -j "$(nproc)" --target pawl-vault -- --quiet
begun=$(date +%s)
python3 tests/integration/vaultd_test.py build/release/bin \
  VaultProgram.test_a_large_blob_streams_in_bounded_memory_and_is_read_in_parts
figure "one blob of $PAWL_BLOB_MIB MiB put, five parts read, one flipped bit refused, below 24 MiB of memory, $(($(date +%s) - begun)) s"
