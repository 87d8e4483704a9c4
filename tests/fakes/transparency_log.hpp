#pragma once
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "fakes/signing_key.hpp"
#include "manifest/transparency.hpp"

namespace pawl::fakes {

inline manifest::NoteKey note_key(const SigningKey& key, const std::string& name,
                                  manifest::NoteKeyType type) {
  manifest::NoteKey out;
  out.name = name;
  out.type = type;
  const auto raw = fixed_from_hex<Ed25519PublicKey>(
      *key.key().to_json().find("keyval")->object()->find("public")->string());
  out.key = *raw;
  return out;
}

inline std::string line(const manifest::NoteKey& key, const Bytes& signature) {
  Writer blob;
  const auto id = key.id();
  blob.u32_be(id);
  blob.bytes(signature);
  return "\xe2\x80\x94 " + key.name + " " + manifest::to_base64(blob.view()) + "\n";
}

/// A log, its operator and three witnesses; quorum two. Without arguments it has five releases.
struct Log {
  SigningKey operator_key{"log"};
  manifest::NoteKey log =
      note_key(operator_key, "example.com/log", manifest::NoteKeyType::kEd25519);
  std::vector<SigningKey> witness_keys{SigningKey("w0"), SigningKey("w1"), SigningKey("w2")};
  std::vector<Sha256Digest> manifests;
  std::vector<Sha256Digest> leaves;
  manifest::LogPolicy policy;

  explicit Log(std::vector<Sha256Digest> digests = five()) : manifests(std::move(digests)) {
    policy.log = log;
    policy.quorum = 2;
    for (std::size_t i = 0; i < witness_keys.size(); ++i) {
      policy.witnesses.push_back(note_key(witness_keys[i], "witness" + std::to_string(i),
                                          manifest::NoteKeyType::kCosignature));
    }
    for (const auto& digest : manifests)
      leaves.push_back(manifest::leaf_hash(manifest::release_leaf(digest)));
  }
  static std::vector<Sha256Digest> five() {
    std::vector<Sha256Digest> out;
    for (int i = 0; i < 5; ++i) out.push_back(sha256(as_bytes("manifest " + std::to_string(i))));
    return out;
  }
  /// Root of leaves [from, to), by the definition of RFC 6962.
  [[nodiscard]] Sha256Digest root(std::size_t from, std::size_t to) const {
    if (to - from == 1) return leaves[from];
    std::size_t half = 1;
    while (half * 2 < to - from) half *= 2;
    return manifest::node_hash(root(from, from + half), root(from + half, to));
  }
  [[nodiscard]] std::vector<Sha256Digest> path(std::size_t leaf, std::size_t from,
                                               std::size_t to) const {
    if (to - from == 1) return {};
    std::size_t half = 1;
    while (half * 2 < to - from) half *= 2;
    const bool left = leaf < from + half;
    auto out = left ? path(leaf, from, from + half) : path(leaf, from + half, to);
    out.push_back(left ? root(from + half, to) : root(from, from + half));
    return out;
  }
  [[nodiscard]] std::string head() const {
    return manifest::Checkpoint{log.name, leaves.size(), root(0, leaves.size())}.serialise();
  }
  [[nodiscard]] std::string cosign(std::size_t witness, const std::string& text) const {
    Writer value;
    value.u64_be(1700000000);
    value.bytes(witness_keys[witness].sign("cosignature/v1\ntime 1700000000\n" + text).value);
    return line(policy.witnesses[witness], value.view());
  }
  [[nodiscard]] std::string checkpoint(const std::vector<std::size_t>& witnesses) const {
    const auto text = head();
    auto out = text + "\n" + line(log, operator_key.sign(text).value);
    for (const auto witness : witnesses) out += cosign(witness, text);
    return out;
  }
  [[nodiscard]] std::string proof(std::size_t leaf, const std::string& checkpoint_note) const {
    std::string out = "c2sp.org/tlog-proof@v1\nindex " + std::to_string(leaf) + "\n";
    for (const auto& hash : path(leaf, 0, leaves.size()))
      out += manifest::to_base64(hash.bytes) + "\n";
    return out + "\n" + checkpoint_note;
  }
};

}  // namespace pawl::fakes
