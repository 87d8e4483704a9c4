#include "manifest/note.hpp"

#include <algorithm>

#include <sodium.h>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "base/utf8.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxNote = std::size_t{64} * 1024;
constexpr std::size_t kMaxSignatures = 64;
constexpr std::size_t kMaxSignature = 8192;  // of any algorithm; unknown ones are passed over
constexpr std::string_view kDash = "\xe2\x80\x94 ";

Error malformed(const std::string& why) {
  return fail(Errc::kMalformed, "signed note: " + why);
}

Result<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(kDash)) return malformed("a signature line does not start with a dash");
  line.remove_prefix(kDash.size());
  const auto blank = line.find(' ');
  if (blank == 0 || blank == std::string_view::npos) return malformed("a signature has no name");
  NoteSignature out;
  out.name = std::string(line.substr(0, blank));
  PAWL_TRY(const auto blob, from_base64(line.substr(blank + 1), kMaxSignature));
  Reader reader{ByteView(blob)};
  PAWL_TRY(out.key_id, reader.u32_be());
  PAWL_TRY(const auto value, reader.take(reader.left()));
  if (value.empty()) return malformed("a signature is empty");
  out.value.assign(value.begin(), value.end());
  return out;
}

bool verify(const NoteKey& key, ByteView signature, std::string_view text) {
  Ed25519Signature fixed;
  if (signature.size() != fixed.bytes.size()) return false;
  std::copy(signature.begin(), signature.end(), fixed.bytes.begin());
  return ed25519_verify(fixed, as_bytes(text), key.key);
}

/// cosignature/v1: u64 time, 64 bytes of signature over "cosignature/v1\ntime N\n" and the text.
bool verify_cosignature(const NoteKey& key, ByteView value, const std::string& text) {
  Reader reader(value);
  const auto time = reader.u64_be();
  if (!time || *time == 0) return false;
  const auto signature = reader.take(reader.left());
  return signature &&
         verify(key, *signature, "cosignature/v1\ntime " + std::to_string(*time) + "\n" + text);
}

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  (void)sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(),
                          sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // its terminating zero
  return out;
}

Result<Bytes> from_base64(std::string_view text, std::size_t limit) {
  if (text.size() / 4 * 3 > limit + 3) return fail(Errc::kTooLarge, "base64 text over its limit");
  Bytes out(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    return fail(Errc::kMalformed, "not base64");
  }
  out.resize(size);
  // libsodium 1.0.18 takes bytes above 0x7f for a slash: only the one spelling counts
  if (to_base64(out) != text) return fail(Errc::kMalformed, "not base64");
  return out;
}

std::uint32_t NoteKey::id() const {
  Sha256 hash;
  hash.update(as_bytes(name));
  const std::uint8_t middle[] = {'\n', static_cast<std::uint8_t>(type)};
  hash.update(middle);
  hash.update(key.bytes);
  const auto digest = hash.finish();
  return (std::uint32_t{digest.bytes[0]} << 24U) | (std::uint32_t{digest.bytes[1]} << 16U) |
         (std::uint32_t{digest.bytes[2]} << 8U) | digest.bytes[3];
}

Result<Note> Note::parse(std::string_view text) {
  if (text.size() > kMaxNote) return fail(Errc::kTooLarge, "signed note over 64 KiB");
  const auto gap = text.rfind("\n\n");
  if (gap == std::string_view::npos) return malformed("no blank line before the signatures");
  Note out;
  out.text_ = std::string(text.substr(0, gap + 1));
  auto rest = text.substr(gap + 2);
  if (rest.empty() || rest.back() != '\n') return malformed("the last line is not ended");
  while (!rest.empty()) {
    if (out.signatures_.size() == kMaxSignatures) {
      return fail(Errc::kTooLarge, "signed note with over 64 signatures");
    }
    const auto end = rest.find('\n');
    PAWL_TRY(auto signature, parse_signature(rest.substr(0, end)));
    out.signatures_.push_back(std::move(signature));
    rest.remove_prefix(end + 1);
  }
  return out;
}

bool Note::signed_by(const NoteKey& key) const {
  return std::any_of(signatures_.begin(), signatures_.end(), [&](const NoteSignature& s) {
    if (s.name != key.name || s.key_id != key.id()) return false;
    return key.type == NoteKeyType::kEd25519 ? verify(key, s.value, text_)
                                             : verify_cosignature(key, s.value, text_);
  });
}

}  // namespace pawl::manifest
