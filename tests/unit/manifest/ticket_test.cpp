#include "manifest/ticket.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "device.hpp"
#include "fakes/edit_json.hpp"
#include "fakes/ticket.hpp"
#include "manifest/verify_release.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::edit_json;

namespace {

TicketNumber number(std::uint8_t fill) {
  TicketNumber out;
  out.bytes.fill(fill);
  return out;
}

/// A development device that gave out a nonce, and the ticket made for it; rows change one thing.
struct Case {
  Device device;
  std::string product = "gw3";
  std::optional<Tickets> tickets = Tickets{number(1), number(2), 0};
  Ticket ticket;
  std::string key = "debug";
  std::function<void(Bytes&)> damage = [](Bytes&) {};

  Case() {
    fakes::make_development(device.repo);
    ticket = fakes::ticket_for(device.repo, *tickets, fakes::sample_release(3));
  }
  Result<Override> accept() {
    auto client = device.updater();
    PAWL_TRY(const auto refreshed, client.refresh());
    (void)refreshed;
    auto file = fakes::signed_ticket(ticket, key);
    damage(file);
    return Override::accept(file, client.trusted(), product, tickets);
  }
};

struct Row {
  const char* why;
  Errc code;
  const char* attack;
  std::function<void(Case&)> change;
};

const Row kRows[] = {
    {"not a development device", Errc::kNotForDevice, "wrong-device",
     [](Case& c) {
       c.device.repo.policy.development.clear();
       c.device.repo.bump_root();
     }},
    {"development keys of another product", Errc::kNotForDevice, "wrong-device",
     [](Case& c) { c.product = "gw4"; }},
    {"for a production product, by the keys of another one", Errc::kNotForDevice, "wrong-device",
     [](Case& c) { c.product = c.ticket.product = "gw4"; }},
    {"another key", Errc::kBadSignature, "arbitrary", [](Case& c) { c.key = "intruder"; }},
    {"a release key", Errc::kBadSignature, "arbitrary", [](Case& c) { c.key = "rel-gw3"; }},
    {"altered", Errc::kBadSignature, "arbitrary",
     [](Case& c) {
       c.damage = [](Bytes& file) {
         const auto at = as_text(file).find("\"nonce\":\"02");
         file.at(at + 10) = '3';
       };
     }},
    {"cut", Errc::kMalformed, "malformed",
     [](Case& c) { c.damage = [](Bytes& file) { file.pop_back(); }; }},
    {"too long", Errc::kTooLarge, "endless",
     [](Case& c) { c.damage = [](Bytes& file) { file.resize(Ticket::kMaxBytes + 1, ' '); }; }},
    {"another repository", Errc::kBadSignature, "mix-and-match",
     [](Case& c) { c.ticket.repository.bytes[0] ^= 1U; }},
    {"signed for another product", Errc::kNotForDevice, "wrong-device",
     [](Case& c) { c.ticket.product = "gw4"; }},
    {"another device", Errc::kNotForDevice, "wrong-device",
     [](Case& c) { c.ticket.device = number(9); }},
    {"another nonce", Errc::kRollback, "rollback", [](Case& c) { c.ticket.nonce = number(9); }},
    {"used already", Errc::kRollback, "rollback", [](Case& c) { c.tickets->nonce.reset(); }},
    {"never asked for", Errc::kRollback, "rollback", [](Case& c) { c.tickets.reset(); }},
    {"expires now", Errc::kExpired, "freeze",
     [](Case& c) { c.ticket.expires = c.device.clock.time; }},
};

}  // namespace

TEST_CASE("ticket: good for the device, the nonce and the hour it was made for (FORMAT 15.3.1)",
          "[manifest][ticket]") {
  Case c;
  const auto accepted = c.accept();
  INFO(outcome(accepted));
  REQUIRE(accepted);
  CHECK(accepted->ticket() == c.ticket);
  CHECK(accepted->signers() == std::vector{fakes::SigningKey("debug").id()});
  CHECK(accepted->waives(Waiver::kReleaseCounter));
  CHECK_FALSE(accepted->waives(Waiver::kRolloutWindow));
  c.ticket.expires = c.device.clock.time + Seconds(1);
  CHECK(c.accept());
}

TEST_CASE("ticket: every other one is refused (FORMAT 15.3.1, 15.3.2)", "[manifest][ticket]") {
  for (const auto& row : kRows) {
    INFO(row.why);
    Case c;
    row.change(c);
    const auto accepted = c.accept();
    REQUIRE_FALSE(accepted);
    INFO(accepted.error().what());
    CHECK(accepted.error().code() == row.code);
    CHECK(accepted.error().attack() == row.attack);
  }
}

TEST_CASE("ticket: what does not follow the format is refused (FORMAT 15.2.1, 15.2.2)",
          "[manifest][ticket]") {
  const auto good = Case().ticket.serialise();
  REQUIRE(Ticket::parse(good));
  CHECK(Ticket::parse(good)->serialise() == good);
  const auto list = [](std::initializer_list<std::string_view> names) {
    json::Array out;
    for (const auto name : names) out.emplace_back(name);
    return json::Value(std::move(out));
  };
  const std::pair<const char*, fakes::Edit> rows[] = {
      {"other type", {"_type", json::Value("pawl.policy")}},
      {"other format", {"format", json::Value(2)}},
      {"no device", {"device", std::nullopt}},
      {"device too short", {"device", json::Value("01")}},
      {"nonce in upper case", {"nonce", json::Value(std::string(64, 'A'))}},
      {"no nonce", {"nonce", std::nullopt}},
      {"no manifest", {"manifest", std::nullopt}},
      {"no product name", {"product", json::Value("GW")}},
      {"no expiry", {"expires", std::nullopt}},
      {"waives nothing", {"waives", list({})}},
      {"waives the security floor", {"waives", list({"security-version"})}},
      {"waives twice", {"waives", list({"release-counter", "release-counter"})}},
      {"waives a number", {"waives", *json::parse("[1]", {})}},
      {"not sorted", {"waives", list({"rollout-window", "release-counter"})}},
      {"another role", {"x-pawl/role", json::Value("rel-gw3")}},
      {"no repository", {"x-pawl/repo", std::nullopt}},
      {"a member that means nothing", {"also", json::Value(1)}}};
  for (const auto& [why, edit] : rows) {
    INFO(why);
    const auto parsed = Ticket::parse(edit_json(good, edit));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
  auto named = Case().ticket;
  named.product = "GW";  // and so its role
  CHECK(Ticket::parse(named.serialise()).error().code() == Errc::kMalformed);
  for (std::size_t n = 0; n < good.size(); ++n) {
    REQUIRE(Ticket::parse(good.substr(0, n)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("ticket: its keys serve nothing else (FORMAT 15.1.1)", "[manifest][ticket]") {
  for (const auto* shared : {"timestamp", "rel-gw3"}) {
    INFO(shared);
    Device device;
    device.repo.signers[shared] = {SigningKey("debug")};
    if (std::string_view(shared) == "rel-gw3") {
      device.repo.delegate("rel-gw3", {release_pattern("gw3")});
    }
    fakes::make_development(device.repo);
    device.repo.bump();
    const auto refreshed = device.refresh();
    REQUIRE_FALSE(refreshed);
    CHECK(refreshed.error().code() == Errc::kMalformed);
    CHECK(refreshed.error().what().find("signs tickets") != std::string::npos);
  }
}

namespace {

/// What verify_release says of a release under a ticket for it, on a device that has committed
/// release counter 10 at the floor 6, under the ceiling 40.
Result<Verified<AcceptedRelease>> verify_with(const Release& release, std::vector<Waiver> waivers,
                                              std::optional<Sha256Digest> running = {}) {
  Case c;
  c.ticket = fakes::ticket_for(c.device.repo, *c.tickets, release);
  c.ticket.waivers = std::move(waivers);
  PAWL_TRY(const auto ticket, c.accept());
  const auto text = release.serialise();
  TargetInfo target;
  target.length = text.size();
  target.hashes.sha256 = sha256(as_bytes(text));
  target.custom = ReleaseSummary::of(release).to_json();
  auto facts = c.device.facts;
  facts.now = c.device.clock.time;
  facts.committed_manifest = running;
  const auto floors = with_commit({}, ReleaseCounter(10), SecurityVersion(6));
  return verify_release(as_bytes(text), target, facts, floors, c.device.repo.policy,
                        Freshness::kLive, &ticket);
}

Errc code_of(const Result<Verified<AcceptedRelease>>& verified) {
  return verified ? Errc::kUsage : verified.error().code();
}

}  // namespace

TEST_CASE("ticket: it waives what it names and nothing else (FORMAT 15.2.3, 15.3.3)",
          "[manifest][ticket]") {
  auto older = fakes::sample_release(3);
  CHECK(code_of(verify_with(older, {Waiver::kReleaseCounter})) == Errc::kUsage);
  CHECK(code_of(verify_with(older, {Waiver::kRolloutWindow})) == Errc::kRollback);
  const auto same = fakes::sample_release(10);
  CHECK(code_of(verify_with(same, {Waiver::kReleaseCounter})) == Errc::kUsage);
  const auto digest = sha256(as_bytes(same.serialise()));
  CHECK(verify_with(same, {Waiver::kReleaseCounter}, digest)->operator->()->standing ==
        Standing::kCommitted);

  auto early = fakes::sample_release(11);
  early.rollout.emplace();
  early.rollout->not_before = at("2027-01-01T00:00:00Z");
  CHECK(code_of(verify_with(early, {Waiver::kRolloutWindow})) == Errc::kUsage);
  CHECK(code_of(verify_with(early, {Waiver::kReleaseCounter})) == Errc::kNotForDevice);

  const auto both = std::vector{Waiver::kReleaseCounter, Waiver::kRolloutWindow};
  auto below = older;
  below.security_version = SecurityVersion(5);
  below.min_security_version = SecurityVersion(5);
  CHECK(code_of(verify_with(below, both)) == Errc::kRollback);
  auto least = older;
  least.min_security_version = SecurityVersion(5);
  CHECK(code_of(verify_with(least, both)) == Errc::kRollback);
  auto above = older;
  above.security_version = SecurityVersion(41);
  CHECK(code_of(verify_with(above, both)) == Errc::kRollback);
  auto foreign = older;
  foreign.hardware = {{"z", 0}};
  CHECK(code_of(verify_with(foreign, both)) == Errc::kNotForDevice);
}

TEST_CASE("ticket: it is for one release (FORMAT 15.3.3)", "[manifest][ticket]") {
  Case c;
  const auto ticket = c.accept();
  REQUIRE(ticket);
  CHECK(ticket->check_release(c.ticket.manifest));
  const auto other = ticket->check_release(sha256(as_bytes("another")));
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::kHashMismatch);
  CHECK(other.error().attack() == "mix-and-match");
}

TEST_CASE("ticket: request and use stand in the floors record (FORMAT 2.8.7)",
          "[manifest][ticket]") {
  Floors floors;
  floors = with_ticket_request(floors, number(1), number(2));
  CHECK(floors.tickets == Tickets{number(1), number(2), 0});
  CHECK(*Floors::parse(floors.serialise()) == floors);
  floors = with_ticket_used(floors);
  CHECK(floors.tickets == Tickets{number(1), std::nullopt, 1});
  CHECK(*Floors::parse(floors.serialise()) == floors);
  floors = with_ticket_request(floors, number(7), number(3));  // the device keeps its number
  CHECK(floors.tickets == Tickets{number(1), number(3), 1});
  const std::pair<const char*, fakes::Edit> rows[] = {
      {"no device", {"tickets/device", std::nullopt}},
      {"device too short", {"tickets/device", json::Value("01")}},
      {"nonce too short", {"tickets/nonce", json::Value("01")}},
      {"used as text", {"tickets/used", json::Value("1")}},
      {"no number", {"tickets/used", std::nullopt}}};
  for (const auto& [why, edit] : rows) {
    INFO(why);
    CHECK(Floors::parse(edit_json(floors.serialise(), edit)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("policy: development keys are a role of their own (FORMAT 15.1.1, 2.7.4)",
          "[manifest][ticket]") {
  const auto good = Case().device.repo.policy.serialise();
  REQUIRE(Policy::parse(good));
  CHECK(*Policy::parse(good) == Case().device.repo.policy);
  CHECK(Policy::parse(good)->serialise() == good);
  const std::pair<const char*, fakes::Edit> rows[] = {
      {"no keys", {"development/gw3/keys", std::nullopt}},
      {"no key ids", {"development/gw3/keyids", std::nullopt}},
      {"threshold 0", {"development/gw3/threshold", json::Value(0)}},
      {"threshold that cannot be met", {"development/gw3/threshold", json::Value(2)}},
      {"no product name", {"development/GW", json::Value(json::Object())}},
      {"no object", {"development/gw3", json::Value(1)}}};
  for (const auto& [why, edit] : rows) {
    INFO(why);
    CHECK(Policy::parse(edit_json(good, edit)).error().code() == Errc::kMalformed);
  }
}
