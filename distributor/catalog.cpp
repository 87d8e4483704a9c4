#include "distributor/catalog.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "manifest/updater.hpp"

namespace pawl::distributor {
namespace {

constexpr std::size_t kMaxTimestamp = std::size_t{64} * 1024;
constexpr std::size_t kMaxRoot = std::size_t{32} * 1024;

/// The repository is the only source; nothing is kept between readings.
class NoStore final : public manifest::Store {
 public:
  Result<std::optional<Bytes>> load(const std::string& /*name*/, std::size_t /*limit*/) override {
    return std::optional<Bytes>();
  }
  Status save(const std::string& /*name*/, ByteView /*bytes*/) override { return Ok{}; }
  Status drop(const std::string& /*name*/) override { return Ok{}; }
};

std::vector<std::string> products_of(const manifest::TrustedSet& trusted) {
  std::vector<std::string> out;
  const auto* targets = trusted.targets({"root", "targets"});
  if (targets == nullptr || !targets->delegations) return out;
  const auto prefix = manifest::release_role("");
  for (const auto& role : targets->delegations->roles) {
    if (role.name.starts_with(prefix)) out.push_back(role.name.substr(prefix.size()));
  }
  return out;
}

// releases/PRODUCT/VERSION/manifest.json, as `releases` made sure
std::string version_of(const std::string& path) {
  const auto folder = path.substr(0, path.rfind('/'));
  return folder.substr(folder.rfind('/') + 1);
}

Result<std::vector<Offer>> offers_of(manifest::Updater& client, const std::string& product) {
  PAWL_TRY(const auto listed, client.releases(product));
  std::vector<Offer> out;
  for (const auto& entry : listed) {
    if (!entry.target.hashes.sha256) continue;
    out.push_back({product, version_of(entry.target.path), entry.summary.release_counter,
                   *entry.target.hashes.sha256});
  }
  return out;
}

}  // namespace

const Offer* Catalog::newest(const std::string& product, const std::set<Withheld>& withheld) const {
  const auto listed = products.find(product);
  if (listed == products.end()) return nullptr;
  const auto& offers = listed->second;
  const auto found = std::find_if(offers.begin(), offers.end(), [&](const auto& offer) {
    return !withheld.contains({offer.product, offer.version});
  });
  return found == offers.end() ? nullptr : &*found;
}

const Offer* Catalog::find(const std::string& product, const std::string& version) const {
  const auto listed = products.find(product);
  if (listed == products.end()) return nullptr;
  const auto& offers = listed->second;
  const auto found = std::find_if(offers.begin(), offers.end(),
                                  [&](const auto& offer) { return offer.version == version; });
  return found == offers.end() ? nullptr : &*found;
}

Result<std::string> meta_of(manifest::Fetcher& files) {
  PAWL_TRY(const auto bytes, files.metadata("timestamp.json", kMaxTimestamp));
  return bytes ? to_hex(sha256(*bytes)) : std::string();
}

Result<Catalog> read_catalog(manifest::Fetcher& files, Clock& clock) {
  Catalog out;
  PAWL_TRY(out.meta, meta_of(files));
  if (out.meta.empty()) return out;
  PAWL_TRY(auto root, files.metadata("1.root.json", kMaxRoot));
  if (!root) return fail(Errc::kIo, "the repository has no 1.root.json");
  NoStore store;
  manifest::Updater client(files, store, clock,
                           {manifest::Profile::kStrict,
                            manifest::limits_of(manifest::Profile::kStrict),
                            *std::move(root),
                            {},
                            {}});
  PAWL_TRY(const auto report, client.refresh());
  out.timestamp = report.timestamp;
  for (const auto& product : products_of(client.trusted())) {
    PAWL_TRY(auto offers, offers_of(client, product));
    out.products.emplace(product, std::move(offers));
  }
  return out;
}

}  // namespace pawl::distributor
