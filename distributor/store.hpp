#pragma once
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "distributor/registry.hpp"
#include "distributor/sqlite.hpp"

namespace pawl::distributor {

/// Who did what, and when. Entries are never changed or removed; the number rises by one.
struct AuditEntry {
  std::int64_t number = 0;  // given by the store
  UtcTime time{};
  std::string who;      // SPIFFE ID, "uid:1000", or "rule:NAME"
  std::string action;   // "device-ban", "release-withdraw", ...
  std::string subject;  // device ID, or PRODUCT/VERSION
  std::string detail;
};

/// A release that is not offered although the repository lists it.
using Withheld = std::pair<std::string, std::string>;  // product, version

/// What becomes durable together.
struct Change {
  std::vector<Device> devices;  // as they are now
  std::int64_t status_device = 0;
  std::vector<StatusRecord> statuses;  // of that device; a number it has used already is skipped
  std::optional<Withheld> withhold;
  std::optional<Withheld> restore;
  std::vector<AuditEntry> audit;
  UtcTime time{};
};

struct Contents {
  std::vector<Device> devices;
  std::set<Withheld> withheld;
};

/// The distributor's database, schema 1. One thread writes; readers open their own.
class Store {
 public:
  static constexpr std::int64_t kSchema = 1;
  static constexpr std::int64_t kKeptStatuses = 1024;  // of each device, the highest numbers

  /// Opens or creates. @return kMalformed for another program's file, kConfig for a newer schema,
  /// and what Sqlite::open says.
  static Result<Store> open(const std::string& path);
  Result<Contents> load();
  /// All changes or none, durable when it returns. @return kIo, kNoSpace: nothing may be answered
  Status commit(const std::vector<const Change*>& changes);

 private:
  struct Statements {
    Statement put_device;
    Statement put_status;
    Statement prune_statuses;
    Statement withhold;
    Statement restore;
    Statement audit;
  };
  Store(Sqlite database, Statements statements)
      : database_(std::move(database)), statements_(std::move(statements)) {}
  Status write(const Change& change);
  Status put(const Device& device);
  Status put_statuses(const Change& change);
  Status put(const AuditEntry& entry);
  Sqlite database_;
  Statements statements_;
};

/// Reads what only people ask for, beside the writer.
class StoreReader {
 public:
  static Result<StoreReader> open(const std::string& path);
  /// The newest `limit` records of a device, newest first.
  Result<std::vector<StatusRecord>> statuses(std::int64_t device, std::int64_t limit);
  /// Entries above `after`, in their order.
  Result<std::vector<AuditEntry>> audit(std::int64_t after, std::int64_t limit);

 private:
  StoreReader(Sqlite database, Statement statuses, Statement audit)
      : database_(std::move(database)), statuses_(std::move(statuses)), audit_(std::move(audit)) {}
  Sqlite database_;
  Statement statuses_;
  Statement audit_;
};

}  // namespace pawl::distributor
