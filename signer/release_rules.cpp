#include "signer/release_rules.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/path.hpp"

namespace pawl::signer {
namespace {

std::string text_of(ReleaseCounter counter) {
  return std::to_string(counter.get());
}
std::string text_of(SecurityVersion version) {
  return std::to_string(version.get());
}

Result<PublishedRelease> read_manifest(Disk& disk, const std::string& path,
                                       const std::string& file_name) {
  PAWL_TRY(const auto bytes, read_file(disk, path, manifest::kMaxReleaseBytes));
  const auto digest = sha256(bytes);
  if (!file_name.starts_with(to_hex(digest) + ".")) {
    return fail(Errc::kHashMismatch, path + " is not what its name says");
  }
  PAWL_TRY(const auto release, manifest::Release::parse(as_text(bytes)));
  return PublishedRelease{release.version, digest, release.release_counter,
                          release.security_version, release.min_security_version};
}

Status check_counters(const manifest::Release& release,
                      const std::vector<PublishedRelease>& published) {
  for (const auto& old : published) {
    if (old.version == release.version) {
      return fail(Errc::kLedger, release.product + " " + release.version +
                                     " is there already with another manifest (" +
                                     to_hex(old.digest).substr(0, 16) + ")")
          .with_hint("a published version never changes: give the release a new version");
    }
  }
  if (!published.empty() && release.release_counter <= published.front().counter) {
    return fail(Errc::kLedger, "release counter " + text_of(release.release_counter) +
                                   " is not above the last one of " + release.product + ", " +
                                   text_of(published.front().counter))
        .with_hint("build it with --counter " +
                   std::to_string(published.front().counter.get() + 1));
  }
  return Ok{};
}

Status check_security(const manifest::Release& release,
                      const std::vector<PublishedRelease>& published, SecurityVersion ceiling) {
  if (release.security_version > ceiling) {
    return fail(Errc::kRollback, "security version " + text_of(release.security_version) +
                                     " is above the ceiling " + text_of(ceiling) + " of " +
                                     release.product)
        .with_hint("root raises the ceiling before such a release can be signed");
  }
  SecurityVersion floor(0);
  for (const auto& old : published) floor = std::max(floor, old.min_security_version);
  if (release.min_security_version < floor) {
    return fail(Errc::kRollback, "min_security_version " + text_of(release.min_security_version) +
                                     " is below " + text_of(floor) +
                                     ", to which devices have raised their floor")
        .with_hint("no updated device would take this release");
  }
  if (release.security_version.get() > floor.get() + kMaxSecurityStep) {
    return fail(Errc::kRollback, "security version " + text_of(release.security_version) +
                                     " is more than " + std::to_string(kMaxSecurityStep) +
                                     " above the devices' floor " + text_of(floor));
  }
  return Ok{};
}

}  // namespace

Result<std::vector<PublishedRelease>> published_releases(Disk& disk, const std::string& directory,
                                                         const std::string& product) {
  std::vector<PublishedRelease> out;
  const auto base = directory + "/targets/releases/" + product;
  PAWL_TRY(const bool any, disk.exists(base));
  if (!any) return out;
  PAWL_TRY(const auto versions, disk.list(base));
  for (const auto& version : versions) {
    const auto below = base + "/" + version;
    PAWL_TRY(const auto files, disk.list(below));
    for (const auto& file : files) {
      if (file.ends_with(".tmp")) continue;  // of an interrupted publish
      PAWL_TRY(auto release, read_manifest(disk, below + "/" + file, file));
      out.push_back(std::move(release));
    }
  }
  std::sort(out.begin(), out.end(), [](const PublishedRelease& a, const PublishedRelease& b) {
    return a.counter > b.counter;
  });
  return out;
}

Result<Addition> check_addition(const manifest::Release& release, const Sha256Digest& digest,
                                const std::vector<PublishedRelease>& published,
                                const Repository& repository) {
  const auto role = manifest::release_role(release.product);
  if (repository.delegation(role) == nullptr) {
    return fail(Errc::kNotForDevice,
                "this repository signs nothing for product " + printable(release.product))
        .with_hint("pawl-signer inspect metadata/ lists its products; repo delegate adds one");
  }
  const auto known = std::find_if(published.begin(), published.end(),
                                  [&](const auto& old) { return old.digest == digest; });
  if (known != published.end()) return Addition::kKnown;
  PAWL_CHECK(check_counters(release, published));
  PAWL_CHECK(check_security(release, published, repository.policy.ceiling(release.product)));
  return Addition::kNew;
}

}  // namespace pawl::signer
