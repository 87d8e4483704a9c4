#include "signer/ledger_rules.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "manifest/envelope.hpp"
#include "manifest/path.hpp"
#include "manifest/release.hpp"
#include "signer/release_rules.hpp"

namespace pawl::signer {
namespace {

using Kind = LedgerEntry::Kind;

constexpr auto kProfile = manifest::Profile::kStrict;
constexpr std::size_t kMaxRoleFile = std::size_t{1} << 20U;

std::string named(const LedgerEntry& entry) {
  return entry.subject + " " + std::to_string(entry.number);
}

LedgerEntry entry_of(Kind kind, const Sha256Digest& repository, const PublishedRole& role,
                     UtcTime now) {
  return {kind, repository, role.role, role.version.get(), "", role.digest, now};
}

Error wrong_ledger(const std::string& what) {
  return fail(Errc::kLedger, what)
      .with_hint(
          "restore the ledger of the host that signed it; if that is lost for good, move this "
          "one away and run pawl-signer ledger init");
}

Status check_role(const Ledger& ledger, const Sha256Digest& repository, const PublishedRole& role) {
  const auto now_seen = entry_of(Kind::kSeen, repository, role, {});
  const auto* const seen = ledger.highest(Kind::kSeen, repository, role.role);
  if (seen != nullptr && seen->number > role.version.get()) {
    return fail(Errc::kLedger, "the repository holds " + named(now_seen) + ", but version " +
                                   std::to_string(seen->number) + " has been published")
        .with_hint("this is an old copy: fetch what is published and sign on top of that");
  }
  if (seen != nullptr && seen->number == role.version.get() && seen->digest != role.digest) {
    return fail(Errc::kLedger, named(now_seen) + " is not the file that was published before")
        .with_hint("two histories of one repository: find out who signed the other one");
  }
  if (role.signer == PublishedRole::Signer::kOthers || ledger.has(now_seen)) return Ok{};
  if (ledger.has(entry_of(Kind::kSigned, repository, role, {}))) return Ok{};
  return wrong_ledger("the ledger is older than what is published: a key of this host has signed " +
                      named(now_seen) + ", and the ledger does not know of it");
}

/// "releases/gw3/1.0.0/manifest.json" -> {"gw3", "1.0.0"}.
std::optional<std::pair<std::string, std::string>> release_of(const std::string& path) {
  const auto first = path.find('/');
  const auto second = path.find('/', first + 1);
  const auto third = path.find('/', second + 1);
  if (first == std::string::npos || second == std::string::npos || third == std::string::npos) {
    return std::nullopt;
  }
  auto product = path.substr(first + 1, second - first - 1);
  auto version = path.substr(second + 1, third - second - 1);
  if (manifest::release_path(product, version) != path) return std::nullopt;
  return std::pair(std::move(product), std::move(version));
}

Status check_release(const Ledger& ledger, const LedgerEntry& release) {
  const auto name = release.subject + " " + release.version;
  const auto* const same = ledger.release(release.repository, release.subject, release.version);
  if (same != nullptr) {
    return fail(Errc::kLedger, "another manifest of " + name + " was signed here before, on " +
                                   format_utc(same->time))
        .with_hint("a version never changes: give the release a new version");
  }
  const auto* const last = ledger.highest(Kind::kRelease, release.repository, release.subject);
  if (last == nullptr || release.number > last->number) return Ok{};
  return fail(Errc::kLedger, "release counter " + std::to_string(release.number) + " of " + name +
                                 " is not above " + std::to_string(last->number) +
                                 ", the last one signed here")
      .with_hint("build it with --counter " + std::to_string(last->number + 1));
}

Status add_disk_releases(Disk& disk, const Repository& repository, UtcTime now,
                         PublishedState& out) {
  for (const auto& [role, targets] : repository.roles) {
    const auto product = role.substr(manifest::release_role("").size());
    PAWL_TRY(const auto releases, published_releases(disk, repository.directory, product));
    for (const auto& release : releases) {
      out.releases.push_back({Kind::kRelease, repository.id, product, release.counter.get(),
                              release.version, release.digest, now});
    }
  }
  return Ok{};
}

}  // namespace

Result<PublishedRole> published_role(const std::string& role, MetadataVersion version,
                                     ByteView file, const KeyRing& ring) {
  PAWL_TRY(const auto envelope, manifest::UnverifiedEnvelope::split(file, kMaxRoleFile, kProfile));
  PublishedRole out{role, version, sha256(as_bytes(envelope.signed_text())),
                    PublishedRole::Signer::kOthers};
  if (ring.has_signed(envelope)) out.signer = PublishedRole::Signer::kThisHost;
  return out;
}

Result<std::vector<LedgerEntry>> listed_releases(const manifest::Targets& targets,
                                                 const Sha256Digest& repository, UtcTime now) {
  std::vector<LedgerEntry> out;
  for (const auto& [path, target] : targets.targets) {
    const auto name = release_of(path);
    if (!name) return fail(Errc::kMalformed, printable(path) + " is no release");
    if (!target.hashes.sha256) return fail(Errc::kMalformed, path + " has no SHA-256");
    PAWL_TRY(const auto summary, manifest::ReleaseSummary::parse(target.custom));
    out.push_back({Kind::kRelease, repository, name->first, summary.release_counter.get(),
                   name->second, *target.hashes.sha256, now});
  }
  return out;
}

Result<PublishedState> published_state(Disk& disk, const Repository& repository,
                                       const KeyRing& ring, UtcTime now) {
  PublishedState out;
  out.repository = repository.id;
  const auto add = [&](const std::string& role, MetadataVersion version) -> Status {
    const auto path = repository.directory + "/" + metadata_path(role, version);
    PAWL_TRY(const auto file, read_file(disk, path, kMaxRoleFile));
    PAWL_TRY(auto published, published_role(role, version, file, ring));
    out.roles.push_back(std::move(published));
    return Ok{};
  };
  PAWL_CHECK(add("root", repository.root.header.version));
  PAWL_CHECK(add("targets", repository.targets.header.version));
  for (const auto& [role, targets] : repository.roles) {
    PAWL_CHECK(add(role, targets.header.version));
    PAWL_TRY(auto releases, listed_releases(targets, repository.id, now));
    out.releases.insert(out.releases.end(), releases.begin(), releases.end());
  }
  PAWL_CHECK(add_disk_releases(disk, repository, now, out));
  return out;
}

Status check_published(const Ledger& ledger, const PublishedState& published) {
  for (const auto& role : published.roles) {
    PAWL_CHECK(check_role(ledger, published.repository, role));
  }
  return Ok{};
}

void take_over(Ledger& ledger, const PublishedState& published, UtcTime now) {
  for (const auto& role : published.roles) {
    const auto seen = entry_of(Kind::kSeen, published.repository, role, now);
    if (!ledger.has(seen)) ledger.append(seen);
  }
  for (const auto& release : published.releases) {
    if (!ledger.has(release)) ledger.append(release);
  }
}

Status enter_signing(Ledger& ledger, const LedgerEntry& role,
                     const std::vector<LedgerEntry>& releases) {
  const auto* const seen = ledger.highest(Kind::kSeen, role.repository, role.subject);
  if (seen != nullptr && seen->number >= role.number) {
    return fail(Errc::kLedger, named(role) + " has been published already")
        .with_hint("begin again from what is published now");
  }
  auto next = ledger;
  auto rising = releases;
  std::sort(rising.begin(), rising.end(),
            [](const LedgerEntry& a, const LedgerEntry& b) { return a.number < b.number; });
  for (const auto& release : rising) {
    if (next.has(release)) continue;
    PAWL_CHECK(check_release(next, release));
    next.append(release);
  }
  if (!next.has(role)) next.append(role);
  ledger = std::move(next);
  return Ok{};
}

}  // namespace pawl::signer
