#include "updater/net_identity.hpp"

#include "base/bytes.hpp"
#include "identity/jwks.hpp"
#include "identity/svid_rules.hpp"

namespace pawl::updater {
namespace {

using identity::Identity;
using Taken = Result<std::optional<Identity>>;

constexpr Seconds kLook{60};
constexpr std::chrono::milliseconds kFirstIdentity{30'000};

Result<std::string> mark_of(const Identity& identity) {
  auto out = to_hex(identity::certificate_digest(identity.svid.leaf()));
  for (const auto& bundle : identity.bundles) {
    PAWL_TRY(const auto text, identity::write_bundle(bundle));
    out += text;
  }
  return out;
}

}  // namespace

IdentitySource::IdentitySource(Config::Identity config, std::string folder, Disk& disk,
                               Clock& clock, IdentityRenewal* renewal)
    : config_(std::move(config)),
      folder_(std::move(folder)),
      disk_(disk),
      clock_(clock),
      renewal_(renewal) {
  if (!config_.folder.empty()) folder_ = config_.folder;
}

Taken IdentitySource::take() {
  if (config_.source == Config::Identity::Source::kWorkloadApi) return from_stream();
  return from_files();
}

Taken IdentitySource::from_files() {
  const auto now = clock_.steady();
  if (looked_ && now - *looked_ < kLook) return std::optional<Identity>();
  looked_ = now;
  auto renewed = renewal_ == nullptr ? Status(Ok{}) : renewal_->refresh();
  auto loaded = identity::load_identity(disk_, identity::svid_files_in(folder_));
  if (!loaded && !renewed) return std::move(renewed).error();  // there is none to go on with
  if (!loaded) {
    return std::move(loaded).error().with_hint("put this device's SVID there, or enroll it");
  }
  PAWL_TRY(auto mark, mark_of(*loaded));
  if (mark == known_) return std::optional<Identity>();
  known_ = std::move(mark);
  return std::optional(*std::move(loaded));
}

Taken IdentitySource::from_stream() {
  const bool fresh = !stream_;
  if (fresh) {
    PAWL_TRY(auto stream, identity::WorkloadStream::open(config_.endpoint));
    stream_.emplace(std::move(stream));
  }
  auto update = [&]() -> Result<std::optional<identity::WorkloadUpdate>> {
    if (!fresh) return stream_->advance();
    PAWL_TRY(auto first, stream_->next(kFirstIdentity));
    return std::optional(std::move(first));
  }();
  if (!update) {
    stream_.reset();
    return std::move(update).error();
  }
  if (!*update) return std::optional<Identity>();
  return std::optional(
      Identity{std::move((*update)->svids.front()), std::move((*update)->bundles)});
}

}  // namespace pawl::updater
