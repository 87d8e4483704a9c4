#include "updater/enroll_link.hpp"

#include "identity/jwks.hpp"

namespace pawl::updater {
namespace {

using identity::TrustBundle;
constexpr std::size_t kMaxBundle = std::size_t{256} * 1024;
constexpr std::size_t kMaxAnswer = std::size_t{512} * 1024;

Result<TrustBundle> image_bundle(Disk& disk, const Config::Issuer& config) {
  PAWL_TRY(const auto text, read_file(disk, config.bundle, kMaxBundle));
  auto bundle = identity::parse_bundle(config.id.trust_domain(), as_text(text));
  if (bundle) return bundle;
  auto error = std::move(bundle).error();
  error.prefix(config.bundle);
  return error;
}

/// One that cannot be read, or is older, is passed over: the image's is always good to begin with.
Result<TrustBundle> newest(TrustBundle image, Disk& disk, const std::string& stored) {
  PAWL_TRY(const auto text, read_optional(disk, stored, kMaxBundle));
  if (!text) return image;
  auto kept = identity::parse_bundle(image.domain(), as_text(*text));
  if (kept && kept->info().sequence.value_or(0) > image.info().sequence.value_or(0)) return kept;
  return image;
}

}  // namespace

Result<std::unique_ptr<EnrolmentServer>> IssuerLink::open(const Config::Issuer& config,
                                                          const std::string& stored, Disk& disk,
                                                          Clock& clock) {
  PAWL_TRY(auto image, image_bundle(disk, config));
  PAWL_TRY(auto bundle, newest(std::move(image), disk, stored));
  http::Client::Credentials credentials;
  credentials.bundles.push_back(std::move(bundle));
  PAWL_TRY(auto client,
           http::Client::create({config.origin, config.id, {}}, std::move(credentials), clock));
  return std::unique_ptr<EnrolmentServer>(new IssuerLink(std::move(client)));
}

Result<std::string> IssuerLink::post(const std::string& path, const std::string& body) {
  http::ClientRequest request;
  request.method = http::ClientMethod::kPost;
  request.path = path;
  request.body = body;
  request.limit = kMaxAnswer;
  PAWL_TRY(auto answer, client_.send(request));
  if (answer.status != 200) return http::answer_error(answer, "enrolment");
  return std::move(answer.body);
}

}  // namespace pawl::updater
