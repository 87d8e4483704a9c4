#include "manifest/transparency.hpp"

#include <charconv>
#include <set>

#include "manifest/attack.hpp"
#include "manifest/fields.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxProof = std::size_t{64} * 1024;
constexpr std::size_t kMaxWitnesses = 32;
constexpr std::size_t kMaxHashes = 64;
constexpr std::string_view kProofHeader = "c2sp.org/tlog-proof@v1";

Error not_logged(Errc code, std::string what) {
  return refuse(Attack::kNotLogged, code, std::move(what));
}

/// The next line without its newline; `rest` moves behind it.
Result<std::string_view> next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos) return fail(Errc::kMalformed, "a line is missing");
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

/// Decimal without sign or leading zero.
Result<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() ||
      (text.size() > 1 && text.front() == '0')) {
    return fail(Errc::kMalformed, "not a number: " + printable(text));
  }
  return value;
}

Result<Sha256Digest> digest(std::string_view text) {
  Sha256Digest out;
  PAWL_TRY(const auto bytes, from_base64(text, out.bytes.size()));
  if (bytes.size() != out.bytes.size()) return fail(Errc::kMalformed, "a hash has not 32 bytes");
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

Result<NoteKey> parse_key(const json::Value& value, const std::string& where, NoteKeyType type) {
  PAWL_TRY(const auto fields, Fields::of(value, where));
  NoteKey out;
  out.type = type;
  PAWL_TRY(out.name, fields.text("name", kMaxName));
  if (out.name.find_first_of(" +\n") != std::string::npos) {
    return fields.bad("name", "holds a blank or a plus");
  }
  PAWL_TRY(const auto hex, fields.text("key", 64));
  PAWL_TRY(out.key, fixed_from_hex<Ed25519PublicKey>(hex));
  return out;
}

json::Object key_to_json(const NoteKey& key) {
  json::Object out;
  out.set("name", key.name);
  out.set("key", to_hex(key.key));
  return out;
}

struct Proof {
  std::uint64_t index = 0;
  std::vector<Sha256Digest> hashes;
  std::string_view checkpoint;
};

Result<Proof> parse_proof(std::string_view text) {
  if (text.size() > kMaxProof) return fail(Errc::kTooLarge, "transparency proof over 64 KiB");
  PAWL_TRY(const auto header, next_line(text));
  if (header != kProofHeader) return fail(Errc::kMalformed, "not a tlog-proof@v1");
  PAWL_TRY(auto line, next_line(text));
  if (line.starts_with("extra ")) {
    PAWL_TRY(line, next_line(text));
  }
  constexpr std::string_view kIndex = "index ";
  if (!line.starts_with(kIndex))
    return fail(Errc::kMalformed, "transparency proof lacks its index");
  Proof out;
  PAWL_TRY(out.index, decimal(line.substr(kIndex.size())));
  while (true) {
    PAWL_TRY(line, next_line(text));
    if (line.empty()) break;
    if (out.hashes.size() == kMaxHashes) return fail(Errc::kTooLarge, "over 64 hashes in a proof");
    PAWL_TRY(const auto hash, digest(line));
    out.hashes.push_back(hash);
  }
  out.checkpoint = text;
  return out;
}

Status check_proof(std::string_view text, const Sha256Digest& manifest, const LogPolicy& policy) {
  PAWL_TRY(const auto proof, parse_proof(text));
  PAWL_TRY(const auto head, verify_checkpoint(proof.checkpoint, policy));
  PAWL_TRY(const auto root,
           inclusion_root(proof.index, head.size, leaf_hash(release_leaf(manifest)), proof.hashes));
  if (root != head.root) {
    return not_logged(
        Errc::kHashMismatch,
        "transparency proof does not lead to the checkpoint of size " + std::to_string(head.size));
  }
  return Ok{};
}

}  // namespace

Result<LogPolicy> LogPolicy::parse(const json::Value& value) {
  PAWL_TRY(const auto fields, Fields::of(value, "policy: tlog"));
  PAWL_TRY(const auto log, fields.object("log"));
  LogPolicy out;
  PAWL_TRY(out.log, parse_key(json::Value(log.members()), log.where(), NoteKeyType::kEd25519));
  PAWL_TRY(const auto* witnesses, fields.array("witnesses", kMaxWitnesses));
  std::set<Ed25519PublicKey> keys;
  for (const auto& item : *witnesses) {
    PAWL_TRY(auto witness, parse_key(item, "policy: witness", NoteKeyType::kCosignature));
    if (!keys.insert(witness.key).second) return fields.bad("witnesses", "names one key twice");
    out.witnesses.push_back(std::move(witness));
  }
  PAWL_TRY(const auto quorum,
           fields.integer("quorum", 0, static_cast<std::int64_t>(out.witnesses.size())));
  out.quorum = static_cast<unsigned>(quorum);
  return out;
}

json::Object LogPolicy::to_json() const {
  json::Array list;
  for (const auto& witness : witnesses) list.emplace_back(key_to_json(witness));
  json::Object out;
  out.set("log", key_to_json(log));
  out.set("witnesses", std::move(list));
  out.set("quorum", static_cast<std::int64_t>(quorum));
  return out;
}

Result<Checkpoint> Checkpoint::parse(std::string_view text) {
  Checkpoint out;
  PAWL_TRY(const auto origin, next_line(text));
  if (origin.empty() || origin.size() > kMaxName) {
    return fail(Errc::kMalformed, "checkpoint has no origin");
  }
  out.origin = std::string(origin);
  PAWL_TRY(const auto size, next_line(text));
  PAWL_TRY(out.size, decimal(size));
  PAWL_TRY(const auto root, next_line(text));
  PAWL_TRY(out.root, digest(root));
  return out;  // extension lines are signed and mean nothing to us
}

std::string Checkpoint::serialise() const {
  return origin + "\n" + std::to_string(size) + "\n" + to_base64(root.bytes) + "\n";
}

Result<Checkpoint> verify_checkpoint(std::string_view note, const LogPolicy& policy) {
  PAWL_TRY(const auto parsed, Note::parse(note));
  if (!parsed.signed_by(policy.log)) {
    return not_logged(Errc::kBadSignature,
                      "checkpoint is not signed by log " + printable(policy.log.name));
  }
  unsigned seen = 0;
  for (const auto& witness : policy.witnesses) seen += parsed.signed_by(witness) ? 1U : 0U;
  if (seen < policy.quorum) {
    return not_logged(Errc::kBadSignature,
                      std::to_string(seen) + " witnesses cosigned the checkpoint, the quorum is " +
                          std::to_string(policy.quorum));
  }
  PAWL_TRY(auto head, Checkpoint::parse(parsed.text()));
  if (head.origin != policy.log.name) {
    return not_logged(Errc::kBadSignature, "checkpoint is of log " + printable(head.origin));
  }
  return head;
}

Bytes release_leaf(const Sha256Digest& manifest) {
  constexpr std::string_view kPrefix = "pawl-release-v1\n";
  Bytes out(kPrefix.begin(), kPrefix.end());
  out.insert(out.end(), manifest.bytes.begin(), manifest.bytes.end());
  return out;
}

Status verify_release_proof(std::string_view proof, const Sha256Digest& manifest,
                            const LogPolicy& policy) {
  auto checked = check_proof(proof, manifest, policy);
  if (checked) return checked;
  auto error = std::move(checked).error();
  error.set_attack(attack_name(Attack::kNotLogged));
  return error;
}

Result<Logged> judge_logged(LogMode mode, const std::optional<Bytes>& proof,
                            const Sha256Digest& manifest, const std::optional<LogPolicy>& policy) {
  if (mode == LogMode::kOff) return Logged::kNotProved;
  Status checked = Ok{};
  if (!policy) {
    checked = not_logged(Errc::kConfig, "policy.json of this repository names no log");
  } else if (!proof) {
    checked = not_logged(Errc::kBadSignature, "release comes without a transparency proof");
  } else {
    checked = verify_release_proof(as_text(*proof), manifest, *policy);
  }
  if (checked) return Logged::kProved;
  if (mode == LogMode::kWarn) return Logged::kNotProved;
  return std::move(checked).error();
}

}  // namespace pawl::manifest
