#include "distributor/registry.hpp"

#include <algorithm>
#include <iterator>

#include "base/bytes.hpp"

namespace pawl::distributor {
namespace {

using identity::SpiffeId;
constexpr std::string_view kStates[] = {"pending", "admitted", "banned", "retired"};

Error not_now(const Device& device, std::string_view what) {
  return fail(Errc::kUsage, "a device that is " + std::string(state_name(device.state)) +
                                " cannot be " + std::string(what));
}

Result<bool> move_to(Device& device, DeviceState state) {
  return std::exchange(device.state, state) != state;
}

Result<bool> admit(Device& device, const Decision& decision) {
  if (device.state == DeviceState::kBanned) return not_now(device, "admitted; unban it first");
  const auto before = device;
  if (decision.product) device.product = *decision.product;
  if (device.product.empty()) return fail(Errc::kUsage, "name the product of this device");
  if (decision.tags) device.tags = *decision.tags;
  device.state = DeviceState::kAdmitted;
  return before.state != device.state || before.product != device.product ||
         before.tags != device.tags;
}

Result<bool> retire(Device& device) {
  if (device.state == DeviceState::kBanned) return not_now(device, "retired; the ban stays");
  return move_to(device, DeviceState::kRetired);
}

Result<bool> unban(Device& device) {
  if (device.state != DeviceState::kBanned) return false;
  return move_to(device, DeviceState::kPending);  // who was banned is looked at again
}

Result<bool> apply(Device& device, const Decision& decision) {
  switch (decision.action) {
    case Action::kAdmit:
      return admit(device, decision);
    case Action::kBan:
      return move_to(device, DeviceState::kBanned);
    case Action::kUnban:
      return unban(device);
    case Action::kRetire:
      return retire(device);
    case Action::kTag:
      return std::exchange(device.tags, decision.tags.value_or(device.tags)) != device.tags;
  }
  return false;
}

}  // namespace

Status Registry::load(std::vector<Device> devices) {
  for (auto& device : devices) {
    if (admins_.contains(device.id)) {
      return fail(Errc::kConfig,
                  "admin.ids names " + printable(device.id.uri()) + ", which is a device");
    }
    last_row_ = std::max(last_row_, device.row);
    ++counts_[static_cast<std::size_t>(device.state)];
    auto key = device.id.uri();
    devices_.insert_or_assign(std::move(key), std::move(device));
  }
  return Ok{};
}

const Device* Registry::find(const SpiffeId& id) const {
  const auto found = devices_.find(id.uri());
  return found == devices_.end() ? nullptr : &found->second;
}

Status Registry::may_connect(const SpiffeId& id) const {
  if (admins_.contains(id)) return fail(Errc::kPeer, "an admin's identity is not a device");
  const auto* device = find(id);
  if (device == nullptr) return Ok{};
  if (device->state == DeviceState::kBanned) {
    return fail(Errc::kRefusedByServer, "this device is banned");
  }
  if (device->state == DeviceState::kRetired) {
    return fail(Errc::kRefusedByServer, "this device is retired");
  }
  return Ok{};
}

Status Registry::may_fetch(const Device& device) {
  if (device.state == DeviceState::kAdmitted) return Ok{};
  return fail(Errc::kRefusedByServer,
              "this device is " + std::string(state_name(device.state)) + ", not admitted");
}

Device& Registry::add(const SpiffeId& id, UtcTime now) {
  ++counts_[static_cast<std::size_t>(DeviceState::kPending)];
  Device fresh{++last_row_, id, DeviceState::kPending, {}, {}, {}, now, {}, {}, {}};
  return devices_.insert_or_assign(id.uri(), std::move(fresh)).first->second;
}

Registry::Seen Registry::see(const SpiffeId& id, UtcTime now) {
  const auto found = devices_.find(id.uri());
  if (found != devices_.end()) return {&found->second, false};
  auto& device = add(id, now);
  if (const auto* rule = admitting_rule(rules_, id); rule != nullptr) {
    recount(std::exchange(device.state, DeviceState::kAdmitted), DeviceState::kAdmitted);
    device.product = rule->product;
    device.tags = rule->tags;
    device.rule = rule->name;
  }
  return {&device, true};
}

Result<bool> Registry::decide(const SpiffeId& id, const Decision& decision, UtcTime now) {
  if (admins_.contains(id)) {
    return fail(Errc::kConfig, printable(id.uri()) + " is an admin, not a device");
  }
  const auto found = devices_.find(id.uri());
  const bool makes = decision.action == Action::kAdmit || decision.action == Action::kBan;
  if (found == devices_.end() && !makes) {
    return fail(Errc::kUsage, "no such device: " + printable(id.uri()));
  }
  if (found == devices_.end() && decision.action == Action::kAdmit && !decision.product) {
    return fail(Errc::kUsage, "name the product of this device");
  }
  auto& device = found == devices_.end() ? add(id, now) : found->second;
  const auto before = device.state;
  auto changed = apply(device, decision);
  recount(before, device.state);
  return changed;
}

void Registry::recount(DeviceState before, DeviceState after) {
  --counts_[static_cast<std::size_t>(before)];
  ++counts_[static_cast<std::size_t>(after)];
}

Trend Registry::note_check(Device& device, const CheckRequest& request, UtcTime now) {
  const auto before = std::exchange(device.reported, request);
  device.last_seen = now;
  if (!before) return Trend::kFirst;
  if (request.security_version < before->security_version) return Trend::kDown;
  const bool same = request.release_counter == before->release_counter &&
                    request.security_version == before->security_version;
  return same ? Trend::kSame : Trend::kUp;
}

void Registry::note_status(Device& device, const StatusRecord& newest, UtcTime now) {
  device.last_seen = now;
  if (!device.last_status || device.last_status->seq < newest.seq) device.last_status = newest;
}

std::vector<const Device*> Registry::list(const std::string& after, std::size_t limit,
                                          std::optional<DeviceState> state) const {
  std::vector<const Device*> out;
  for (auto at = devices_.upper_bound(after); at != devices_.end() && out.size() < limit; ++at) {
    if (!state || at->second.state == *state) out.push_back(&at->second);
  }
  return out;
}

std::string_view state_name(DeviceState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<DeviceState> state_of(std::string_view name) {
  const auto* const found = std::find(std::begin(kStates), std::end(kStates), name);
  if (found == std::end(kStates)) return std::nullopt;
  return static_cast<DeviceState>(found - std::begin(kStates));
}

}  // namespace pawl::distributor
