# What the scripts of this folder share. PAWL_STATE is the folder of the host that signs: signer.toml, its
# ledger, and for SoftHSM the token. It outlives the runner; a runner without it signs nothing.
set -euo pipefail
: "${PAWL_STATE:?the folder with signer.toml and the ledger of this host}"
config="$PAWL_STATE/signer.toml"
if [ -f "$PAWL_STATE/softhsm2.conf" ]; then export SOFTHSM2_CONF="$PAWL_STATE/softhsm2.conf"; fi

sign() { pawl-signer "$@" --config "$config"; }

# The twelve words of a ceremony file.
words_of() { sign ceremony show "$1" --json | sed -n 's/.*"words":"\([a-z ]*\)".*/\1/p'; }
