#include "signer/lint.hpp"

#include <algorithm>

#include "manifest/profile.hpp"
#include "signer/repository.hpp"
#include "signer/verify.hpp"

namespace pawl::signer {
namespace {

using Weight = LintFinding::Weight;

/// How long before its expiry a role should have been signed again: a device may be away for that
/// long.
Seconds reserve_of(const std::string& role) {
  constexpr auto kDay = std::chrono::hours(24);
  if (role == "timestamp") return 2 * kDay;
  if (role == "snapshot") return 7 * kDay;
  return role == "root" ? 60 * kDay : 30 * kDay;
}

Result<VerifyReport> look(Disk& disk, const std::string& directory, Bytes root, UtcTime at) {
  VerifyInput input;
  input.directory = directory;
  input.root = std::move(root);
  input.at = at;
  input.blobs = BlobCheck::kNone;
  NoProgress silent;
  return verify_repository(disk, input, silent);
}

void judge_roles(const VerifyReport& report, UtcTime now, LintReport& out) {
  for (const auto& role : report.roles) {
    const auto left = role.expires - now;
    if (left > reserve_of(role.role)) continue;
    out.findings.push_back({Weight::kWarning,
                            role.role + " " + std::to_string(role.version.get()) + " expires in " +
                                format_duration(left) + ": then no device updates",
                            "pawl-signer renew --role " + role.role});
  }
}

void judge_releases(const VerifyReport& report, LintReport& out) {
  for (const auto& release : report.releases) {
    if (!release.refused) continue;
    out.findings.push_back({Weight::kStuck,
                            release.product + " " + release.version +
                                " is listed and no device takes it: " + release.refused->what(),
                            "pawl-signer release withdraw --product " + release.product +
                                " --version " + release.version});
  }
}

/// Roots 1, 2, ... as long as there is one.
Result<std::vector<Bytes>> read_roots(Disk& disk, const std::string& directory) {
  std::vector<Bytes> out;
  const auto limit = manifest::limits_of(manifest::Profile::kStrict).root;
  for (std::uint64_t version = 1; version <= kMaxRoots; ++version) {
    const auto path = directory + "/" + metadata_path("root", MetadataVersion(version));
    PAWL_TRY(auto root, read_optional(disk, path, limit));
    if (!root) break;
    out.push_back(*std::move(root));
  }
  if (out.empty()) {
    return fail(Errc::kIo, directory + " is not a repository: no metadata/1.root.json")
        .with_hint("pawl-signer repo init makes one");
  }
  return out;
}

}  // namespace

bool LintReport::stuck() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const LintFinding& f) { return f.weight == Weight::kStuck; });
}

Result<LintReport> lint_repository(Disk& disk, const std::string& directory, UtcTime now) {
  PAWL_TRY(auto roots, read_roots(disk, directory));
  LintReport out;
  out.roots = static_cast<unsigned>(roots.size());
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const bool newest = i + 1 == roots.size();
    const auto report = look(disk, directory, std::move(roots[i]), now);
    if (!report) {
      const auto device = "a device built with root " + std::to_string(i + 1);
      const auto& error = report.error();
      out.findings.push_back(
          {Weight::kStuck, device + " cannot update: " + error.what(), error.hint()});
    } else if (newest) {
      judge_roles(*report, now, out);
      judge_releases(*report, out);
    }
  }
  return out;
}

}  // namespace pawl::signer
