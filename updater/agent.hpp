#pragma once
#include <optional>
#include <string>

#include "updater/net_link.hpp"
#include "updater/poll.hpp"
#include "updater/schedule.hpp"
#include "updater/verbs.hpp"

namespace pawl::updater {

/// Lets time pass. In tests it notes how long.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// @return false when the program is to end
  virtual bool wait(Seconds time) = 0;
};

struct PollResult {
  enum class End : std::uint8_t {
    kNothing,    // nothing new
    kRefreshed,  // newer metadata, no release for this device
    kBusy,       // an offer, and another update that has not ended
    kArmed,      // installed; a restart tries it
  };
  End end = End::kNothing;
  std::string version;           // of the offer
  InstallTotals totals;          // of kArmed
  std::optional<Seconds> asked;  // when the server wants to be asked again
};

/// `pawl-updater run`: asks the server, installs what it offers, tells it what became of it.
/// Nothing the server says is believed but through signed metadata.
class Agent {
 public:
  Agent(Device& device, NetLink& link) : device_(device), link_(link) {}
  /// One round: what is in the spool, the poll, what it asks for, the spool again. Nothing new:
  /// no write to the disk. @return the errors of the network and of install()
  [[nodiscard]] Result<PollResult> poll();
  /// Rounds until one armed a trial and the configuration names a restart program, or until the
  /// waiter says so.
  [[nodiscard]] Status run(Waiter& waiter);

 private:
  [[nodiscard]] Result<std::optional<PollAnswer>> ask();
  [[nodiscard]] Result<PollRequest> request() const;
  [[nodiscard]] Result<PollResult> act(const PollAnswer& answer);
  [[nodiscard]] Status deliver();
  [[nodiscard]] Status acknowledge(std::uint64_t seq);
  [[nodiscard]] bool may_restart(const PollResult& done);
  [[nodiscard]] Seconds next_wait(const Result<PollResult>& done, Jitter& jitter);
  Device& device_;
  NetLink& link_;
  std::string etag_;
  unsigned failures_ = 0;
};

}  // namespace pawl::updater
