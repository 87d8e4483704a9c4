#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "manifest/key.hpp"
#include "manifest/profile.hpp"

namespace pawl::manifest {

struct Signature {
  KeyId key_id;
  Bytes value;  // may be empty in interop
};

/// A received file whose signatures nobody has checked yet (FORMAT 2.3). Owns its bytes. Before
/// `verify` nothing but the JSON scanner and the signature list has looked at them.
class UnverifiedEnvelope {
 public:
  /// Splits `{"signatures":[...],"signed":{...}}`. Strict: canonical as received, nothing else
  /// beside the two members. A key id that signs twice is refused.
  /// @param limit bytes; @return kTooLarge, kMalformed
  [[nodiscard]] static Result<UnverifiedEnvelope> split(ByteView file, std::size_t limit,
                                                        Profile profile);

  /// Counts different public keys with a valid signature (FORMAT 2.3.3).
  /// @return the ids that signed validly, or kBadSignature when fewer than the threshold.
  [[nodiscard]] Result<std::vector<KeyId>> verify(const RoleKeys& role) const;
  /// As verify, but never fails: whose signatures are valid. For `pawl-signer inspect`.
  [[nodiscard]] std::vector<KeyId> valid_signers(const RoleKeys& role) const;

  /// The `signed` object as received. To be parsed only after `verify`, except a root file's,
  /// whose own keys are in it. Refers into this object.
  [[nodiscard]] std::string_view signed_text() const { return signed_text_; }
  [[nodiscard]] const std::vector<Signature>& signatures() const { return signatures_; }

 private:
  UnverifiedEnvelope() = default;
  std::string signed_text_;  // as received
  std::string covered_;      // what signatures cover, when it is not signed_text_ (interop)
  std::vector<Signature> signatures_;
};

/// The file of `signed_text` (canonical, as serialised by the role types) with its signatures in
/// the order of their key ids. What UnverifiedEnvelope::split reads back.
[[nodiscard]] Bytes assemble_envelope(std::string_view signed_text,
                                      std::vector<Signature> signatures);

}  // namespace pawl::manifest
