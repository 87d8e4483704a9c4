#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

/// Signed notes of c2sp.org/signed-note: a text and lines of signatures below it.
namespace pawl::manifest {

/// Base64 with padding. Decoding refuses other spellings. @return kMalformed
[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] Result<Bytes> from_base64(std::string_view text, std::size_t limit);

enum class NoteKeyType : std::uint8_t {
  kEd25519 = 1,      // signs the text
  kCosignature = 4,  // cosignature/v1: signs a time and the text
};

/// A public key of a log or a witness under its name.
struct NoteKey {
  std::string name;
  NoteKeyType type = NoteKeyType::kEd25519;
  Ed25519PublicKey key;
  friend bool operator==(const NoteKey&, const NoteKey&) = default;

  /// First four bytes of SHA-256(name || 0x0a || type || key).
  [[nodiscard]] std::uint32_t id() const;
};

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  Bytes value;
};

/// An unverified note. `text` ends in a newline and is what signatures cover.
class Note {
 public:
  /// At most 64 KiB and 64 signatures. @return kMalformed, kTooLarge
  [[nodiscard]] static Result<Note> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Whether the note carries a valid signature of `key` (any of them, if the key signed twice).
  [[nodiscard]] bool signed_by(const NoteKey& key) const;

 private:
  std::string text_;
  std::vector<NoteSignature> signatures_;
};

}  // namespace pawl::manifest
