#include <catch2/catch.hpp>

#include "signer/ceremony_check.hpp"
#include "signer/ceremony_new.hpp"
#include "signer/ceremony_publish.hpp"
#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::FakeDisk;

namespace {

constexpr auto kNow = fakes::kSignedAt + Seconds(3600);

RolePlan keys(const std::vector<std::string>& labels, unsigned threshold) {
  RolePlan out;
  for (const auto& label : labels) out.keys.push_back(fakes::record_of(label));
  out.threshold = threshold;
  return out;
}

/// A published repository with one release, and one more in /b/1.1.0.
struct Bench {
  FakeDisk disk;
  fakes::MemoryKeys opener;
  std::vector<std::string> labels = fakes::all_labels();
  KeyRing ring;
  Bench() : ring(fakes::ring_of(opener, with_new())) {
    REQUIRE(fakes::publish_first(disk, ring));
    NoProgress progress;
    for (const auto& [version, counter] : {std::pair{"1.0.0", 1}, std::pair{"1.1.0", 2}}) {
      auto input = fakes::small_input(disk, version, static_cast<std::uint64_t>(counter));
      input.release.security_version = SecurityVersion(3);
      input.release.min_security_version = SecurityVersion(counter == 2 ? 3 : 0);
      REQUIRE(build_release(disk, input, "/b/" + std::string(version), progress));
    }
    REQUIRE(fakes::add_release(disk, ring, "/b/1.0.0"));
  }
  static std::vector<std::string> with_new() {
    auto out = fakes::all_labels();
    out.emplace_back("dave");
    out.emplace_back("rel2");
    out.emplace_back("time2");
    return out;
  }
  Repository published() {
    auto out = load_repository(disk, fakes::kRepository, {});
    REQUIRE(out);
    return *std::move(out);
  }
  Result<Ceremony> begin(const Proposal& proposal) {
    return new_ceremony(disk, published(), proposal, {}, kNow, ring);
  }
  Ceremony begun(const Proposal& proposal) {
    auto out = begin(proposal);
    if (!out) FAIL(out.error().what());
    return *std::move(out);
  }
  void sign(Ceremony& ceremony, const std::string& label) {
    auto more = ceremony;
    more.signatures.clear();
    const auto id = ring.find(label)->id();
    more.signatures.push_back(*ring.sign(id, ceremony.text));
    REQUIRE(merge_signatures(ceremony, more));
  }
  CeremonyView view(const Ceremony& ceremony) {
    auto out = check_ceremony(ceremony, ceremony.repository);
    if (!out) FAIL(out.error().what());
    return *std::move(out);
  }
  Status publish(const Ceremony& ceremony) {
    PAWL_TRY(const auto view, check_ceremony(ceremony, ceremony.repository));
    PAWL_TRY(auto revision, ceremony_revision(disk, ceremony, view, published(), {}, kNow));
    PAWL_TRY(const auto done, revision.sign(ring));
    NoProgress progress;
    return done.publication.publish(disk, fakes::kRepository, progress);
  }
};

Proposal rotation() {
  Proposal out;
  out.top["root"] = keys({"alice", "bob", "dave"}, 2);
  return out;
}

Proposal raised_ceiling() {
  Proposal out;
  out.ceilings.emplace("gw3", SecurityVersion(12));
  return out;
}

bool says(const CeremonyView& view, std::string_view words) {
  return std::any_of(view.changes.begin(), view.changes.end(), [&](const Change& change) {
    return change.words.find(words) != std::string::npos;
  });
}

/// The file as it travels, with one text in place of another.
std::string edited(const Ceremony& ceremony, const std::string& from, const std::string& to) {
  auto text = ceremony.serialise();
  const auto at = text.rfind(from);  // the last: "signed" comes after what is in force
  INFO(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

Errc refusal(const std::string& file, const std::optional<Sha256Digest>& pinned = {}) {
  const auto ceremony = Ceremony::parse(file);
  if (!ceremony) return ceremony.error().code();
  const auto view = check_ceremony(*ceremony, pinned);
  return view ? Errc::kInternal : view.error().code();
}

}  // namespace

TEST_CASE("ceremony: a rotation of root says who comes and who goes (FORMAT 11.8.1)",
          "[signer][ceremony]") {
  Bench bench;
  const auto ceremony = bench.begun(rotation());
  const auto view = bench.view(ceremony);
  CHECK(ceremony.role == "root");
  CHECK(view.version == MetadataVersion(2));
  REQUIRE(view.changes.size() == 2);
  CHECK(says(view, "root: dave ("));
  CHECK(says(view, ") may no longer sign"));
  CHECK(view.changes[1].words.find("carol") != std::string::npos);
  CHECK_FALSE(view.complete());
  CHECK(view.keys.size() == 2);
  CHECK(view.missing == std::vector<std::size_t>{2, 2});
}

TEST_CASE("ceremony: both the old and the new threshold of root must be reached (FORMAT 11.8.5)",
          "[signer][ceremony]") {
  Bench bench;
  auto ceremony = bench.begun(rotation());
  bench.sign(ceremony, "dave");
  bench.sign(ceremony, "alice");
  CHECK(bench.view(ceremony).missing == std::vector<std::size_t>{0, 1});
  CHECK(bench.publish(ceremony).error().code() == Errc::kBadSignature);
  bench.sign(ceremony, "carol");
  CHECK(bench.view(ceremony).complete());
  REQUIRE(bench.publish(ceremony));
  CHECK(bench.published().root.header.version == MetadataVersion(2));
  REQUIRE(fakes::seen_by_device(bench.disk, kNow));
}

TEST_CASE("ceremony: a raised ceiling is marked as irreversible", "[signer][ceremony]") {
  Bench bench;
  auto ceremony = bench.begun(raised_ceiling());
  const auto view = bench.view(ceremony);
  REQUIRE(view.changes.size() == 1);
  CHECK(view.changes[0].weight == Change::Weight::kIrreversible);
  CHECK(says(view, "ceiling of gw3: 9 -> 12"));
  bench.sign(ceremony, "alice");
  bench.sign(ceremony, "bob");
  REQUIRE(bench.publish(ceremony));
  CHECK(bench.published().policy.ceiling("gw3") == SecurityVersion(12));
}

TEST_CASE("ceremony: development devices are named as such, and so is their end (FORMAT 11.8.5)",
          "[signer][ceremony][ticket]") {
  Bench bench;
  Proposal proposal;
  proposal.development["gw3"] = keys({"rel2"}, 1);
  const auto ceremony = bench.begun(proposal);
  CHECK(ceremony.role == "root");
  CHECK(ceremony.scope == std::vector<std::string>{"development gw3"});
  const auto view = bench.view(ceremony);
  REQUIRE(view.changes.size() == 1);
  CHECK_THAT(view.changes[0].words,
             Catch::Contains("DEVELOPMENT devices: tickets signed by 1 of "));
  auto undeclared = ceremony;
  undeclared.scope.clear();
  CHECK_FALSE(check_ceremony(undeclared, undeclared.repository));

  manifest::Policy with;
  with.development["gw3"] = development_keys(keys({"rel2"}, 1));
  const auto ended = policy_changes(with, {});
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].scope == "development gw3");
  CHECK_THAT(ended[0].words, Catch::Contains("production devices"));
  auto other = with;
  other.development["gw3"] = development_keys(keys({"dave"}, 1));
  CHECK(policy_changes(with, other).size() == 1);
  CHECK(policy_changes(with, with).empty());
}

TEST_CASE("ceremony: a lowered ceiling can be taken back", "[signer][ceremony]") {
  Bench bench;
  Proposal proposal;
  proposal.ceilings.emplace("gw3", SecurityVersion(4));
  const auto view = bench.view(bench.begun(proposal));
  CHECK(view.changes.at(0).weight == Change::Weight::kOrdinary);
}

TEST_CASE("ceremony: a release is shown with what devices will never undo", "[signer][ceremony]") {
  Bench bench;
  Proposal proposal;
  proposal.release = *load_release(bench.disk, "/b/1.1.0");
  proposal.release_directory = "/b/1.1.0";
  auto ceremony = bench.begun(proposal);
  CHECK(ceremony.role == "rel-gw3");
  const auto view = bench.view(ceremony);
  REQUIRE(view.changes.size() == 1);
  CHECK(view.changes[0].weight == Change::Weight::kIrreversible);
  CHECK(says(view, "release gw3 1.1.0: counter 2, security version 3"));
  CHECK(says(view, "never again accepts anything below 3"));
  bench.sign(ceremony, "rel");
  CHECK(bench.view(ceremony).complete());
}

TEST_CASE("ceremony: a product line gets other keys, a new one begins, one ends",
          "[signer][ceremony]") {
  Bench bench;
  Proposal proposal;
  proposal.products["gw4"] = keys({"dave"}, 1);
  proposal.products["gw3"] = keys({"rel", "rel2"}, 2);
  auto ceremony = bench.begun(proposal);
  CHECK(ceremony.role == "targets");
  auto view = bench.view(ceremony);
  CHECK(says(view, "rel-gw4: a new product line"));
  CHECK(says(view, "rel-gw3: rel2 ("));
  CHECK(says(view, "rel-gw3: 1 of 1 -> 2 of 2 signatures"));
  Proposal end;
  end.ended.insert("gw3");
  CHECK(says(bench.view(bench.begun(end)), "the product line ends"));
}

TEST_CASE("ceremony: roles whose keys change are signed again with the keys at hand",
          "[signer][ceremony]") {
  Bench bench;
  Proposal proposal;
  proposal.top["timestamp"] = keys({"time2"}, 1);
  auto root = bench.begun(proposal);
  bench.sign(root, "alice");
  bench.sign(root, "bob");
  REQUIRE(bench.publish(root));
  CHECK(bench.published().timestamp.header.version == MetadataVersion(3));
  CHECK(bench.published().snapshot.header.version == MetadataVersion(2));  // its key stayed
  Proposal line;
  line.products["gw3"] = keys({"rel2"}, 1);
  line.products["gw4"] = keys({"dave"}, 1);
  auto targets = bench.begun(line);
  bench.sign(targets, "targets");
  REQUIRE(bench.publish(targets));
  CHECK(bench.published().roles.at("rel-gw3").header.version == MetadataVersion(3));
  CHECK(bench.published().roles.contains("rel-gw4"));
  REQUIRE(fakes::seen_by_device(bench.disk, kNow));
}

TEST_CASE("ceremony: renewal changes version and expiry alone", "[signer][ceremony]") {
  Bench bench;
  Proposal proposal;
  proposal.renewed = "targets";
  auto ceremony = bench.begun(proposal);
  CHECK(bench.view(ceremony).changes.empty());
  bench.sign(ceremony, "targets");
  REQUIRE(bench.publish(ceremony));
  CHECK(bench.published().targets.header.version == MetadataVersion(2));
}

TEST_CASE("ceremony: proposals that are none are refused", "[signer][ceremony]") {
  Bench bench;
  const auto code = [&](const Proposal& proposal) { return bench.begin(proposal).error().code(); };
  CHECK(code({}) == Errc::kUsage);
  auto two = rotation();
  two.ended.insert("gw3");
  CHECK(code(two) == Errc::kUsage);
  Proposal same;
  same.top["root"] = keys({"alice", "bob", "carol"}, 2);
  CHECK(code(same) == Errc::kUsage);
  Proposal stamp;
  stamp.renewed = "timestamp";
  CHECK(code(stamp) == Errc::kUsage);
  Proposal twice;
  twice.top["root"] = keys({"alice", "bob", "targets"}, 2);  // serves targets already
  CHECK(code(twice) == Errc::kMalformed);
  Proposal line;
  line.products["gw4"] = keys({"alice"}, 1);  // serves root
  CHECK(code(line) == Errc::kMalformed);
}

TEST_CASE("ceremony: what is not shown is not signed (FORMAT 11.8.4)", "[signer][ceremony]") {
  Bench bench;
  const auto ceremony = bench.begun(raised_ceiling());
  CHECK(refusal(ceremony.serialise()) == Errc::kInternal);  // nothing to refuse
  // A ceiling hidden in a member no signer knows.
  CHECK(refusal(edited(ceremony, R"("consistent_snapshot":true)",
                       R"("ceilings":{"gw3":99},"consistent_snapshot":true)")) == Errc::kMalformed);
  // A policy that is not the one root names.
  CHECK(refusal(edited(ceremony, R"("gw3":12)", R"("gw3":13)")) == Errc::kMalformed);
  // A change beyond what was declared.
  CHECK(refusal(edited(ceremony, R"("scope":["ceiling gw3"])", R"("scope":["keys root"])")) ==
        Errc::kUsage);
  // A member of another format.
  CHECK(refusal(edited(ceremony, R"("manifests":[])", R"("manifest2":1,"manifests":[])")) ==
        Errc::kMalformed);
}

TEST_CASE("ceremony: a release whose manifest says something else is refused",
          "[signer][ceremony]") {
  Bench bench;
  Proposal proposal;
  proposal.release = *load_release(bench.disk, "/b/1.1.0");
  proposal.release_directory = "/b/1.1.0";
  auto ceremony = bench.begun(proposal);
  SECTION("another manifest") {
    ceremony.manifests = {load_release(bench.disk, "/b/1.0.0")->manifest};
  }
  SECTION("another manifest of this release, as long as the right one") {
    auto text = std::string(as_text(ceremony.manifests.at(0)));
    auto& digit = text.at(text.find("\"sha256\":\"") + 10);
    digit = digit == '0' ? '1' : '0';
    ceremony.manifests = {Bytes(text.begin(), text.end())};
  }
  SECTION("no manifest") {
    ceremony.manifests.clear();
  }
  CHECK(refusal(ceremony.serialise()) == Errc::kMalformed);
}

TEST_CASE("ceremony: the chain and the roles in force are verified (FORMAT 11.8.2, 11.8.3)",
          "[signer][ceremony]") {
  Bench bench;
  auto first = bench.begun(rotation());
  bench.sign(first, "alice");
  bench.sign(first, "bob");
  REQUIRE(bench.publish(first));
  Proposal renewed;
  renewed.renewed = "rel-gw3";
  auto good = bench.begun(renewed);
  REQUIRE(good.roots.size() == 2);
  CHECK(refusal(good.serialise()) == Errc::kInternal);
  auto bad = good;
  SECTION("no root") {
    bad.roots.clear();
  }
  SECTION("roots out of order") {
    std::swap(bad.roots[0], bad.roots[1]);
  }
  SECTION("another repository's id") {
    bad.repository.bytes[0] ^= 1U;
  }
  SECTION("a root nobody of the old one signed") {
    auto text = std::string(as_text(bad.roots[1]));
    text.replace(text.find("\"sig\":\"") + 7, 1, "0");
    text.replace(text.rfind("\"sig\":\"") + 7, 1, "1");
    bad.roots[1] = Bytes(text.begin(), text.end());
  }
  SECTION("a root that too few of the old one signed") {
    auto forged = first;
    forged.signatures.clear();
    bench.sign(forged, "alice");
    bench.sign(forged, "dave");
    bad.roots[1] = manifest::assemble_envelope(forged.text, forged.signatures);
  }
  SECTION("targets of somebody else") {
    auto text = std::string(as_text(*bad.targets));
    text.replace(text.find("\"sig\":\"") + 7, 2, "0f");
    bad.targets = Bytes(text.begin(), text.end());
  }
  SECTION("no targets") {
    bad.targets.reset();
  }
  SECTION("no role in force") {
    bad.current.reset();
  }
  SECTION("a role the repository has not") {
    bad.role = "rel-gw9";
  }
  const auto code = refusal(bad.serialise());
  CHECK((code == Errc::kBadSignature || code == Errc::kMalformed));
}

TEST_CASE("ceremony: another repository than the pinned one is refused", "[signer][ceremony]") {
  Bench bench;
  const auto ceremony = bench.begun(rotation());
  CHECK(refusal(ceremony.serialise(), sha256(as_bytes("another"))) == Errc::kBadSignature);
}

TEST_CASE("ceremony: the repository's name is that of its first root (FORMAT 11.8.2)",
          "[signer][ceremony]") {
  Bench bench;
  const auto ceremony = bench.begun(rotation());
  const auto name = to_hex(ceremony.repository);
  const std::string other(name.size(), '0');
  auto file = ceremony.serialise();
  std::size_t named = 0;
  for (auto at = file.find(name); at != std::string::npos; at = file.find(name)) {
    file.replace(at, name.size(), other);
    ++named;
  }
  CHECK(named == 2);  // the ceremony and the root it proposes: the first root cannot name itself
  CHECK(refusal(file) == Errc::kBadSignature);
}

TEST_CASE("ceremony: an old version is never signed again", "[signer][ceremony]") {
  Bench bench;
  auto one = bench.begun(rotation());
  auto two = bench.begun(raised_ceiling());
  for (auto* ceremony : {&one, &two}) {
    bench.sign(*ceremony, "alice");
    bench.sign(*ceremony, "bob");
  }
  REQUIRE(bench.publish(one));
  CHECK(bench.publish(two).error().code() == Errc::kLedger);
}

TEST_CASE("ceremony: a signature must verify and be asked for", "[signer][ceremony]") {
  Bench bench;
  auto ceremony = bench.begun(rotation());
  SECTION("of a key outside the ceremony") {
    bench.sign(ceremony, "rel");
  }
  SECTION("over other bytes") {
    bench.sign(ceremony, "alice");
    ceremony.signatures[0].value[0] ^= 1U;
  }
  CHECK(refusal(ceremony.serialise()) == Errc::kBadSignature);
}

TEST_CASE("ceremony: copies merge whatever the order, other ceremonies do not",
          "[signer][ceremony]") {
  Bench bench;
  auto a = bench.begun(rotation());
  auto b = a;
  bench.sign(a, "alice");
  bench.sign(b, "bob");
  auto ab = a;
  REQUIRE(merge_signatures(ab, b));
  auto ba = b;
  REQUIRE(merge_signatures(ba, a));
  CHECK(ab.serialise() == ba.serialise());
  CHECK(ab.signatures.size() == 2);
  REQUIRE(merge_signatures(ab, b));  // again: nothing new
  CHECK(ab.signatures.size() == 2);
  CHECK(merge_signatures(ab, bench.begun(raised_ceiling())).error().code() == Errc::kUsage);
}

TEST_CASE("ceremony: the file reads back as it was written, truncated it does not",
          "[signer][ceremony]") {
  Bench bench;
  auto ceremony = bench.begun(rotation());
  bench.sign(ceremony, "alice");
  const auto text = ceremony.serialise();
  const auto read = Ceremony::parse(text);
  REQUIRE(read);
  CHECK(read->serialise() == text);
  for (std::size_t n = 0; n + 1 < text.size(); ++n) {
    INFO(n);
    REQUIRE(Ceremony::parse(std::string_view(text).substr(0, n)).error().code() ==
            Errc::kMalformed);
  }
  CHECK(Ceremony::parse(std::string(Ceremony::kMaxBytes + 2, ' ')).error().code() ==
        Errc::kTooLarge);
}

TEST_CASE("ceremony: twelve words stand for the bytes (FORMAT 11.8.6)", "[signer][ceremony]") {
  // The first twelve bytes of the SHA-256 of nothing: e3 b0 c4 42 98 fc 1c 14 9a fb f4 c8.
  CHECK(ceremony_words("") ==
        "shadow orange planet crown mango window border beaver marble whale turtle pony");
  CHECK(ceremony_words("a") != ceremony_words("b"));
}
