#!/usr/bin/env bash
# propose.sh RELEASE CEREMONY
# Writes down the release that `release build` made and adds the pipeline's own signature: one of two.
. "$(dirname "$0")/lib.sh"
release=${1:?propose.sh RELEASE CEREMONY} ceremony=${2:?propose.sh RELEASE CEREMONY}
sign ceremony new "$ceremony" --release "$release"
# No person reads here: this signature says that the release came out of this pipeline, nothing more.
sign ceremony sign "$ceremony" --words "$(words_of "$ceremony")" --key "${PAWL_CI_KEY:-ci}"
