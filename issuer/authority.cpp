#include "issuer/authority.hpp"

#include <algorithm>
#include <cerrno>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity/jwks.hpp"
#include "identity/pem.hpp"
#include "identity/svid_rules.hpp"
#include "identity/verifier.hpp"
#include "issuer/certificates.hpp"

namespace pawl::issuer {
namespace {

using identity::BioPtr;
using identity::PrivateKeyPtr;
using identity::X509Ptr;

constexpr std::size_t kMaxPem = std::size_t{64} * 1024;
constexpr std::size_t kMaxBundle = std::size_t{256} * 1024;

int no_passphrase(char* /*out*/, int /*size*/, int /*writing*/, void* /*context*/) {
  return -1;
}

BioPtr memory_of(ByteView text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<X509Ptr> certificate_of(ByteView pem) {
  const auto bio = memory_of(pem);
  X509Ptr out(PEM_read_bio_X509(bio.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  if (!out) return fail(Errc::kMalformed, "not a PEM certificate");
  return out;
}

Result<PrivateKeyPtr> load_key(Disk& disk, const std::string& path) {
  PAWL_TRY(auto pem, read_file(disk, path, kMaxPem));
  const auto bio = memory_of(pem);
  PrivateKeyPtr out(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!out) return fail(Errc::kMalformed, path + ": not an unencrypted PEM private key");
  return out;
}

Status write_key(Disk& disk, const std::string& path, EVP_PKEY& key) {
  auto pem = identity::private_key_pem(key);
  auto done = replace_file(disk, path, pem);
  OPENSSL_cleanse(pem.data(), pem.size());
  return done;
}

Status write_bundle_file(Disk& disk, const std::string& path, const NewAuthority& plan,
                         X509Ptr certificate) {
  std::vector<X509Ptr> authorities;
  authorities.push_back(std::move(certificate));
  PAWL_TRY(const auto bundle, identity::TrustBundle::create(plan.domain, std::move(authorities),
                                                            {1, plan.refresh_hint}));
  PAWL_TRY(const auto text, identity::write_bundle(bundle));
  return replace_file(disk, path, as_bytes(text + "\n"));
}

/// What an interrupted `create` left undone: the bundle comes last.
Status refuse_or_finish(Disk& disk, const AuthorityFiles& files, const NewAuthority& plan) {
  PAWL_TRY(const auto bundle, disk.exists(files.bundle));
  if (bundle) {
    return fail(Errc::kConfig, files.certificate + ": there is an authority already");
  }
  PAWL_TRY(const auto pem, read_file(disk, files.certificate, kMaxPem));
  PAWL_TRY(auto certificate, certificate_of(pem));
  return write_bundle_file(disk, files.bundle, plan, std::move(certificate));
}

Error missing(const std::string& path) {
  return fail(Errc::kConfig, path + ": there is no certificate authority")
      .with_hint("make one with: pawl-issuer ca new");
}

}  // namespace

AuthorityFiles authority_files_in(const std::string& folder) {
  return {folder + "/ca.key", folder + "/ca.pem", folder + "/bundle.json"};
}

Status check_private_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(Errc::kIo, path + ": cannot be read", errno);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(Errc::kConfig, path + ": others may read it").with_hint("chmod 0600 " + path);
  }
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return fail(Errc::kConfig, path + ": belongs to another user");
  }
  return Ok{};
}

Status Authority::create(Disk& disk, const std::string& folder, const NewAuthority& plan,
                         UtcTime now, Random& random) {
  const auto files = authority_files_in(folder);
  PAWL_CHECK(make_directories(disk, folder));
  PAWL_TRY(const auto there, disk.exists(files.certificate));
  if (there) return refuse_or_finish(disk, files, plan);
  const auto key = new_key();
  const Validity validity{now - kBackdated, now + plan.lifetime};
  PAWL_TRY(auto certificate, make_authority(plan.domain, *key, validity, random));
  PAWL_CHECK(write_key(disk, files.key, *key));
  PAWL_CHECK(
      replace_file(disk, files.certificate, as_bytes(identity::certificate_pem(*certificate))));
  return write_bundle_file(disk, files.bundle, plan, std::move(certificate));
}

Status Authority::check(UtcTime now) const {
  if (X509_check_private_key(certificate_.get(), key_.get()) != 1) {
    ERR_clear_error();
    return fail(Errc::kMalformed, "the authority's key is not that of its certificate");
  }
  PAWL_CHECK(identity::check_signing(*certificate_));
  if (!is_authority_of(domain_, *certificate_)) {
    return fail(Errc::kMalformed, "the authority is not one of " + domain_.name());
  }
  const auto* bundle = trust_.find(domain_);
  if (bundle == nullptr || !bundle->has_authority(identity::certificate_digest(*certificate_))) {
    return fail(Errc::kMalformed, "the authority is not in its own bundle");
  }
  if (now < not_after_) return Ok{};
  return fail(Errc::kExpired, "the authority expired at " + format_utc(not_after_));
}

Result<Authority> Authority::load(Disk& disk, const std::string& folder,
                                  const identity::TrustDomain& domain, UtcTime now) {
  const auto files = authority_files_in(folder);
  PAWL_TRY(const auto pem, read_optional(disk, files.certificate, kMaxPem));
  if (!pem) return missing(files.certificate);
  PAWL_TRY(auto certificate, certificate_of(*pem));
  PAWL_TRY(auto key, load_key(disk, files.key));
  Authority out(domain, std::move(certificate), std::move(key));
  PAWL_TRY(const auto text, read_file(disk, files.bundle, kMaxBundle));
  PAWL_TRY(out.bundle_, json::parse(as_text(text), {kMaxBundle, 8, 4096}));
  PAWL_TRY(auto bundle, identity::parse_bundle(domain, as_text(text)));
  PAWL_CHECK(out.trust_.put(std::move(bundle)));
  PAWL_TRY(out.not_after_, identity::not_after(*out.certificate_));
  PAWL_CHECK(out.check(now));
  return out;
}

Result<X509Ptr> Authority::issue(const identity::SpiffeId& id, EVP_PKEY& subject, UtcTime now,
                                 Seconds lifetime, Random& random) {
  const Validity validity{now - kBackdated, std::min(now + lifetime, not_after_)};
  PAWL_TRY(auto svid, make_svid(id, subject, validity, {*certificate_, *key_}, random));
  PAWL_CHECK(identity::verify_svid(*svid, nullptr, trust_, now, identity::PeerRole::kClient));
  return svid;
}

Result<identity::X509Svid> issue_with_new_key(Authority& authority, const identity::SpiffeId& id,
                                              UtcTime now, Seconds lifetime, Random& random) {
  auto key = new_key();
  PAWL_TRY(auto certificate, authority.issue(id, *key, now, lifetime, random));
  std::vector<X509Ptr> chain;
  chain.push_back(std::move(certificate));
  return identity::X509Svid::create(std::move(chain), std::move(key));
}

}  // namespace pawl::issuer
