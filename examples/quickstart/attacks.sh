# shellcheck shell=bash
# Attacks on the repository of the quickstart, each undone after its refusal. Sourced by run.sh.

# newest PATTERN: the file of the repository that was published last.
newest() { find "$repo" -path "$repo/$1" | sort -V | tail -n 1; }

# flip FILE AFTER: changes one bit of the byte behind the first AFTER; a number is a position in the
# file, from its end when negative.
flip() {
  python3 - "$1" "$2" <<'END'
import sys
path, after = sys.argv[1:]
with open(path, "r+b") as file:
    data = file.read()
    try:
        at = int(after) % len(data)
    except ValueError:
        at = data.index(after.encode()) + len(after)
    file.seek(at)
    file.write(bytes([data[at] ^ 1]))
print(f"one bit flipped in {path}, byte {at} of {len(data)}")
END
}

# attack STATUS TEXT FILE AFTER [VERB]: one flipped bit in FILE must be refused so; then it is undone.
attack() {
  say
  flip "${3#"$LIB_ROOT/"}" "$4"
  refused "$1" "$2" "${5:-install}"
  flip "$3" "$4" >/dev/null
}

# blob VERSION COMPONENT index|container: the file of the repository that holds this part of a payload.
blob() {
  python3 - "$(newest "targets/releases/$product/$1/*.manifest.json")" "$2" "$3" <<'END'
import json, sys
manifest, name, part = sys.argv[1:]
with open(manifest, encoding="ascii") as file:
    release = json.load(file)
component = next(c for c in release["components"] if c["name"] == name)
print(manifest.split("/targets/")[0] + "/blobs/" + component["payloads"][0][part]["sha256"])
END
}

# changed_frame INDEX NEW OLD: a position in the container that the device must read when OLD is in
# the slot: the middle of the frame of the first window in which the two images differ.
changed_frame() {
  python3 - "$@" <<'END'
import struct, sys
index, new, old = (open(path, "rb").read() for path in sys.argv[1:])
window_log2, count = struct.unpack_from("<II", index, 8)
size = 1 << window_log2
changed = next(n for n in range(count) if new[n * size:][:size] != old[n * size:][:size])
offset, length = struct.unpack_from("<QI", index, 64 + 80 * changed + 64)
print(offset + length // 2)
END
}

# attack_payload COMPONENT IMAGE: a flipped bit in the index, then in the container of 1.3.0, which
# is to replace 1.2.0.
attack_payload() {
  local index container
  index=$(blob 1.3.0 "$1" index) container=$(blob 1.3.0 "$1" container)
  attack 15 "payload index of component $1" "$index" 200
  attack 15 "component $1: " "$container" \
    "$(changed_frame "$index" "$work/firmware/1.3.0/$2" "$work/firmware/1.2.0/$2")"
}
