#!/usr/bin/env bash
# ask-host.sh HOST CEREMONY SIGNED-COPY
# Has the host with the YubiHSM sign. It sees the ceremony file, judges it by its own ledger and configuration
# and sends back a copy with its signature; its token is never reachable from here.
set -euo pipefail
host=${1:?ask-host.sh HOST CEREMONY SIGNED-COPY} ceremony=${2:?} signed=${3:?}
words=$(pawl-signer ceremony show "$ceremony" --json | sed -n 's/.*"words":"\([a-z ]*\)".*/\1/p')
ssh "$host" sign "$words" <"$ceremony" >"$signed.new"
mv "$signed.new" "$signed"
