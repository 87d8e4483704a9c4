#pragma once
#include <string>
#include <string_view>

#include "base/disk.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "manifest/key.hpp"

namespace pawl::signer {

/// The public half of a signing key, `<name>.pub.json` (FORMAT 11.5): what other people need to put
/// the key into a role, and where its private half lies. Holds no secret.
struct KeyRecord {
  static constexpr std::size_t kMaxSize = 4096;
  std::string label;  // a key name: [a-z0-9-]{1,32}
  Ed25519PublicKey public_key;
  std::string uri;      // "pkcs11:…" without PIN, "software:FILE" or "command:PROGRAM"
  std::string custody;  // "none", "token_private", "token_born" or "attested"

  [[nodiscard]] manifest::KeyId id() const;
  /// True for a key that lies in a plain file: development and tests.
  [[nodiscard]] bool is_development() const;
  /// True for a key that an external program signs for, such as one in a cloud's key service.
  [[nodiscard]] bool is_external() const;
};

/// @return kMalformed, also when `keyid` is not the digest of `public`
[[nodiscard]] Result<KeyRecord> parse_key_record(std::string_view text);
[[nodiscard]] std::string key_record_text(const KeyRecord& record);
[[nodiscard]] Result<KeyRecord> load_key_record(Disk& disk, const std::string& path);

inline constexpr std::string_view kSoftwareScheme = "software:";
inline constexpr std::string_view kCommandScheme = "command:";
inline constexpr std::string_view kPkcs11Scheme = "pkcs11:";

}  // namespace pawl::signer
