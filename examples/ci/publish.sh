#!/usr/bin/env bash
# publish.sh RELEASE CEREMONY [SIGNED-COPY...]
# Collects what others have signed and publishes. Ends with 3 while a signature is missing, having changed
# nothing that devices see.
. "$(dirname "$0")/lib.sh"
release=${1:?publish.sh RELEASE CEREMONY} ceremony=${2:?publish.sh RELEASE CEREMONY}
shift 2
for copy in "$@"; do sign ceremony merge "$ceremony" --from "$copy"; done
sign ceremony check "$ceremony"
sign ceremony publish "$ceremony" --release "$release"
