#include "manifest/bundle.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "base/reader.hpp"
#include "device.hpp"
#include "fakes/bundle.hpp"
#include "fakes/fake_disk.hpp"
#include "manifest/bundle_file.hpp"
#include "manifest/verify_release.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

const std::string kDigest(64, 'a');
const std::string kManifest = "releases/gw3/1.1.0/" + kDigest + ".manifest.json";

std::vector<BundleEntry> sample() {
  return {{BundlePart::kMetadata, "1.root.json", 10, 0},
          {BundlePart::kMetadata, "timestamp.json", 20, 0},
          {BundlePart::kTarget, kManifest, 30, 0},
          {BundlePart::kBlob, kDigest, 0, 0}};
}

/// The head of these entries without any check.
Bytes head_of(const std::vector<BundleEntry>& entries) {
  Writer table;
  for (const auto& entry : entries) {
    table.u8(static_cast<std::uint8_t>(entry.part));
    table.u16_le(static_cast<std::uint16_t>(entry.name.size()));
    table.u64_le(entry.length);
    table.bytes(as_bytes(entry.name));
  }
  Writer out;
  out.bytes(as_bytes("PAWLBND1"));
  out.u32_le(static_cast<std::uint32_t>(entries.size()));
  out.u32_le(static_cast<std::uint32_t>(table.view().size()));
  out.bytes(table.view());
  return std::move(out).take();
}

Errc code_of(ByteView head, std::uint64_t bodies) {
  const auto table = BundleTable::parse(head, head.size() + bodies);
  INFO(outcome(table));
  return table ? Errc::kUsage : table.error().code();
}

}  // namespace

TEST_CASE(
    "bundle: what is written is read, and parts lie end to end (FORMAT 14.1.1, 14.1.2, 14.1.4)",
    "[manifest][bundle]") {
  const auto built = BundleTable::build(sample());
  REQUIRE(built);
  const auto head = built->serialise();
  CHECK(head == head_of(sample()));
  CHECK(BundleTable::head_size(ByteView(head).first(16)).operator*() == head.size());
  const auto table = BundleTable::parse(head, head.size() + 60);
  REQUIRE(table);
  CHECK(table->entries() == built->entries());
  CHECK(table->product() == "gw3");
  CHECK(table->version() == "1.1.0");
  const auto* manifest = table->find(BundlePart::kTarget, kManifest);
  REQUIRE(manifest != nullptr);
  CHECK(manifest->offset == head.size() + 30);
  CHECK(table->find(BundlePart::kBlob, kManifest) == nullptr);
}

TEST_CASE(
    "bundle: a head that breaks a rule is refused (FORMAT 14.1.2, 14.1.3, 14.2.1, 14.2.2, 14.2.3)",
    "[manifest][bundle]") {
  struct Row {
    const char* why;
    Errc code;
    std::function<void(std::vector<BundleEntry>&)> change;
  };
  const auto bad = Errc::kMalformed;
  const auto set = [](std::size_t at, auto member, auto value) {
    return [=](std::vector<BundleEntry>& e) { e[at].*member = value; };
  };
  const Row rows[] = {
      {"part 0", bad, set(0, &BundleEntry::part, static_cast<BundlePart>(0))},
      {"part 4", bad, set(3, &BundleEntry::part, static_cast<BundlePart>(4))},
      {"metadata of no name", bad, set(0, &BundleEntry::name, "")},
      {"metadata above its folder", bad, set(0, &BundleEntry::name, "../1.root.json")},
      {"hidden metadata", bad, set(0, &BundleEntry::name, ".root.json")},
      {"no json", bad, set(0, &BundleEntry::name, "1.root")},
      {"long name", bad, set(0, &BundleEntry::name, std::string(400, 'a') + ".json")},
      {"empty metadata", Errc::kTooLarge, set(0, &BundleEntry::length, 0U)},
      {"long metadata", Errc::kTooLarge, set(0, &BundleEntry::length, 256U * 1024 + 1)},
      {"long manifest", Errc::kTooLarge, set(2, &BundleEntry::length, 64U * 1024 + 1)},
      {"blob over 2^40", Errc::kTooLarge, set(3, &BundleEntry::length, (1ULL << 40U) + 1)},
      {"blob of all ones", Errc::kTooLarge, set(3, &BundleEntry::length, ~0ULL)},
      {"blob by no digest", bad, set(3, &BundleEntry::name, "payload")},
      {"blob in upper case", bad, set(3, &BundleEntry::name, std::string(64, 'A'))},
      {"target outside", bad, set(2, &BundleEntry::name, "releases/../x/" + kDigest)},
      {"target that is no release", bad, set(2, &BundleEntry::name, "releases/gw3/manifest.json")},
      {"manifest without digest", bad,
       set(2, &BundleEntry::name, "releases/gw3/1.1.0/manifest.json")},
      {"twice", bad, [](auto& e) { e[1] = e[0]; }},
      {"out of order", bad, [](auto& e) { std::swap(e[1], e[2]); }},
      {"no manifest", bad, [](auto& e) { e.erase(e.begin() + 2); }},
      {"two manifests", bad,
       [](auto& e) {
         e.insert(e.begin() + 3,
                  {BundlePart::kTarget, "releases/gw3/2/" + kDigest + ".manifest.json", 1, 0});
       }},
  };
  for (const auto& row : rows) {
    auto entries = sample();
    row.change(entries);
    std::uint64_t bodies = 0;
    for (const auto& entry : entries) bodies += entry.length;
    INFO(row.why);
    CHECK(code_of(head_of(entries), bodies) == row.code);
    if (entries[0].name.size() < 400 && entries.back().part <= BundlePart::kBlob) {
      CHECK_FALSE(BundleTable::build(entries));
    }
  }
  CHECK_FALSE(BundleTable::build({}));
}

TEST_CASE("bundle: a part of a later format is named, and a prefix ends (FORMAT 14.1.1, 14.1.2)",
          "[manifest][bundle]") {
  auto entries = sample();
  entries[3].part = static_cast<BundlePart>(4);
  const auto head = head_of(entries);
  CHECK(BundleTable::parse(head, head.size() + 60).error().what() == "bundle: unknown part 4");
  const auto whole = ByteView(head);
  CHECK(BundleTable::head_size(whole.first(17)).error().code() == Errc::kMalformed);
}

TEST_CASE("bundle: magic, count, table and file have exactly their size (FORMAT 14.1.1, 14.1.3)",
          "[manifest][bundle]") {
  const auto good = head_of(sample());
  CHECK(code_of(good, 60) == Errc::kUsage);
  CHECK(code_of(good, 59) == Errc::kMalformed);
  CHECK(code_of(good, 61) == Errc::kMalformed);
  const auto with = [&](std::size_t at, std::uint8_t value) {
    auto head = good;
    head[at] = value;
    return code_of(head, 60);
  };
  CHECK(with(7, '2') == Errc::kMalformed);
  CHECK(with(8, 0) == Errc::kTooLarge);
  CHECK(with(8, 3) == Errc::kMalformed);
  CHECK(with(8, 5) == Errc::kMalformed);
  CHECK(with(9, 0x10) == Errc::kTooLarge);
  // A table of one byte more or less than its records have: what a head is cut to is not believed.
  CHECK(with(12, static_cast<std::uint8_t>(good[12] - 1)) == Errc::kMalformed);
  CHECK(with(12, static_cast<std::uint8_t>(good[12] + 1)) == Errc::kMalformed);
  CHECK(with(14, 0x11) == Errc::kTooLarge);
  // One file less than the table has, in a bundle of just the size those would give.
  auto fewer = sample();
  fewer.pop_back();
  auto rest = good;
  rest[8] = 3;
  const auto whole = BundleTable::build(fewer)->file_size();
  CHECK(BundleTable::parse(rest, whole).error().code() == Errc::kMalformed);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(code_of(ByteView(good).first(size), 60) != Errc::kUsage);
  }
}

TEST_CASE("bundle: too many files, and a table that is too long (FORMAT 14.1.3)",
          "[manifest][bundle]") {
  const auto many = [](std::size_t count) {
    std::vector<BundleEntry> out;
    for (std::size_t i = 1; i < count; ++i) {
      out.push_back({BundlePart::kMetadata, std::to_string(i) + ".root.json", 1, 0});
    }
    out.push_back({BundlePart::kTarget, kManifest, 1, 0});
    return out;
  };
  CHECK(BundleTable::build(many(4096)));
  CHECK_FALSE(BundleTable::build(many(4097)));
  CHECK(code_of(head_of(many(4097)), 4097) == Errc::kTooLarge);
}

namespace {

/// A device and a stick with the repository's newest release on it.
struct Stick {
  Device device;
  Release release = fakes::sample_release();
  fakes::FakeDisk disk;

  Stick() {
    release.offline = OfflineRule{OfflineUse::kAllowed, at("2027-06-01T00:00:00Z")};
    device.repo.root.header.expires = at("2029-01-01T00:00:00Z");
    device.repo.publish_root();
    device.repo.repository = Root::repository_id(device.repo.root.serialise());
  }
  /// Signs the release into the repository and copies everything to the stick.
  void copy() {
    device.repo.add_release(release);
    device.repo.bump();
    put(fakes::bundle_parts(device.repo, release));
  }
  void put(const std::vector<fakes::BundleFilePart>& parts) {
    disk.put("/stick.pawl", fakes::write_bundle(parts));
  }
  /// What `install --bundle` decides before it writes anything.
  Result<Verified<AcceptedRelease>> accept() {
    PAWL_TRY(auto bundle, BundleFile::open(disk, "/stick.pawl"));
    UpdaterOptions options;
    options.anchor = device.repo.root_file(1);
    options.floors = device.floors;
    options.delivery = Delivery::kBundle;
    Updater client(bundle, device.store, device.clock, std::move(options));
    auto report = client.refresh();
    device.floors = client.floors();
    PAWL_CHECK(std::move(report));
    freshness = client.trusted().freshness();
    PAWL_TRY(const auto info, client.find(release_path(release.product, release.version)));
    PAWL_ASSERT(info);
    PAWL_TRY(const auto bytes, client.fetch(*info, kMaxReleaseBytes));
    device.facts.now = client.trusted().time();
    return verify_release(bytes, *info, device.facts, device.floors, client.trusted().policy(),
                          client.trusted().freshness());
  }
  Freshness freshness = Freshness::kLive;
};

void check_refused(Stick& stick, Errc code, const char* attack) {
  const auto accepted = stick.accept();
  REQUIRE_FALSE(accepted);
  INFO(accepted.error().what());
  CHECK(accepted.error().code() == code);
  CHECK(accepted.error().attack() == attack);
}

}  // namespace

TEST_CASE("bundle: a file that loses its end while it is read gives no bytes",
          "[manifest][bundle]") {
  Stick stick;
  stick.copy();
  auto bundle = BundleFile::open(stick.disk, "/stick.pawl");
  REQUIRE(bundle);
  REQUIRE(bundle->metadata("timestamp.json", 4096));
  const auto* entry = bundle->table().find(BundlePart::kMetadata, "timestamp.json");
  REQUIRE(entry != nullptr);
  stick.disk.cut_short("/stick.pawl", static_cast<std::size_t>(entry->offset + entry->length - 1));
  const auto rest = bundle->metadata("timestamp.json", 4096);
  REQUIRE_FALSE(rest);
  CHECK(rest.error().code() == Errc::kTransport);
}

TEST_CASE(
    "bundle: expired metadata counts only as long as the release says (FORMAT 14.3.1, 14.3.2)",
    "[manifest][bundle]") {
  Stick stick;
  stick.copy();
  struct Row {
    const char* clock;
    Freshness freshness;
  };
  for (const auto& row : {Row{"2026-11-26T23:59:59Z", Freshness::kLive},
                          Row{"2026-11-27T00:00:00Z", Freshness::kExpired},
                          Row{"2027-06-01T00:00:00Z", Freshness::kExpired}}) {
    INFO(row.clock);
    Stick fresh = stick;
    fresh.device.clock.time = at(row.clock);
    const auto accepted = fresh.accept();
    INFO(outcome(accepted));
    REQUIRE(accepted);
    CHECK(fresh.freshness == row.freshness);
    CHECK(fresh.device.store.files.contains("timestamp") == (row.freshness == Freshness::kLive));
  }
  stick.device.clock.time = at("2027-06-01T00:00:01Z");
  check_refused(stick, Errc::kExpired, "freeze");
}

TEST_CASE("bundle: a release without an offline rule needs live metadata (FORMAT 14.3.2)",
          "[manifest][bundle]") {
  for (const bool named : {false, true}) {
    Stick stick;
    stick.release.offline.reset();
    if (named) stick.release.offline = OfflineRule{};
    stick.copy();
    REQUIRE(stick.accept());
    stick.device.clock.time = at("2026-11-27T00:00:00Z");
    check_refused(stick, Errc::kOffline, "freeze");
  }
}

TEST_CASE("bundle: root, targets and product roles must live (FORMAT 14.3.1)",
          "[manifest][bundle]") {
  for (const auto* role : {"root", "targets", "rel-gw3"}) {
    INFO(role);
    Stick stick;
    stick.release.offline->valid_until = at("2035-01-01T00:00:00Z");
    stick.copy();
    stick.device.clock.time = at("2027-11-21T00:00:00Z");
    if (role == std::string("root")) {
      stick.device.clock.time = at("2029-01-01T00:00:00Z");
    } else {  // live for longer, but one of them
      for (const auto& [name, targets] : stick.device.repo.roles) {
        stick.device.repo.now = at(name == role ? "2026-11-20T00:00:00Z" : "2027-11-01T00:00:00Z");
        stick.device.repo.publish_role(name);
      }
      stick.device.repo.now = at("2026-11-20T00:00:00Z");
      stick.device.repo.publish_snapshot();
      stick.device.repo.publish_timestamp();
      stick.put(fakes::bundle_parts(stick.device.repo, stick.release));
    }
    check_refused(stick, Errc::kExpired, "freeze");
  }
}

TEST_CASE("bundle: online, expired metadata is never accepted (FORMAT 14.3.1)",
          "[manifest][bundle]") {
  Stick stick;
  stick.copy();
  stick.device.clock.time = at("2026-11-27T00:00:00Z");
  CHECK(stick.device.code() == Errc::kExpired);
}

TEST_CASE("bundle: what was seen before is a floor for bundles too (FORMAT 14.3.3)",
          "[manifest][bundle]") {
  Stick stick;
  stick.copy();
  stick.device.repo.bump();
  REQUIRE(stick.device.refresh());
  check_refused(stick, Errc::kRollback, "rollback");  // an older state on the stick

  SECTION("an expired bundle leaves its versions as floors, not as files") {
    Stick other;
    other.copy();
    const auto old = other.device.repo;
    other.device.repo.bump();
    other.put(fakes::bundle_parts(other.device.repo, other.release));
    other.device.clock.time = at("2027-01-15T00:00:00Z");
    REQUIRE(other.accept());
    CHECK(other.device.floors.versions.at("timestamp").version == MetadataVersion(3));
    CHECK_FALSE(other.device.store.files.contains("timestamp"));
    CHECK_FALSE(other.device.store.files.contains("snapshot"));
    other.device.repo = old;
    CHECK(other.device.code() == Errc::kRollback);
  }
}

TEST_CASE(
    "bundle: parts of two states do not mix, and no part may be missing or changed "
    "(FORMAT 14.3.1)",
    "[manifest][bundle]") {
  Stick stick;
  stick.copy();
  const auto before = fakes::bundle_parts(stick.device.repo, stick.release);
  stick.device.repo.bump();
  const auto after = fakes::bundle_parts(stick.device.repo, stick.release);
  const auto bytes_of = [](const std::vector<fakes::BundleFilePart>& parts, const char* name) {
    return std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.name == name; })
        ->bytes;
  };
  SECTION("two states") {
    auto mixed = after;
    for (auto& part : mixed) {
      if (part.name == "3.snapshot.json") part.bytes = bytes_of(before, "2.snapshot.json");
    }
    stick.put(mixed);
    const auto accepted = stick.accept();
    REQUIRE_FALSE(accepted);
    CHECK(accepted.error().code() == Errc::kHashMismatch);
    CHECK(accepted.error().attack() == "mix-and-match");
  }
  SECTION("missing") {
    for (const auto* name :
         {"timestamp.json", "3.snapshot.json", "3.targets.json", "3.rel-gw3.json"}) {
      INFO(name);
      auto parts = after;
      std::erase_if(parts, [&](const auto& p) { return p.name == name; });
      stick.put(parts);
      stick.device.store.files.clear();
      const auto accepted = stick.accept();
      REQUIRE_FALSE(accepted);
      CHECK(accepted.error().code() == Errc::kTransport);
    }
  }
  SECTION("one bit of any file that is used") {
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (after[i].name == "1.root.json" || after[i].name.starts_with("1.") ||
          after[i].name.starts_with("2.")) {
        continue;  // the trusted root, and files of older states
      }
      INFO(after[i].name);
      for (std::size_t at = 0; at < after[i].bytes.size(); at += 37) {
        auto parts = after;
        parts[i].bytes[at] ^= 1U;
        stick.put(parts);
        stick.device.store.files.clear();
        stick.device.floors = {};
        CHECK_FALSE(stick.accept());
      }
    }
  }
}

TEST_CASE("bundle: a cut copy is refused at every length (FORMAT 14.1.4)", "[manifest][bundle]") {
  Stick stick;
  stick.copy();
  const auto whole = stick.disk.content("/stick.pawl");
  REQUIRE(BundleFile::open(stick.disk, "/stick.pawl"));
  for (std::size_t size = 0; size < whole.size(); size += size < 2048 ? 1 : 97) {
    stick.disk.put("/stick.pawl", ByteView(whole).first(size));
    const auto opened = BundleFile::open(stick.disk, "/stick.pawl");
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == Errc::kMalformed);
    CHECK(opened.error().what().starts_with("/stick.pawl: "));
  }
}

TEST_CASE("bundle: a part over what is asked for is refused before it is read (FORMAT 14.2.3)",
          "[manifest][bundle]") {
  Stick stick;
  stick.copy();
  auto bundle = BundleFile::open(stick.disk, "/stick.pawl");
  REQUIRE(bundle);
  const auto timestamp = bundle->metadata("timestamp.json", 10);
  REQUIRE_FALSE(timestamp);
  CHECK(timestamp.error().code() == Errc::kTooLarge);
  CHECK(timestamp.error().attack() == "endless");
  CHECK_FALSE(bundle->metadata("9.root.json", 100)->has_value());
  CHECK_FALSE(bundle->target("timestamp.json", 100)->has_value());
  const auto* entry = bundle->table().find(BundlePart::kMetadata, "timestamp.json");
  Bytes out(8);
  CHECK(bundle->read_at(*entry, out, entry->length - 8));
  CHECK(bundle->read_at(*entry, out, entry->length - 7).error().code() == Errc::kTransport);
  CHECK(bundle->read_at(*entry, out, entry->length + 1).error().code() == Errc::kTransport);
}

TEST_CASE(
    "bundle: a device two years asleep finds every root it missed on the stick "
    "(FORMAT 14.3.1, 2.5.5)",
    "[manifest][bundle]") {
  Stick stick;
  auto& device = stick.device;
  auto& repo = device.repo;
  for (int i = 0; i < 2; ++i) repo.bump_root();
  repo.publish();
  REQUIRE(device.refresh());  // last seen at root 3
  device.clock.time = at("1970-01-01T00:00:00Z");
  device.change_all_keys(4, 40);
  stick.release.offline->valid_until = repo.now + 300 * kDay;
  stick.copy();
  const auto good = fakes::bundle_parts(repo, stick.release);
  auto gap = good;
  std::erase_if(gap, [](const auto& part) { return part.name == "20.root.json"; });
  stick.put(gap);
  check_refused(stick, Errc::kBadSignature, "arbitrary");  // not by the keys of root 19
  stick.put(good);
  const auto accepted = stick.accept();
  INFO(outcome(accepted));
  REQUIRE(accepted);
  CHECK(device.floors.root == MetadataVersion(40));
}
