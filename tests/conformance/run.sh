#!/usr/bin/env bash
# Runs the public TUF conformance suite against pawl-tuf-client; every test must pass, and there is
# no list of expected failures.
#   tests/conformance/run.sh CLIENT [pytest arguments]
# PAWL_TUF_CONFORMANCE_SRC is a folder with source trees of tuf-conformance, python-tuf (5.1 or
# later) and securesystemslib, in any folder names that end so. Debian packages: python3-pytest
# python3-cryptography python3-requests faketime. Without them: exit 77, skipped, unless
# PAWL_REQUIRE contains "conformance".
set -euo pipefail
client=$(readlink -f "$1")
shift
skip() {
  echo "skipped: $1" >&2
  [[ ",${PAWL_REQUIRE:-}," == *,conformance,* ]] && exit 1
  exit 77
}
[[ -n ${PAWL_TUF_CONFORMANCE_SRC:-} ]] || skip "PAWL_TUF_CONFORMANCE_SRC is not set"
command -v faketime >/dev/null || skip "faketime is not installed"
python=/usr/bin/python3
"$python" -c 'import pytest, cryptography, requests' 2>/dev/null ||
  skip "python3-pytest, python3-cryptography or python3-requests is not installed"
find_tree() {
  local tree
  tree=$(find "$PAWL_TUF_CONFORMANCE_SRC" -maxdepth 1 -mindepth 1 -name "*$1" | sort | head -n 1)
  [[ -n $tree ]] || skip "no folder *$1 in $PAWL_TUF_CONFORMANCE_SRC"
  readlink -f "$tree"
}
suite=$(find_tree tuf-conformance)
tuf=$(find_tree python-tuf)
library=$(find_tree securesystemslib)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Debian 12's python3-cryptography lacks two type aliases that securesystemslib imports
cat >"$work/sitecustomize.py" <<'PY'
try:
    import cryptography.hazmat.primitives.asymmetric.types as types
    for new, old in (("PrivateKeyTypes", "PRIVATE_KEY_TYPES"), ("PublicKeyTypes", "PUBLIC_KEY_TYPES")):
        if not hasattr(types, new):
            setattr(types, new, getattr(types, old))
except ImportError:
    pass
PY
cd "$suite"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work:$tuf:$library:$suite
"$python" -m pytest tuf_conformance -q -p no:cacheprovider --entrypoint "$client" "$@"
