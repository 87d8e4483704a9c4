# shellcheck shell=bash
# Tokens, keys and the repository of the quickstart. Sourced by run.sh.
#
# A token stands for a person or a machine that holds keys: three people sign root, an office signs
# targets, the build machine signs releases, a small server signs snapshot and timestamp.

softhsm=/usr/lib/softhsm/libsofthsm2.so
tokens=(alice bob carol office build online)

# make_pin FILE: a random PIN that only root reads. PINs travel in files and variables, never in argv.
make_pin() {
  (umask 077 && od -An -N6 -tu8 /dev/urandom | tr -dc 0-9 | cut -c1-12 >"$1")
}

# free_slot: the number of the slot in which SoftHSM makes the next token.
free_slot() {
  softhsm2-util --show-slots |
    awk '/^Slot/ { slot = $2 } $1 == "Initialized:" && $2 == "no" && !seen++ { print slot }'
}

# slot_of LABEL: the slot of a token.
slot_of() {
  softhsm2-util --show-slots |
    awk -v label="$1" '/^Slot/ { slot = $2 } $1 == "Label:" && $2 == label && !seen++ { print slot }'
}

# make_tokens: one SoftHSM token each, with its own PINs.
make_tokens() {
  local token
  mkdir -p "$work/tokens" "$work/pins"
  chmod 700 "$work/tokens" "$work/pins"
  printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
    "$work/tokens" >"$work/softhsm2.conf"
  export SOFTHSM2_CONF=$work/softhsm2.conf
  say "SOFTHSM2_CONF=${work#"$LIB_ROOT/"}/softhsm2.conf, PINs in ${work#"$LIB_ROOT/"}/pins"
  for token in "${tokens[@]}"; do
    make_pin "$work/pins/$token"
    make_pin "$work/pins/$token.so"
    SO=$(cat "$work/pins/$token.so") PIN=$(cat "$work/pins/$token")
    export SO PIN
    run_quiet pkcs11-tool --module "$softhsm" --slot "$(free_slot)" --init-token \
      --label "$token" --so-pin env:SO
    run_quiet pkcs11-tool --module "$softhsm" --slot "$(slot_of "$token")" --init-pin \
      --so-pin env:SO --pin env:PIN
  done
  unset SO PIN
}

# new_key NAME TOKEN: an Ed25519 key born in the token, never to leave it.
new_key() {
  run "$signer" key new "$1" --config "$work/signer.toml" \
    --uri "pkcs11:token=$2?module-path=$softhsm" --pin "file:$work/pins/$2"
}

# make_keys: one key per role and signer; no key serves two roles.
make_keys() {
  cat >"$work/signer.toml" <<END
# How this host reaches its keys; what a key may sign is said by the repository alone.
[products.$product]
vendor_id = "$vendor_id"
class_id = "$class_id"
hardware = ["$hardware"]
boot_profiles = ["efi-uki"]
phases = "none"
END
  new_key alice alice
  new_key bob bob
  new_key carol carol
  new_key targets office
  new_key release build
  new_key snapshot online
  new_key timestamp online
  run "$signer" key list --config "$work/signer.toml"
  say "asked back from a token: the private key is sensitive and can never be extracted"
  PIN=$(cat "$work/pins/build") run pkcs11-tool --module "$softhsm" --slot "$(slot_of build)" \
    --login --pin env:PIN --list-objects --type privkey
}

# make_repository: the first state of the TUF repository.
make_repository() {
  run "$signer" repo init "$repo" --config "$work/signer.toml" --root alice,bob,carol:2 \
    --targets targets --snapshot snapshot --timestamp timestamp --product "$product=release" \
    --ceiling "$product=8"
  run "$signer" verify "$repo"
}
