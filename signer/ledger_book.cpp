#include "signer/ledger_book.hpp"

#include "base/digest.hpp"

namespace pawl::signer {
namespace {

using Kind = LedgerEntry::Kind;

Result<std::unique_ptr<DiskLock>> lock(Disk& disk, const std::string& path) {
  PAWL_CHECK(make_directories(disk, parent_of(path)));
  return disk.lock(path + ".lock");
}

Result<std::vector<LedgerEntry>> releases_of(const Revision::Decision& decision,
                                             const Sha256Digest& repository, UtcTime now) {
  if (decision.role == "root" || decision.role == "targets") return std::vector<LedgerEntry>();
  PAWL_TRY(const auto targets, manifest::Targets::parse(decision.text, manifest::Profile::kStrict));
  return listed_releases(targets, repository, now);
}

}  // namespace

LedgerBook::LedgerBook(std::string path, std::unique_ptr<DiskLock> lock, Ledger ledger)
    : path_(std::move(path)), lock_(std::move(lock)), ledger_(std::move(ledger)) {}

Result<LedgerBook> LedgerBook::open(Disk& disk, const std::string& path) {
  PAWL_TRY(auto held, lock(disk, path));
  PAWL_TRY(const auto file, read_optional(disk, path, Ledger::kMaxBytes));
  if (!file) {
    return fail(Errc::kLedger,
                "this host has no ledger (" + path + "), so nobody knows what its keys have signed")
        .with_hint("restore the file; a host that never had one runs pawl-signer ledger init");
  }
  auto ledger = Ledger::parse(as_text(*file));
  if (!ledger) {
    auto error = std::move(ledger).error();
    error.prefix(path);
    return error;
  }
  return LedgerBook(path, std::move(held), *std::move(ledger));
}

Result<LedgerBook> LedgerBook::create(Disk& disk, const std::string& path) {
  PAWL_TRY(auto held, lock(disk, path));
  PAWL_TRY(const bool there, disk.exists(path));
  if (there) {
    return fail(Errc::kUsage, path + " is there already")
        .with_hint("pawl-signer ledger show says what it holds");
  }
  return LedgerBook(path, std::move(held), Ledger());
}

Status begin_ledger(Disk& disk, const std::string& path) {
  PAWL_TRY(const bool there, disk.exists(path));
  if (there) return Ok{};
  PAWL_TRY(auto book, LedgerBook::create(disk, path));
  return book.adopt(disk, {}, {});
}

Status LedgerBook::replace(Disk& disk, Ledger next) {
  PAWL_CHECK(replace_file(disk, path_, as_bytes(next.text())));
  ledger_ = std::move(next);
  return Ok{};
}

Status LedgerBook::adopt(Disk& disk, const PublishedState& published, UtcTime now) {
  auto next = ledger_;
  take_over(next, published, now);
  return replace(disk, std::move(next));
}

Status LedgerBook::enter(Disk& disk, Revision& revision, KeyRing& ring, UtcTime now) {
  auto next = ledger_;
  const auto& base = revision.base();
  if (!base.versions.empty()) {
    PAWL_TRY(const auto published, published_state(disk, base, ring, now));
    PAWL_CHECK(check_published(next, published));
    take_over(next, published, now);
    for (const auto& [role, targets] : base.roles) {
      const auto* const last = next.highest(Kind::kSigned, base.id, role);
      if (last != nullptr) revision.start_above(role, MetadataVersion(last->number));
    }
    const auto* const last = next.highest(Kind::kSigned, base.id, "targets");
    if (last != nullptr) revision.start_above("targets", MetadataVersion(last->number));
  }
  PAWL_CHECK(revision.check_ready(ring));
  const auto decisions = revision.decisions();
  for (const auto& decision : decisions.roles) {
    PAWL_TRY(const auto releases, releases_of(decision, decisions.repository, now));
    const LedgerEntry role{Kind::kSigned,
                           decisions.repository,
                           decision.role,
                           decision.version.get(),
                           "",
                           sha256(as_bytes(decision.text)),
                           now};
    PAWL_CHECK(enter_signing(next, role, releases));
  }
  return replace(disk, std::move(next));
}

Status LedgerBook::note_published(Disk& disk, const Revision& revision, UtcTime now) {
  const auto decisions = revision.decisions();
  PublishedState published;
  published.repository = decisions.repository;
  for (const auto& decision : decisions.roles) {
    published.roles.push_back({decision.role, decision.version, sha256(as_bytes(decision.text)),
                               PublishedRole::Signer::kThisHost});
  }
  return adopt(disk, published, now);
}

Status LedgerBook::enter_one(Disk& disk, const PublishedState& published, const LedgerEntry& role,
                             const std::vector<LedgerEntry>& releases) {
  auto next = ledger_;
  PAWL_CHECK(check_published(next, published));
  take_over(next, published, role.time);
  PAWL_CHECK(enter_signing(next, role, releases));
  return replace(disk, std::move(next));
}

}  // namespace pawl::signer
