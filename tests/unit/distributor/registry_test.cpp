#include "distributor/registry.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::distributor;
using identity::SpiffeId;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};
const auto kDevice = *SpiffeId::parse("spiffe://example.org/device/gw3-1");
const auto kStranger = *SpiffeId::parse("spiffe://example.org/sensor/x");
const auto kAdmin = *SpiffeId::parse("spiffe://example.org/admin/ann");

Registry registry() {
  return Registry({{"line",
                    *identity::TrustDomain::parse("example.org"),
                    *IdPattern::parse("/device/*"),
                    "lamp",
                    {"canary"}}},
                  {kAdmin});
}

Decision decision(Action action, std::optional<std::string> product = std::nullopt) {
  return {action, std::move(product), std::nullopt};
}

CheckRequest running(std::uint64_t security, std::uint64_t counter = 1) {
  CheckRequest out;
  out.security_version = SecurityVersion(security);
  out.release_counter = ReleaseCounter(counter);
  return out;
}

}  // namespace

TEST_CASE("registry: a stranger waits unless a rule admits it (FORMAT 12.5.3)",
          "[distributor][registry]") {
  auto devices = registry();
  const auto admitted = devices.see(kDevice, kNow);
  CHECK(admitted.is_new);
  CHECK(admitted.device->state == DeviceState::kAdmitted);
  CHECK(admitted.device->product == "lamp");
  CHECK(admitted.device->tags == std::vector<std::string>{"canary"});
  CHECK(admitted.device->rule == "line");
  CHECK(Registry::may_fetch(*admitted.device));
  const auto waiting = devices.see(kStranger, kNow);
  CHECK(waiting.device->state == DeviceState::kPending);
  CHECK(Registry::may_fetch(*waiting.device).error().code() == Errc::kRefusedByServer);
  CHECK(devices.may_connect(kStranger));  // to be told that it waits
  CHECK_FALSE(devices.see(kDevice, kNow).is_new);
  CHECK(admitted.device->row != waiting.device->row);
}

TEST_CASE("registry: every decision in every state (FORMAT 12.5.4)", "[distributor][registry]") {
  using S = DeviceState;
  using A = Action;
  struct Row {
    S from;
    A action;
    std::optional<S> to;  // nothing: refused with usage
    bool changed;
  };
  const Row rows[] = {{S::kPending, A::kAdmit, S::kAdmitted, true},
                      {S::kPending, A::kBan, S::kBanned, true},
                      {S::kPending, A::kUnban, S::kPending, false},
                      {S::kPending, A::kRetire, S::kRetired, true},
                      {S::kAdmitted, A::kAdmit, S::kAdmitted, false},
                      {S::kAdmitted, A::kBan, S::kBanned, true},
                      {S::kAdmitted, A::kUnban, S::kAdmitted, false},
                      {S::kAdmitted, A::kRetire, S::kRetired, true},
                      {S::kBanned, A::kAdmit, std::nullopt, false},
                      {S::kBanned, A::kBan, S::kBanned, false},
                      {S::kBanned, A::kUnban, S::kPending, true},
                      {S::kBanned, A::kRetire, std::nullopt, false},
                      {S::kRetired, A::kAdmit, S::kAdmitted, true},
                      {S::kRetired, A::kBan, S::kBanned, true},
                      {S::kRetired, A::kUnban, S::kRetired, false},
                      {S::kRetired, A::kRetire, S::kRetired, false}};
  for (const auto& row : rows) {
    INFO(state_name(row.from) << " and action " << static_cast<int>(row.action));
    auto devices = registry();
    REQUIRE(devices.load({{7, kStranger, row.from, "lamp", {}, {}, kNow, {}, {}, {}}}));
    const auto done = devices.decide(kStranger, decision(row.action), kNow);
    CHECK(devices.find(kStranger)->state == row.to.value_or(row.from));
    CHECK(devices.count(row.to.value_or(row.from)) == 1);
    if (row.to) {
      REQUIRE(done);
      CHECK(*done == row.changed);
    } else {
      REQUIRE_FALSE(done);
      CHECK(done.error().code() == Errc::kUsage);
    }
  }
}

TEST_CASE("registry: who is banned or retired may not connect, nor may an admin (FORMAT 12.5.1)",
          "[distributor][registry]") {
  auto devices = registry();
  devices.see(kDevice, kNow);
  CHECK(devices.may_connect(kDevice));
  REQUIRE(devices.decide(kDevice, decision(Action::kBan), kNow));
  CHECK(devices.may_connect(kDevice).error().code() == Errc::kRefusedByServer);
  REQUIRE(devices.decide(kDevice, decision(Action::kUnban), kNow));
  CHECK(devices.may_connect(kDevice));
  CHECK_FALSE(devices.see(kDevice, kNow).is_new);  // the rule does not admit it a second time
  CHECK(devices.find(kDevice)->state == DeviceState::kPending);
  REQUIRE(devices.decide(kDevice, decision(Action::kRetire), kNow));
  CHECK(devices.may_connect(kDevice).error().code() == Errc::kRefusedByServer);
  CHECK(devices.may_connect(kAdmin).error().code() == Errc::kPeer);
}

TEST_CASE("registry: an admin is never a device (FORMAT 12.6.1)", "[distributor][registry]") {
  auto devices = registry();
  CHECK(devices.decide(kAdmin, decision(Action::kAdmit, "lamp"), kNow).error().code() ==
        Errc::kConfig);
  CHECK(devices.load({{1, kAdmin, DeviceState::kPending, {}, {}, {}, kNow, {}, {}, {}}})
            .error()
            .code() == Errc::kConfig);
}

TEST_CASE("registry: a device can be decided on before it comes", "[distributor][registry]") {
  auto devices = registry();
  CHECK(devices.decide(kStranger, decision(Action::kAdmit), kNow).error().code() == Errc::kUsage);
  CHECK(devices.size() == 0);  // a refused decision leaves no trace
  REQUIRE(devices.decide(kStranger, decision(Action::kAdmit, "pump"), kNow));
  CHECK(devices.see(kStranger, kNow).device->product == "pump");
  for (const auto action : {Action::kUnban, Action::kRetire, Action::kTag}) {
    const auto unknown = *SpiffeId::parse("spiffe://example.org/sensor/unknown");
    CHECK(devices.decide(unknown, decision(action), kNow).error().code() == Errc::kUsage);
  }
  REQUIRE(devices.decide(kDevice, decision(Action::kBan), kNow));
  CHECK(devices.see(kDevice, kNow).device->state == DeviceState::kBanned);  // no rule helps
}

TEST_CASE("registry: a security version that goes down is noticed (FORMAT 12.4.5)",
          "[distributor][registry]") {
  auto devices = registry();
  auto& device = *devices.see(kDevice, kNow).device;
  CHECK(Registry::note_check(device, running(3), kNow) == Trend::kFirst);
  CHECK(Registry::note_check(device, running(3), kNow) == Trend::kSame);
  CHECK(Registry::note_check(device, running(3, 2), kNow) == Trend::kUp);
  CHECK(Registry::note_check(device, running(4), kNow) == Trend::kUp);
  CHECK(Registry::note_check(device, running(3), kNow) == Trend::kDown);
}

TEST_CASE("registry: the highest status number is kept", "[distributor][registry]") {
  auto devices = registry();
  auto& device = *devices.see(kDevice, kNow).device;
  StatusRecord nine;
  nine.seq = 9;
  StatusRecord four;
  four.seq = 4;
  Registry::note_status(device, nine, kNow);
  Registry::note_status(device, four, kNow);  // sent again
  CHECK(device.last_status->seq == 9);
}

TEST_CASE("registry: lists are pages in the order of IDs", "[distributor][registry]") {
  auto devices = registry();
  for (const auto* name : {"c", "a", "b"}) {
    devices.see(*SpiffeId::parse("spiffe://example.org/device/" + std::string(name)), kNow);
  }
  REQUIRE(devices.decide(*SpiffeId::parse("spiffe://example.org/device/b"), decision(Action::kBan),
                         kNow));
  const auto first = devices.list("", 2, std::nullopt);
  REQUIRE(first.size() == 2);
  CHECK(first.back()->id.uri() == "spiffe://example.org/device/b");
  CHECK(devices.list(first.back()->id.uri(), 2, std::nullopt).size() == 1);
  CHECK(devices.list("", 9, DeviceState::kBanned).size() == 1);
  CHECK(devices.count(DeviceState::kAdmitted) == 2);
  CHECK(devices.count(DeviceState::kBanned) == 1);
  CHECK(devices.count(DeviceState::kPending) == 0);
  CHECK(devices.count(DeviceState::kRetired) == 0);
}
