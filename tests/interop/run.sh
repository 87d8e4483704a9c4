#!/usr/bin/env bash
# Interoperation with python-tuf (PyPI) and go-tuf (Go proxy), both ways; its own tier, because it
# fetches them. Everything fetched stays under build/interop. Needs python3 with venv and Go 1.25.
#   tests/interop/run.sh [BUILD] [unittest arguments]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(readlink -f "${1:-build/release}")
shift || true
work=$PWD/build/interop
mkdir -p "$work"
skip() { echo "skipped: $1" >&2; exit 77; }
command -v go >/dev/null || skip "go is not installed"
if [ ! -x "$work/venv/bin/python" ]; then
  python3 -m venv "$work/venv" || skip "python3 has no venv"
fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'tuf==7.0.0' \
  'securesystemslib[crypto]==1.4.0' || skip "python-tuf cannot be fetched from PyPI"
export GOMODCACHE=$work/modules GOCACHE=$work/go-cache GOFLAGS=-buildvcs=false
(cd tests/interop/go && go build -modcacherw -o "$work/interop" .) || skip "go-tuf cannot be fetched"
exec "$work/venv/bin/python" tests/interop/interop.py "$build/bin" "$build/tests/pawl-tuf-client" \
  "$work/interop" "$@"
