#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "signer/ledger_book.hpp"
#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::FakeDisk;
using Kind = LedgerEntry::Kind;

namespace {

constexpr const char* kPath = "/token/signer.ledger";
const Sha256Digest kRepo = sha256(as_bytes("a repository"));

Sha256Digest digest(std::string_view text) {
  return sha256(as_bytes(text));
}
LedgerEntry role(Kind kind, std::uint64_t version, std::string_view content) {
  return {kind, kRepo, "rel-gw3", version, "", digest(content), fakes::kSignedAt};
}
LedgerEntry release(std::string version, std::uint64_t counter, std::string_view content) {
  return {Kind::kRelease,     kRepo,           "gw3",           counter,
          std::move(version), digest(content), fakes::kSignedAt};
}
Ledger small() {
  Ledger out;
  out.append(role(Kind::kSigned, 1, "one"));
  out.append(release("1.0.0", 1, "manifest"));
  out.append(role(Kind::kSeen, 1, "one"));
  return out;
}
PublishedState published(std::uint64_t version, std::string_view content,
                         PublishedRole::Signer signer) {
  PublishedState out;
  out.repository = kRepo;
  out.roles.push_back({"rel-gw3", MetadataVersion(version), digest(content), signer});
  return out;
}

/// What `release add` does with a ledger.
Status add_with_ledger(Disk& disk, KeyRing& ring, const std::string& from,
                       UtcTime now = fakes::kSignedAt + Seconds(60)) {
  PAWL_TRY(auto repository, load_repository(disk, fakes::kRepository, {}));
  PAWL_TRY(const auto built, load_release(disk, from));
  PAWL_TRY(auto addition, plan_addition(disk, repository, built, from));
  if (!addition.changed) return Ok{};
  Revision revision(std::move(repository), {}, now);
  revision.set_role(addition.role, std::move(addition.targets));
  PAWL_TRY(auto book, LedgerBook::open(disk, kPath));
  PAWL_CHECK(book.enter(disk, revision, ring, now));
  PAWL_TRY(const auto done, revision.sign(ring));
  addition.files.append(done.publication);
  NoProgress progress;
  PAWL_CHECK(addition.files.publish(disk, fakes::kRepository, progress));
  return book.note_published(disk, revision, now);
}

/// A repository with release 1.0.0 and the ledger of the host that signed it; /r2 is 1.1.0, /other
/// another 1.0.0 of counter 1.
struct Host {
  FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring = fakes::ring_of(keys, fakes::all_labels());

  Host() {
    NoProgress progress;
    disk.make_durable("/token");
    REQUIRE(begin_ledger(disk, kPath));
    REQUIRE(fakes::publish_first(disk, ring));
    auto repository = load_repository(disk, fakes::kRepository, {});
    REQUIRE(repository);
    auto state = published_state(disk, *repository, ring, fakes::kSignedAt);
    REQUIRE(state);
    {
      auto book = LedgerBook::open(disk, kPath);
      REQUIRE(book);
      REQUIRE(book->adopt(disk, *state, fakes::kSignedAt));
    }
    REQUIRE(build_release(disk, fakes::small_input(disk, "1.0.0", 1), "/r1", progress));
    REQUIRE(build_release(disk, fakes::small_input(disk, "1.1.0", 2), "/r2", progress));
    auto other = fakes::small_input(disk, "1.0.0", 1);
    other.release.hardware = {{"c", 0}};
    REQUIRE(build_release(disk, other, "/other", progress));
  }
  Ledger ledger() {
    auto book = LedgerBook::open(disk, kPath);
    REQUIRE(book);
    return book->ledger();
  }
};

}  // namespace

TEST_CASE("ledger: every line names the one before, and reading gives back what was written",
          "[signer][ledger]") {  // FORMAT 11.9.1, 11.9.2
  const auto ledger = small();
  const auto again = Ledger::parse(ledger.text());
  REQUIRE(again);
  CHECK(again->text() == ledger.text());
  CHECK(again->head() == ledger.head());
  REQUIRE(again->entries().size() == 3);
  CHECK(again->has(release("1.0.0", 1, "manifest")));
  CHECK_FALSE(again->has(release("1.0.0", 1, "another")));
  CHECK(Ledger().text() == "{\"_type\":\"pawl.ledger\",\"format\":1}\n");
}

TEST_CASE("ledger: a changed, dropped, swapped or foreign line is refused", "[signer][ledger]") {
  const auto good = small().text();
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < good.size();) {
    const auto end = good.find('\n', at) + 1;
    lines.push_back(good.substr(at, end - at));
    at = end;
  }
  REQUIRE(lines.size() == 4);
  const auto with = [](std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::pair<const char*, std::string>> rows{
      {"empty", ""},
      {"another format", with(good, "\"format\":1", "\"format\":2")},
      {"a line is gone", lines[0] + lines[2] + lines[3]},
      {"two lines are swapped", lines[0] + lines[2] + lines[1] + lines[3]},
      {"an old line was changed", with(good, "\"version\":1}", "\"version\":2}")},
      {"an unknown kind", lines[0] + with(lines[1], "\"signed\"", "\"signet\"")},
      {"a member more", lines[0] + with(lines[1], "\"kind\"", "\"extra\":1,\"kind\"")},
      {"a member less", lines[0] + with(lines[1], ",\"version\":1", "")},
      {"version 0", lines[0] + with(lines[1], "\"version\":1", "\"version\":0")},
      {"an empty line", lines[0] + "\n"},
      {"no JSON", lines[0] + "signed\n"},
      {"a long line", lines[0] + "{\"kind\":\"" + std::string(2000, 'x') + "\"}\n"}};
  for (const auto& [why, text] : rows) {
    INFO(why);
    const auto read = Ledger::parse(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Errc::kMalformed);
  }
  CHECK(Ledger::parse(std::string(Ledger::kMaxBytes + 1, '\n')).error().code() == Errc::kTooLarge);
  // the reason is the chain's own, not that of the members
  for (const auto& text : {rows[2].second, rows[4].second}) {
    CHECK_THAT(Ledger::parse(text).error().what(), Catch::Contains("digest of the line before"));
  }
}

TEST_CASE("ledger: a truncated file is refused, or is an older ledger of whole lines",
          "[signer][ledger]") {
  const auto good = small().text();
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto read = Ledger::parse(good.substr(0, n));
    INFO(n << " bytes");
    if (n > 0 && good[n - 1] == '\n') {
      REQUIRE(read);
      CHECK(read->head() != small().head());
    } else {
      REQUIRE_FALSE(read);
      CHECK(read.error().code() == Errc::kMalformed);
    }
  }
}

TEST_CASE("ledger: what is published must be what this host knows of", "[signer][ledger]") {
  using Signer = PublishedRole::Signer;  // FORMAT 11.9.4
  auto ledger = small();
  ledger.append(role(Kind::kSigned, 2, "two"));
  ledger.append(role(Kind::kSeen, 3, "three"));
  CHECK(check_published(ledger, published(3, "three", Signer::kThisHost)));
  CHECK(check_published(ledger, published(4, "four", Signer::kOthers)));
  struct Row {
    const char* why;
    std::uint64_t version;
    const char* content;
    Signer signer;
    const char* says;
  };
  const auto row = GENERATE(
      Row{"an old copy of the repository", 1, "one", Signer::kThisHost, "version 3 has been"},
      Row{"a fork at one version", 3, "other", Signer::kOthers, "not the file that was published"},
      Row{"an old copy of the ledger", 4, "four", Signer::kThisHost, "does not know of it"});
  INFO(row.why);
  const auto done = check_published(ledger, published(row.version, row.content, row.signer));
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kLedger);
  CHECK_THAT(done.error().what(), Catch::Contains(row.says));
}

TEST_CASE("ledger: a signed version that has not been seen yet is known", "[signer][ledger]") {
  Ledger ledger;
  ledger.append(role(Kind::kSigned, 4, "four"));
  CHECK(check_published(ledger, published(4, "four", PublishedRole::Signer::kThisHost)));
  auto other = check_published(ledger, published(4, "4", PublishedRole::Signer::kThisHost));
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::kLedger);
}

TEST_CASE("ledger: counters rise, and one version has one manifest", "[signer][ledger]") {
  const auto signing = role(Kind::kSigned, 2, "two");  // FORMAT 11.9.5
  auto ledger = small();
  REQUIRE(enter_signing(ledger, signing, {release("1.0.0", 1, "manifest")}));  // the very same
  REQUIRE(
      enter_signing(ledger, signing, {release("1.2.0", 3, "later"), release("1.1.0", 2, "next")}));
  CHECK(ledger.highest(Kind::kRelease, kRepo, "gw3")->number == 3);
  struct Row {
    const char* why;
    LedgerEntry entry;
    const char* says;
  };
  const auto row = GENERATE(
      Row{"a counter used before", release("1.3.0", 3, "new"), "counter 3"},
      Row{"a counter below", release("1.3.0", 2, "new"), "counter 2"},
      Row{"another manifest", release("1.1.0", 9, "forged"), "another manifest of gw3 1.1.0"});
  INFO(row.why);
  const auto before = ledger.text();
  const auto done = enter_signing(ledger, role(Kind::kSigned, 3, "three"), {row.entry});
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kLedger);
  CHECK_THAT(done.error().what(), Catch::Contains(row.says));
  CHECK(ledger.text() == before);
}

TEST_CASE("ledger: another repository and another product count by themselves",
          "[signer][ledger]") {
  auto ledger = small();
  auto other = release("1.0.0", 1, "other");
  other.repository = digest("another repository");
  auto product = release("1.0.0", 1, "other");
  product.subject = "gw4";
  CHECK(enter_signing(ledger, role(Kind::kSigned, 2, "two"), {other}));
  CHECK(enter_signing(ledger, role(Kind::kSigned, 2, "two"), {product}));
}

TEST_CASE("ledger: a published version is not signed again", "[signer][ledger]") {
  auto ledger = small();
  const auto done = enter_signing(ledger, role(Kind::kSigned, 1, "one again"), {});
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kLedger);
}

TEST_CASE("ledger: a release is entered before it is signed, and seen after", "[signer][ledger]") {
  Host host;
  REQUIRE(add_with_ledger(host.disk, host.ring, "/r1"));
  const auto ledger = host.ledger();
  const auto id = load_repository(host.disk, fakes::kRepository, {})->id;
  CHECK(ledger.highest(Kind::kRelease, id, "gw3")->version == "1.0.0");
  CHECK(ledger.highest(Kind::kSigned, id, "rel-gw3")->number == 2);
  CHECK(ledger.highest(Kind::kSeen, id, "rel-gw3")->number == 2);
  REQUIRE(add_with_ledger(host.disk, host.ring, "/r2"));
  CHECK(host.ledger().highest(Kind::kRelease, id, "gw3")->number == 2);
}

TEST_CASE("ledger: a host without one signs nothing, and no PIN is asked for",
          "[signer][ledger]") {  // FORMAT 11.9.3
  Host host;
  REQUIRE(host.disk.remove(kPath));
  host.keys.opened.clear();
  fakes::MemoryKeys untouched;
  auto ring = fakes::ring_of(untouched, fakes::all_labels());
  const auto done = add_with_ledger(host.disk, ring, "/r1");
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kLedger);
  CHECK_THAT(done.error().what(), Catch::Contains("has no ledger"));
  CHECK_THAT(done.error().hint(), Catch::Contains("ledger init"));
  CHECK(untouched.opened.empty());
}

TEST_CASE("ledger: restored to an older copy, it is refused", "[signer][ledger]") {
  Host host;
  const auto old = host.disk.content(kPath);
  REQUIRE(add_with_ledger(host.disk, host.ring, "/r1"));
  REQUIRE(replace_file(host.disk, kPath, old));
  const auto done = add_with_ledger(host.disk, host.ring, "/r2");
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kLedger);
  CHECK_THAT(done.error().what(), Catch::Contains("older than what is published"));
}

TEST_CASE("ledger: a repository restored to an older copy is refused", "[signer][ledger]") {
  Host host;
  const auto before = host.disk;
  REQUIRE(add_with_ledger(host.disk, host.ring, "/r1"));
  const auto ledger = host.disk.content(kPath);
  host.disk = before;
  REQUIRE(replace_file(host.disk, kPath, ledger));
  for (const auto* from : {"/r2", "/other"}) {
    const auto done = add_with_ledger(host.disk, host.ring, from);
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::kLedger);
    CHECK_THAT(done.error().what(), Catch::Contains("version 2 has been published"));
  }
}

TEST_CASE("ledger: what was signed and never published counts all the same", "[signer][ledger]") {
  Host host;
  auto repository = load_repository(host.disk, fakes::kRepository, {});
  REQUIRE(repository);
  const auto id = repository->id;
  const auto built = load_release(host.disk, "/r1");
  auto addition = plan_addition(host.disk, *repository, *built, "/r1");
  REQUIRE(addition);
  Revision revision(*repository, {}, fakes::kSignedAt);
  revision.set_role(addition->role, addition->targets);
  {
    auto book = LedgerBook::open(host.disk, kPath);
    REQUIRE(book->enter(host.disk, revision, host.ring, fakes::kSignedAt));
    REQUIRE(revision.sign(host.ring));  // the power goes before anything is published
  }
  const auto other = add_with_ledger(host.disk, host.ring, "/other");
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::kLedger);
  CHECK_THAT(other.error().what(), Catch::Contains("another manifest of gw3 1.0.0"));
  REQUIRE(add_with_ledger(host.disk, host.ring, "/r1"));
  CHECK(load_repository(host.disk, fakes::kRepository, {})->roles.at("rel-gw3").header.version ==
        MetadataVersion(3));  // 2 is never signed twice
  CHECK(host.ledger().highest(Kind::kSeen, id, "rel-gw3")->number == 3);
}

TEST_CASE("ledger: nothing is entered when a key is missing", "[signer][ledger]") {
  Host host;
  auto few = fakes::ring_of(host.keys, {"snap", "time"});
  const auto before = host.disk.text(kPath);
  const auto done = add_with_ledger(host.disk, few, "/r1");
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kIncomplete);
  CHECK(host.disk.text(kPath) == before);
}

TEST_CASE("ledger: a damaged file is refused by its path and line", "[signer][ledger]") {
  Host host;
  auto bytes = host.disk.content(kPath);
  bytes[bytes.size() / 2] ^= 1U;
  REQUIRE(replace_file(host.disk, kPath, bytes));
  const auto done = add_with_ledger(host.disk, host.ring, "/r1");
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kMalformed);
  CHECK_THAT(done.error().what(), Catch::Contains("/token/signer.ledger: line"));
}

TEST_CASE("ledger: two commands do not write one ledger at once, none overwrites one",
          "[signer][ledger]") {
  Host host;
  CHECK(LedgerBook::create(host.disk, kPath).error().code() == Errc::kUsage);
  const auto held = LedgerBook::open(host.disk, kPath);
  REQUIRE(held);
  CHECK(LedgerBook::open(host.disk, kPath).error().code() == Errc::kBusy);
}

TEST_CASE("power cut at any durable operation of a signature leaves a ledger that knows of it",
          "[signer][ledger][powercut]") {
  Host start;
  REQUIRE(add_with_ledger(start.disk, start.ring, "/r1"));
  for (unsigned cut = 0;; ++cut) {
    auto disk = start.disk;
    disk.ops = 0;
    fakes::MemoryKeys keys;
    auto ring = fakes::ring_of(keys, fakes::all_labels());
    disk.ops_left = cut;
    const bool done = static_cast<bool>(add_with_ledger(disk, ring, "/r2"));
    INFO("power cut before durable operation " << cut << ": " << disk.last_op);
    disk.power_on();
    const bool signed_something = !keys.opened.empty();
    const auto ledger = Ledger::parse(disk.text(kPath));
    REQUIRE(ledger);
    const auto id = load_repository(disk, fakes::kRepository, {})->id;
    if (signed_something) {
      REQUIRE(ledger->release(id, "gw3", "1.1.0") != nullptr);
    }
    REQUIRE(add_with_ledger(disk, ring, "/r2", fakes::kSignedAt + Seconds(90)));
    REQUIRE(fakes::seen_by_device(disk)->releases.size() == 2);
    if (done) {
      CHECK(cut > 45);
      break;
    }
  }
}
