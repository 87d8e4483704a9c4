#pragma once
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "identity/openssl.hpp"
#include "identity/spiffe_id.hpp"

namespace pawl::identity {

/// Our own identity: a chain, leaf first, and the private key of the leaf.
class X509Svid {
 public:
  static constexpr std::size_t kMaxChain = 8;

  /// @return kMalformed when the leaf breaks a rule of X509-SVID or the key is another's.
  static Result<X509Svid> create(std::vector<X509Ptr> chain, PrivateKeyPtr key);
  /// @param chain  DER certificates one after the other, leaf first
  /// @param key    PKCS#8 in DER; the caller wipes it
  static Result<X509Svid> parse_der(ByteView chain, ByteView key);
  /// PEM texts. An encrypted key is refused; nothing ever asks a terminal for a passphrase.
  static Result<X509Svid> parse_pem(std::string_view chain, std::string_view key);

  [[nodiscard]] const SpiffeId& id() const { return id_; }
  [[nodiscard]] UtcTime not_before() const { return not_before_; }
  [[nodiscard]] UtcTime not_after() const { return not_after_; }
  [[nodiscard]] X509& leaf() const { return *chain_.front(); }
  [[nodiscard]] const std::vector<X509Ptr>& chain() const { return chain_; }
  [[nodiscard]] EVP_PKEY& key() const { return *key_; }
  /// When to ask for the next one: the middle of its validity.
  [[nodiscard]] UtcTime renew_at() const { return not_before_ + (not_after_ - not_before_) / 2; }

 private:
  X509Svid(SpiffeId id, std::vector<X509Ptr> chain, PrivateKeyPtr key)
      : id_(std::move(id)), chain_(std::move(chain)), key_(std::move(key)) {}
  SpiffeId id_;
  std::vector<X509Ptr> chain_;
  PrivateKeyPtr key_;
  UtcTime not_before_;
  UtcTime not_after_;
};

}  // namespace pawl::identity
