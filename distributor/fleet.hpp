#pragma once
#include <set>
#include <string>

#include "base/log.hpp"
#include "distributor/catalog.hpp"
#include "distributor/registry.hpp"
#include "distributor/writer.hpp"

namespace pawl::distributor {

/// Counted since the start, for the metrics.
struct FleetFigures {
  std::uint64_t checks = 0;
  std::uint64_t unchanged = 0;  // checks answered 204
  std::uint64_t offers = 0;
  std::uint64_t statuses = 0;  // records received
  std::uint64_t lowered = 0;   // security versions that went down
  std::uint64_t denied = 0;    // requests of devices that are not admitted
};

/// How often devices should ask.
struct Pace {
  Seconds least{3600};                   // what a small fleet is told
  std::uint64_t polls_per_second = 500;  // what this server takes; a large fleet waits longer
};

/// The state of the distributor: who the devices are and what there is for them. Decisions are
/// made in memory and written behind; whoever must be sure waits for the writer. One thread.
class Fleet {
 public:
  Fleet(Registry registry, std::set<Withheld> withheld, Pace pace, Writer& writer, Log& log)
      : registry_(std::move(registry)),
        withheld_(std::move(withheld)),
        pace_(pace),
        writer_(writer),
        log_(log) {}

  /// The device of a peer that connected; a stranger is written down.
  Device& see(const identity::SpiffeId& id, UtcTime now);
  /// What a poll gets: nothing when the device has seen the metadata and there is no release above
  /// its own, else a body (FORMAT 12.4.2).
  std::optional<std::string> check(Device& device, const CheckRequest& request, UtcTime now);
  /// Answers {"acknowledged":N} when the records are durable (FORMAT 12.4.4).
  void report(Device& device, std::vector<StatusRecord> records, UtcTime now, http::Reply reply);
  /// A person's decision; the answer goes out when it is durable, the decision counts at once.
  void decide(const identity::SpiffeId& id, const Decision& decision, AuditEntry entry,
              http::Reply reply);
  enum class Offering : std::uint8_t { kStopped, kResumed };
  void set_offering(const Withheld& release, Offering offering, AuditEntry entry,
                    http::Reply reply);
  /// Something happened that only the audit must know.
  void note(AuditEntry entry);

  /// What the repository offers from now on, and through whom.
  void set_catalog(Catalog catalog, const AuditEntry& entry);
  /// The same through the admin API; the answer goes out when the entry is durable.
  void published(Catalog catalog, AuditEntry entry, http::Reply reply);
  /// Writes who was seen since the last time: a poll alone costs no disk.
  void flush(UtcTime now);
  [[nodiscard]] Seconds poll_after() const;
  [[nodiscard]] const Registry& registry() const { return registry_; }
  [[nodiscard]] const Catalog& catalog() const { return catalog_; }
  [[nodiscard]] const std::set<Withheld>& withheld() const { return withheld_; }
  [[nodiscard]] const FleetFigures& figures() const { return figures_; }
  void count_denied() { ++figures_.denied; }
  [[nodiscard]] Writer& writer() { return writer_; }

 private:
  Registry registry_;
  std::set<Withheld> withheld_;
  Pace pace_;
  Writer& writer_;
  Log& log_;
  Catalog catalog_;
  FleetFigures figures_;
  std::set<identity::SpiffeId> touched_;  // since the last flush
};

/// {"changed":true|false}.
[[nodiscard]] http::Response changed_answer(bool changed);

}  // namespace pawl::distributor
