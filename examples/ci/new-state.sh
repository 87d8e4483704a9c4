#!/usr/bin/env bash
# new-state.sh FOLDER PIN-FILE
# A SoftHSM token with one key, ci, for a signing host that has no hardware: signer.toml, ledger and token in FOLDER.
set -euo pipefail
state=$(realpath -m "${1:?new-state.sh FOLDER PIN-FILE}") pin=$(realpath "${2:?new-state.sh FOLDER PIN-FILE}")
module=${PAWL_MODULE:-/usr/lib/softhsm/libsofthsm2.so}
[ ! -e "$state/signer.toml" ] || { echo "new-state: $state is there already" >&2; exit 2; }
mkdir -p "$state/tokens"
chmod 700 "$state"
printf 'directories.tokendir = %s/tokens\nlog.level = ERROR\n' "$state" >"$state/softhsm2.conf"
export SOFTHSM2_CONF="$state/softhsm2.conf"
# softhsm2-util asks twice for each PIN when it gets none on its command line
python3 - "$module" "$pin" <<'END'
import ctypes, pathlib, secrets, sys
module, pin = ctypes.CDLL(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes().rstrip(b"\n")
officer, label = secrets.token_hex(16).encode(), b"ci".ljust(32)
slot, count = (ctypes.c_ulong * 8)(), ctypes.c_ulong(8)
session = ctypes.c_ulong()
def call(name, *arguments):
    result = getattr(module, name)(*arguments)
    if result != 0:
        sys.exit(f"new-state: {name}: {result:#x}")
call("C_Initialize", None)
call("C_GetSlotList", 1, slot, ctypes.byref(count))
call("C_InitToken", ctypes.c_ulong(slot[0]), officer, len(officer), label)
call("C_GetSlotList", 1, slot, ctypes.byref(count))
call("C_OpenSession", ctypes.c_ulong(slot[0]), ctypes.c_ulong(6), None, None, ctypes.byref(session))
call("C_Login", session, ctypes.c_ulong(0), officer, len(officer))
call("C_InitPIN", session, pin, len(pin))
END
cd "$state"
pawl-signer key new ci --uri "pkcs11:token=ci?module-path=$module" --pin "file:$pin"
