#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/disk.hpp"
#include "signer/ledger.hpp"
#include "signer/ledger_rules.hpp"
#include "signer/revision.hpp"

namespace pawl::signer {

/// The ledger of this host, open and locked. Each write replaces the file: a power cut leaves the
/// old ledger or the new one, whole.
class LedgerBook {
 public:
  /// @return kLedger when there is none, kMalformed when it was changed, kBusy
  [[nodiscard]] static Result<LedgerBook> open(Disk& disk, const std::string& path);
  /// Begins a ledger where none is: for the first key of a host, a new repository, or `ledger
  /// init`.
  /// @return kUsage when there is one
  [[nodiscard]] static Result<LedgerBook> create(Disk& disk, const std::string& path);

  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Everything before the first signature of a revision: compares the ledger with what is
  /// published, takes versions this host has not signed, enters what will be signed, durably.
  /// Asks for no PIN, and enters nothing when a key is missing.
  /// @return kLedger (FORMAT 11.9.4, 11.9.5), and the errors of Revision::check_ready
  [[nodiscard]] Status enter(Disk& disk, Revision& revision, KeyRing& ring, UtcTime now);
  /// After it has been published.
  [[nodiscard]] Status note_published(Disk& disk, const Revision& revision, UtcTime now);
  /// The same for one role that is signed apart, in a ceremony.
  [[nodiscard]] Status enter_one(Disk& disk, const PublishedState& published,
                                 const LedgerEntry& role, const std::vector<LedgerEntry>& releases);
  /// For a first ledger: what is published is taken for all there is.
  [[nodiscard]] Status adopt(Disk& disk, const PublishedState& published, UtcTime now);

 private:
  LedgerBook(std::string path, std::unique_ptr<DiskLock> lock, Ledger ledger);
  [[nodiscard]] Status replace(Disk& disk, Ledger next);
  std::string path_;
  std::unique_ptr<DiskLock> lock_;
  Ledger ledger_;
};

/// Begins a ledger unless there is one.
[[nodiscard]] Status begin_ledger(Disk& disk, const std::string& path);

}  // namespace pawl::signer
