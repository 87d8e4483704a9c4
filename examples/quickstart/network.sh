# shellcheck shell=bash
# The network of the quickstart: who gets an identity, an uplink that can be cut, the distributor. Sourced by run.sh.

trust_domain=quickstart.example
server_id=spiffe://$trust_domain/distributor
issuer_id=spiffe://$trust_domain/issuer
device_id=""
network_pids=()

stop_network() {
  local pid
  for pid in "${network_pids[@]}"; do kill "$pid" 2>/dev/null || true; done
}

# wait_for TEXT COMMAND...: until the command prints TEXT; gives up after 30 s.
wait_for() {
  local text=$1 tries=0
  shift
  until "$@" 2>/dev/null | grep -qF -- "$text"; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || die "waited in vain for '$text': $(quote "$@")"
    sleep 0.1
  done
}

# start_uplink: the device's way to the server, before there is one: its port lies in the image.
start_uplink() {
  mkdir -p "$net/uplink"
  echo up >"$net/uplink/state"
  show "$here/uplink.py" "$net/uplink"
  "$here/uplink.py" "$net/uplink" &
  network_pids+=($!)
  wait_for "" cat "$net/uplink/port"
  uplink_port=$(cat "$net/uplink/port")
}
cut_uplink_after() { echo "$1" >"$net/uplink/state" && say "-- the uplink will be cut after $1 bytes more"; }
restore_uplink() { echo up >"$net/uplink/state" && say "-- the uplink is back"; }

# issuer_config FILE DOMAIN FOLDER: an issuer of this trust domain.
issuer_config() {
  cat >"$1" <<CONFIG
[server]
listen = "127.0.0.1:0"

[identity]
domain = "$2"

[authority]
folder = "$3/ca"

[ek]
folder = "$3/eks"
CONFIG
}
issuer() { run "$issuer" "$@" --config "$net/issuer.toml"; }

# start_issuer: the fleet's authority, which gives SVIDs to TPMs that somebody listed and to nobody
# else; a program without a TPM gets its SVID by hand.
start_issuer() {
  issuer_config "$net/issuer.toml" "$trust_domain" "$net/issuer"
  run cat "$net/issuer.toml"
  issuer ca new
  issuer svid new --id "$server_id" --out "$net/server"
  show "$issuer" serve --config "$net/issuer.toml"
  "$issuer" serve --config "$net/issuer.toml" --json >"$net/issuer.ready" 2>"$net/issuer.log" &
  network_pids+=($!)
  wait_for '"port"' cat "$net/issuer.ready"
  issuer_port=$(port_in "$net/issuer.ready")
}
port_in() { sed 's/.*"port":\([0-9]*\).*/\1/' "$1"; }

# list_tpm: what the operator knows of a device from whoever built it: the key its TPM was born with.
list_tpm() {
  export TPM2TOOLS_TCTI=swtpm:path=$device/tpm/sock
  run tpm2_createek -Q -G rsa -c "$net/ek.context" -u "$net/ek.pub"
  run tpm2_flushcontext -t
  unset TPM2TOOLS_TCTI
  issuer ek add "$net/ek.pub" --note "quickstart device"
  device_id=$("$issuer" ek list --json --config "$net/issuer.toml" |
    sed 's/.*"id":"\([^"]*\)".*/\1/')
}

# enroll: a quote and a secret that only this TPM can open, against an SVID for one hour.
enroll() {
  refused 23 "endorsement key" enroll
  list_tpm
  updater enroll
  run openssl x509 -in "$device/state/svid/svid.pem" -noout -dates -ext subjectAltName
  issuer ek list
}

# start_distributor: serves $repo to devices of the trust domain.
start_distributor() {
  cat >"$net/distributor.toml" <<END
[device]
listen = "127.0.0.1:0"

[identity]
source = "files"
folder = "$net/server"

[repository]
path = "$repo"

[store]
path = "$net/distributor.db"

[admin]
socket = "$net/admin.socket"

[admit.fleet]
trust_domain = "$trust_domain"
id = "/device/*"
product = "$product"
END
  run cat "$net/distributor.toml"
  show "$distributor" serve --config "$net/distributor.toml" --log info
  "$distributor" serve --config "$net/distributor.toml" --log info --json >"$net/ready" 2>"$net/distributor.log" &
  network_pids+=($!)
  wait_for '"port"' cat "$net/ready"
  port_in "$net/ready" >"$net/uplink/server"
}
admin() { run "$distributor" "$@" --config "$net/distributor.toml"; }

# wait_offered VERSION: the distributor looks for new releases once a second.
wait_offered() { wait_for "$1" "$distributor" release list --config "$net/distributor.toml"; }

# knock_without_certificate: what somebody sees who only found the port.
knock_without_certificate() {
  printf 'GET /v1/metadata/timestamp.json HTTP/1.1\r\nHost: x\r\n\r\n' |
    openssl s_client -connect "127.0.0.1:$uplink_port" -tls1_3 -ign_eof -quiet 2>&1
}

# cut_off VERB...: no network; the running slot stays the primary one and nothing is on trial.
cut_off() {
  local updater
  updater_words "$@"
  expect_refusal 21 "127.0.0.1:$uplink_port" "${updater[@]}"
  case "$(cat "$device/boot/state")" in
    "primary=a trial=- tries=0 "*) ;;
    *) die "half an update is on trial" ;;
  esac
}

# make_strangers: two who come with the device's own program: one from the fleet of somebody else, one
# with what this device may have had yesterday. SVIDs as files, for who has no TPM of ours.
make_strangers() {
  sed -e "s|\"\.\./\.\./\.\./\.\./|\"$device/|" -e "s|\"\.\./\.\./\.\./|\"$device/run/|" \
    -e "s|\"root.json\"|\"$device/run/root/etc/pawl/root.json\"|" -e '/^\[tpm\]/,$d' \
    -e 's/^source = "issuer"/source = "files"/' -e "\\|$issuer_id|d" -e '/^bundle = /d' \
    -e "\\|^url = .*:$issuer_port\"|d" \
    "$device/run/root/etc/pawl/updater.toml" >"$net/stranger.toml"
  local other=$net/stranger/svid old=$net/expired/svid ca=$net/issuer/ca
  issuer_config "$net/other.toml" other.example "$net/other"
  run "$issuer" ca new --config "$net/other.toml"
  run "$issuer" svid new --id spiffe://other.example/sensor --out "$other" --config "$net/other.toml"
  # The stranger knows whom to talk to; the server does not know the stranger.
  printf '{"trust_domains":{"other.example":%s,"%s":%s}}\n' "$(cat "$other/bundle.json")" \
    "$trust_domain" "$(cat "$ca/bundle.json")" >"$net/bundles.json"
  run mv "$net/bundles.json" "$other/bundle.json"
  run mkdir -p "$old"
  run cp "$device/state/svid/key.pem" "$ca/bundle.json" "$old/"
  run openssl x509 -in "$device/state/svid/svid.pem" -x509toreq -copy_extensions copyall \
    -signkey "$old/key.pem" -out "$net/old.request"
  run openssl x509 -req -in "$net/old.request" -copy_extensions copyall -CA "$ca/ca.pem" \
    -CAkey "$ca/ca.key" -days -1 -out "$old/svid.pem"
}

# refused_stranger STATE ALERT REASON: another SVID than the device's own, the same updater. The server's
# log has the rule that failed.
refused_stranger() {
  expect_refusal 23 "TLS alert '$2'" "$device/run/root/usr/bin/pawl-updater" check \
    --config "$net/stranger.toml" --state "$1"
  wait_for "$3" cat "$net/distributor.log"
  run grep -F -- "$3" "$net/distributor.log"
}
