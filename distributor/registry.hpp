#pragma once
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "distributor/messages.hpp"
#include "distributor/policy.hpp"

namespace pawl::distributor {

/// pending: seen, and nobody decided; only admitted devices get anything.
enum class DeviceState : std::uint8_t { kPending, kAdmitted, kBanned, kRetired };

struct Device {
  std::int64_t row = 0;  // its number in the database; 0 before the registry gave one
  identity::SpiffeId id;
  DeviceState state = DeviceState::kPending;
  std::string product;  // empty until it was admitted
  std::vector<std::string> tags;
  std::string rule;  // that admitted it; empty: a person did
  UtcTime first_seen{};
  UtcTime last_seen{};                      // epoch: never
  std::optional<CheckRequest> reported;     // by the last check
  std::optional<StatusRecord> last_status;  // with the highest number
};

enum class Action : std::uint8_t { kAdmit, kBan, kUnban, kRetire, kTag };

/// What a person decides about one device.
struct Decision {
  Action action = Action::kAdmit;
  std::optional<std::string> product;            // admit: needed unless the device has one
  std::optional<std::vector<std::string>> tags;  // admit, tag: replace the old ones
};

/// What a check told about the anti-rollback numbers.
enum class Trend : std::uint8_t { kFirst, kSame, kUp, kDown };

/// All devices, in memory; the database follows. Pure: no file, no clock, one thread.
class Registry {
 public:
  /// @param admins  never devices
  Registry(std::vector<AdmitRule> rules, std::set<identity::SpiffeId> admins)
      : rules_(std::move(rules)), admins_(std::move(admins)) {}

  /// Takes what the database holds, before anything else. @return kConfig when an admin is among
  /// the devices.
  [[nodiscard]] Status load(std::vector<Device> devices);
  /// kPeer for an admin's ID, kRefusedByServer for a banned or retired device; strangers and
  /// pending devices may go on to be told that they wait.
  [[nodiscard]] Status may_connect(const identity::SpiffeId& id) const;
  /// The device of a verified peer; a stranger becomes admitted by the first rule that matches, or
  /// pending (FORMAT 12.5.3). `is_new` tells whether it was a stranger.
  struct Seen {
    Device* device;
    bool is_new;
  };
  Seen see(const identity::SpiffeId& id, UtcTime now);
  /// kRefusedByServer unless the device is admitted.
  [[nodiscard]] static Status may_fetch(const Device& device);
  /// Carries a decision out. Admitting makes an unknown device known. @return whether anything
  /// changed; kUsage when the state does not allow it, kConfig for an admin's ID.
  Result<bool> decide(const identity::SpiffeId& id, const Decision& decision, UtcTime now);
  static Trend note_check(Device& device, const CheckRequest& request, UtcTime now);
  static void note_status(Device& device, const StatusRecord& newest, UtcTime now);

  [[nodiscard]] const Device* find(const identity::SpiffeId& id) const;
  /// At most `limit` devices after this ID, in the order of their IDs.
  [[nodiscard]] std::vector<const Device*> list(const std::string& after, std::size_t limit,
                                                std::optional<DeviceState> state) const;
  [[nodiscard]] std::size_t count(DeviceState state) const {
    return counts_[static_cast<std::size_t>(state)];
  }
  [[nodiscard]] std::size_t size() const { return devices_.size(); }

 private:
  Device& add(const identity::SpiffeId& id, UtcTime now);
  void recount(DeviceState before, DeviceState after);
  std::vector<AdmitRule> rules_;
  std::set<identity::SpiffeId> admins_;
  std::map<std::string, Device, std::less<>> devices_;  // by ID
  std::array<std::size_t, 4> counts_{};                 // by state
  std::int64_t last_row_ = 0;
};

[[nodiscard]] std::string_view state_name(DeviceState state);
[[nodiscard]] std::optional<DeviceState> state_of(std::string_view name);

}  // namespace pawl::distributor
