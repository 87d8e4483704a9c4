# shellcheck shell=bash
# The network of the quickstart: identities, an uplink that can be cut, the distributor. Sourced by run.sh.

trust_domain=quickstart.example
server_id=spiffe://$trust_domain/distributor
device_id=spiffe://$trust_domain/device/d1
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

# make_identities: one authority for the fleet, one that nobody trusts, and what each of them signed.
make_identities() {
  run "$here/svid.py" authority "$net/authority" "$trust_domain"
  run "$here/svid.py" svid "$net/server" "$net/authority" "$server_id"
  run "$here/svid.py" svid "$net/device" "$net/authority" "$device_id"
  run "$here/svid.py" svid "$net/expired/svid" "$net/authority" "$device_id" -1
  run "$here/svid.py" authority "$net/foreign" other.example
  run "$here/svid.py" svid "$net/stranger/svid" "$net/foreign" spiffe://other.example/device/d1
  run cp "$net/authority/bundle.json" "$net/stranger/svid/"
  # The stranger knows whom to talk to; the server does not know the stranger.
  python3 - "$net/foreign/bundle.json" "$net/stranger/svid/bundle.json" <<'END'
import json, sys
foreign, ours = (json.load(open(path)) for path in sys.argv[1:])
domains = {"other.example": foreign, "quickstart.example": ours}
json.dump({"trust_domains": domains}, open(sys.argv[2], "w"))
END
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
  show "$distributor" serve --config "$net/distributor.toml"
  "$distributor" serve --config "$net/distributor.toml" --json >"$net/ready" 2>"$net/distributor.log" &
  network_pids+=($!)
  wait_for '"port"' cat "$net/ready"
  sed 's/.*"port":\([0-9]*\).*/\1/' "$net/ready" >"$net/uplink/server"
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

# make_strangers: the device's configuration for whoever has no TPM of ours to open anything with.
make_strangers() {
  sed -e "s|\"\.\./\.\./\.\./\.\./|\"$device/|" -e "s|\"\.\./\.\./\.\./|\"$device/run/|" \
    -e "s|\"root.json\"|\"$device/run/root/etc/pawl/root.json\"|" -e '/^\[tpm\]/,$d' \
    "$device/run/root/etc/pawl/updater.toml" >"$net/stranger.toml"
}

# refused_stranger STATE TEXT: another SVID than the device's own, the same updater.
refused_stranger() {
  expect_refusal 23 "$2" "$device/run/root/usr/bin/pawl-updater" check \
    --config "$net/stranger.toml" --state "$1"
}
