#pragma once
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tpm/policy.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace pawl::tpm {

inline constexpr std::size_t kMaxPublicArea = 1024;

struct PkeyFree {
  void operator()(evp_pkey_st* key) const noexcept;
};
using Pkey = std::unique_ptr<evp_pkey_st, PkeyFree>;

/// Public half of a key that signs only what its TPM produced: restricted, made in and bound to
/// one TPM, ECDSA with SHA-256 on P-256.
class AttestationKey {
 public:
  /// @param public_area  marshalled TPMT_PUBLIC, without a size in front
  /// @return kMalformed for bytes that are none, kPeer when the key could sign forged statements or
  ///         is of another kind. FORMAT 6.7.1.
  static Result<AttestationKey> parse(ByteView public_area);
  [[nodiscard]] const Name& name() const { return name_; }
  [[nodiscard]] evp_pkey_st* key() const { return key_.get(); }

 private:
  AttestationKey(Name name, Pkey key) : name_(name), key_(std::move(key)) {}
  Name name_;
  Pkey key_;
};

}  // namespace pawl::tpm
