#!/usr/bin/env bash
# The only command the pipeline's SSH key may run on the host with the YubiHSM. In authorized_keys:
#   command="PAWL_STATE=/var/lib/pawl-signer /usr/lib/pawl/ci/sign-on-host.sh",restrict ssh-ed25519 AAAA... ci
# Standard input is a ceremony file, standard output the same file with this host's signature.
. "$(dirname "$0")/lib.sh"
request=${SSH_ORIGINAL_COMMAND:-}
[[ $request =~ ^sign\ ([a-z]+(\ [a-z]+){11})$ ]] || { echo "sign-on-host: not a request to sign" >&2; exit 2; }
words=${BASH_REMATCH[1]}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -c 1048577 >"$work/request.ceremony"
sign ceremony show "$work/request.ceremony" >&2
sign ceremony sign "$work/request.ceremony" --words "$words" --key "${PAWL_HOST_KEY:-yubihsm}" >&2
cat "$work/request.ceremony"
