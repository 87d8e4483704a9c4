#include "identity/svid_files.hpp"

#include <algorithm>

#include <openssl/crypto.h>

#include "identity/jwks.hpp"

namespace pawl::identity {
namespace {

constexpr std::size_t kMaxPem = std::size_t{128} * 1024;
constexpr std::size_t kMaxKey = std::size_t{16} * 1024;
constexpr std::size_t kMaxBundle = std::size_t{256} * 1024;

/// Wipes a buffer that held a key when it goes.
class Wiped {
 public:
  explicit Wiped(Bytes bytes) : bytes_(std::move(bytes)) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  Wiped(Wiped&&) = delete;
  Wiped& operator=(Wiped&&) = delete;
  ~Wiped() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  [[nodiscard]] std::string_view text() const { return as_text(bytes_); }

 private:
  Bytes bytes_;
};

template <class T>
Result<T> about(const std::string& file, Result<T> result) {
  if (result) return result;
  auto error = std::move(result).error();
  error.prefix(file);
  return error;
}

Result<X509Svid> load_svid(Disk& disk, const SvidFiles& files) {
  PAWL_TRY(const auto chain, read_file(disk, files.svid, kMaxPem));
  PAWL_TRY(auto key, read_file(disk, files.key, kMaxKey));
  const Wiped secret(std::move(key));
  return about(files.svid, X509Svid::parse_pem(as_text(chain), secret.text()));
}

}  // namespace

SvidFiles svid_files_in(const std::string& folder) {
  return {folder + "/svid.pem", folder + "/key.pem", folder + "/bundle.json"};
}

Result<Identity> load_identity(Disk& disk, const SvidFiles& files) {
  PAWL_TRY(auto svid, load_svid(disk, files));
  PAWL_TRY(const auto text, read_file(disk, files.bundle, kMaxBundle));
  const auto own = svid.id().trust_domain();
  PAWL_TRY(auto bundles, about(files.bundle, parse_bundles(own, as_text(text))));
  const auto is_own = [&](const TrustBundle& bundle) { return bundle.domain() == own; };
  if (std::none_of(bundles.begin(), bundles.end(), is_own)) {
    return fail(Errc::kMalformed,
                files.bundle + ": no bundle of the own trust domain " + printable(own.name()));
  }
  return Identity{std::move(svid), std::move(bundles)};
}

}  // namespace pawl::identity
