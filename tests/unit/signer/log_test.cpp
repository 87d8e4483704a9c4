// Releases with transparency proofs: added, listed, bundled, verified; the policy that names a log.
#include <catch2/catch.hpp>

#include "fakes/signer_repository.hpp"
#include "fakes/transparency_log.hpp"
#include "manifest/bundle_file.hpp"
#include "manifest/release_proof.hpp"
#include "signer/bundle.hpp"
#include "signer/ceremony_new.hpp"
#include "signer/ceremony_publish.hpp"
#include "signer/inspect.hpp"
#include "signer/log_policy.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::kSignedAt;

namespace {

/// A repository whose policy names a log, a built release, and its proof.
struct Bench {
  fakes::FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring = fakes::ring_of(keys, fakes::all_labels());
  NoProgress progress;
  std::optional<BuiltRelease> built;
  fakes::Log log;

  Bench() {
    auto plan = fakes::small_plan();
    plan.policy.tlog = log.policy;
    auto first = first_state(plan, fakes::kRepository);
    REQUIRE(first);
    Revision revision(*std::move(first), {}, kSignedAt);
    revision.set_policy(plan.policy);
    revision.renew("targets");
    revision.renew("rel-gw3");
    publish(revision, {});
    auto made = build_release(disk, fakes::small_input(disk, "1.0.0", 1), "/out", progress);
    REQUIRE(made);
    built.emplace(*std::move(made));
    log = fakes::Log({sha256(as_bytes("another")), built->digest});
  }
  void publish(Revision& revision, Publication files) {
    const auto done = revision.sign(ring);
    if (!done) FAIL(done.error().what());
    files.append(done->publication);
    REQUIRE(files.publish(disk, fakes::kRepository, progress));
  }
  Repository repository() {
    auto loaded = load_repository(disk, fakes::kRepository, {});
    REQUIRE(loaded);
    return *std::move(loaded);
  }
  [[nodiscard]] Bytes proof(const std::vector<std::size_t>& witnesses = {0, 1},
                            std::size_t leaf = 1) const {
    const auto text = log.proof(leaf, log.checkpoint(witnesses));
    return {text.begin(), text.end()};
  }
  Result<ReleaseAddition> plan(const std::optional<Bytes>& with) {
    return plan_addition(disk, repository(), *built, "/out", with);
  }
  void add(const std::optional<Bytes>& with) {
    auto addition = plan(with);
    if (!addition) FAIL(addition.error().what());
    REQUIRE(addition->changed);
    Revision revision(repository(), {}, kSignedAt + Seconds(60));
    revision.set_role(addition->role, std::move(addition->targets));
    publish(revision, std::move(addition->files));
  }
  manifest::TargetInfo listed() {
    return repository().roles.at("rel-gw3").targets.at("releases/gw3/1.0.0/manifest.json");
  }
};

}  // namespace

TEST_CASE("log: a proof is published with its release and verified (FORMAT 2.6.8)",
          "[signer][log]") {
  Bench bench;
  bench.add(bench.proof());
  const auto named = manifest::proof_of(bench.listed());
  REQUIRE(named);
  REQUIRE(*named);
  const auto path = std::string(fakes::kRepository) + "/" + blob_path((*named)->sha256);
  CHECK(bench.disk.content(path) == bench.proof());
  const auto seen = fakes::seen_by_device(bench.disk);
  REQUIRE(seen);
  REQUIRE(seen->releases.size() == 1);
  CHECK_FALSE(seen->releases[0].refused);
  CHECK(seen->releases[0].logged == manifest::Logged::kProved);
  // a damaged one is found
  auto damaged = bench.proof();
  damaged.back() ^= 1U;
  bench.disk.put(path, damaged);
  const auto again = fakes::seen_by_device(bench.disk);
  REQUIRE(again);
  CHECK(again->releases[0].refused);
}

TEST_CASE("log: what is listed keeps its proof, and takes another one (FORMAT 2.6.8)",
          "[signer][log]") {
  Bench bench;
  bench.add(std::nullopt);
  CHECK_FALSE(*manifest::proof_of(bench.listed()));
  CHECK(fakes::seen_by_device(bench.disk)->releases[0].logged == manifest::Logged::kNotProved);
  bench.add(bench.proof());
  CHECK_FALSE(bench.plan(std::nullopt)->changed);
  CHECK_FALSE(bench.plan(bench.proof())->changed);
  const auto before = manifest::proof_of(bench.listed());
  bench.add(bench.proof({0, 1, 2}));
  CHECK_FALSE(**manifest::proof_of(bench.listed()) == **before);
}

TEST_CASE("log: a proof that devices would refuse is not published", "[signer][log]") {
  Bench bench;
  CHECK(bench.plan(bench.proof({0})).error().code() == Errc::kBadSignature);
  CHECK(bench.plan(bench.proof({0, 1}, 0)).error().code() == Errc::kHashMismatch);
  CHECK(bench.plan(Bytes{1, 2, 3}).error().code() == Errc::kMalformed);
  auto repository = bench.repository();
  repository.policy.tlog.reset();
  const auto refused = plan_addition(bench.disk, repository, *bench.built, "/out", bench.proof());
  CHECK(refused.error().code() == Errc::kUsage);
}

namespace {

/// A ceremony that adds the release, signed by the product's key.
Result<Ceremony> in_ceremony(Bench& bench, const std::optional<Bytes>& proof) {
  Proposal proposal;
  proposal.release = bench.built;
  proposal.release_directory = "/out";
  proposal.proof = proof;
  PAWL_TRY(auto ceremony, new_ceremony(bench.disk, bench.repository(), proposal, {},
                                       kSignedAt + Seconds(60), bench.ring));
  auto more = ceremony;
  more.signatures.push_back(*bench.ring.sign(bench.ring.find("rel")->id(), ceremony.text));
  PAWL_CHECK(merge_signatures(ceremony, more));
  return ceremony;
}

/// What `ceremony publish` does with this proof at hand.
Status publish(Bench& bench, const Ceremony& ceremony, const std::optional<Bytes>& proof) {
  PAWL_TRY(const auto view, check_ceremony(ceremony, ceremony.repository));
  const auto published = bench.repository();
  PAWL_TRY(auto files,
           ceremony_files(bench.disk, ceremony, view, published, *bench.built, "/out", proof));
  PAWL_TRY(auto revision,
           ceremony_revision(bench.disk, ceremony, view, published, {}, kSignedAt + Seconds(60)));
  bench.publish(revision, std::move(files));
  return Ok{};
}

Errc code_of(const Status& status) {
  return status ? Errc::kInternal : status.error().code();
}

}  // namespace

TEST_CASE(
    "log: a release made in a ceremony is published with the proof that was signed "
    "(FORMAT 11.8.7)",
    "[signer][log][ceremony]") {
  Bench bench;
  const auto ceremony = in_ceremony(bench, bench.proof());
  if (!ceremony) FAIL(ceremony.error().what());
  const auto view = check_ceremony(*ceremony, ceremony->repository);
  REQUIRE(view);
  REQUIRE(view->changes.size() == 1);
  CHECK_THAT(view->changes[0].words,
             Catch::Contains("transparency proof " + to_hex(sha256(bench.proof())).substr(0, 16)));
  CHECK(code_of(publish(bench, *ceremony, std::nullopt)) == Errc::kUsage);
  CHECK(code_of(publish(bench, *ceremony, bench.proof({0, 1, 2}))) == Errc::kHashMismatch);
  REQUIRE(publish(bench, *ceremony, bench.proof()));
  const auto seen = fakes::seen_by_device(bench.disk);
  REQUIRE(seen);
  REQUIRE(seen->releases.size() == 1);
  CHECK(seen->releases[0].logged == manifest::Logged::kProved);
}

TEST_CASE(
    "log: a ceremony takes no proof that devices would refuse, and none nobody signed "
    "(FORMAT 11.8.7)",
    "[signer][log][ceremony]") {
  Bench bench;
  CHECK(in_ceremony(bench, bench.proof({0})).error().code() == Errc::kBadSignature);
  const auto ceremony = in_ceremony(bench, std::nullopt);
  REQUIRE(ceremony);
  CHECK(code_of(publish(bench, *ceremony, bench.proof())) == Errc::kHashMismatch);
  Proposal alone;
  alone.ceilings.emplace("gw3", SecurityVersion(9));
  alone.proof = bench.proof();
  CHECK(alone.role().error().code() == Errc::kUsage);
}

TEST_CASE(
    "log: a ceremony whose custom says more than summary and proof is refused "
    "(FORMAT 11.8.4)",
    "[signer][log][ceremony]") {
  Bench bench;
  const auto good = in_ceremony(bench, bench.proof());
  REQUIRE(good);
  for (const std::string_view object : {R"("proof":{)", R"("custom":{)"}) {
    auto ceremony = *good;
    const auto at = ceremony.text.find(object);
    REQUIRE(at != std::string::npos);
    ceremony.text.insert(at + object.size(), "\"a\":1,");
    ceremony.signatures.clear();
    const auto view = check_ceremony(ceremony, ceremony.repository);
    REQUIRE_FALSE(view);
    CHECK(view.error().code() == Errc::kMalformed);
    CHECK_THAT(view.error().what(), Catch::EndsWith("or says something else"));
  }
}

TEST_CASE("log: a bundle carries the proof, and inspect shows the bundle (FORMAT 2.6.8)",
          "[signer][log]") {
  Bench bench;
  bench.add(bench.proof());
  const auto repository = bench.repository();
  const auto plan = plan_bundle(bench.disk, repository, "gw3", "");
  REQUIRE(plan);
  const auto written =
      write_bundle(bench.disk, repository, *plan, "/out.pawl", kSignedAt, bench.progress);
  if (!written) FAIL(written.error().what());
  auto bundle = manifest::BundleFile::open(bench.disk, "/out.pawl");
  REQUIRE(bundle);
  const auto named = manifest::proof_of(bench.listed());
  const auto* entry = bundle->table().find(manifest::BundlePart::kBlob, to_hex((*named)->sha256));
  REQUIRE(entry != nullptr);
  CHECK(entry->length == bench.proof().size());

  const auto shown = inspect_path(bench.disk, "/out.pawl");
  if (!shown) FAIL(shown.error().what());
  CHECK(shown->kind == "offline bundle");
  CHECK_THAT(shown->text, Catch::Contains("gw3 1.0.0"));
  CHECK_THAT(shown->text, Catch::Contains("timestamp.json"));
  CHECK_THAT(shown->text, Catch::Contains("release counter 1"));
  CHECK(*shown->facts.find("version")->string() == "1.0.0");
  CHECK(*shown->facts.find("blobs")->integer() ==
        static_cast<std::int64_t>(plan->parts.size() -
                                  shown->facts.find("metadata")->array()->size() - 1));
  // a copy that was cut, and a file that is none
  auto cut = bench.disk.content("/out.pawl");
  cut.pop_back();
  bench.disk.put("/cut.pawl", cut);
  const auto refused = inspect_path(bench.disk, "/cut.pawl");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kMalformed);
  CHECK_THAT(refused.error().what(), Catch::StartsWith("/cut.pawl: "));
  CHECK(inspect_path(bench.disk, "/out/manifest.json")->kind == "release manifest");
}

namespace {

std::string verifier_key(const manifest::NoteKey& key, std::uint32_t id) {
  Bytes raw{static_cast<std::uint8_t>(key.type)};
  raw.insert(raw.end(), key.key.bytes.begin(), key.key.bytes.end());
  const std::uint8_t bytes[] = {static_cast<std::uint8_t>(id >> 24U),
                                static_cast<std::uint8_t>(id >> 16U),
                                static_cast<std::uint8_t>(id >> 8U), static_cast<std::uint8_t>(id)};
  return key.name + "+" + to_hex(bytes) + "+" + manifest::to_base64(raw);
}
std::string verifier_key(const manifest::NoteKey& key) {
  return verifier_key(key, key.id());
}

}  // namespace

TEST_CASE("log: a tlog-policy becomes the log of policy.json (FORMAT 2.7.3)", "[signer][log]") {
  const fakes::Log log;
  const auto w = [&](int i) {
    return "witness w" + std::to_string(i) + " " +
           verifier_key(log.policy.witnesses[static_cast<std::size_t>(i)]) + "\n";
  };
  const auto head = "# who has to see a release\nlog " + verifier_key(log.log) +
                    " https://log.example.com/\n" + w(0) + w(1) + w(2);
  const auto whole = parse_log_policy(head + "group g 2 w0 w1 w2\n\nquorum g\n");
  if (!whole) FAIL(whole.error().what());
  CHECK(*whole == log.policy);
  CHECK(parse_log_policy(head + "group g any w0 w1\nquorum g")->quorum == 1);
  CHECK(parse_log_policy(head + "group g all w0 w1\nquorum g")->quorum == 2);
  const auto one = parse_log_policy(head + "quorum w1\n");
  REQUIRE(one);
  CHECK(one->witnesses == std::vector{log.policy.witnesses[1]});
  CHECK(one->quorum == 1);
  CHECK(parse_log_policy(head + "quorum none\n")->witnesses.empty());

  auto other = log.log;
  other.name = "example.com/other";
  const std::pair<const char*, std::string> rows[] = {
      {"no log", w(0) + "quorum none\n"},
      {"two logs", head + "log " + verifier_key(other) + "\nquorum none\n"},
      {"no quorum", head},
      {"two quorums", head + "quorum none\nquorum none\n"},
      {"quorum nobody knows", head + "quorum w9\n"},
      {"witness as log", "log " + verifier_key(log.policy.witnesses[0]) + "\nquorum none\n"},
      {"log as witness", head + "witness w9 " + verifier_key(log.log) + "\nquorum none\n"},
      {"witness twice", head + w(0) + "quorum none\n"},
      {"one key under two names", head + "witness w9 " + verifier_key(log.policy.witnesses[0]) +
                                      "\ngroup g 1 w0 w9\nquorum g\n"},
      {"group of nobody", head + "group g 1 w9\nquorum g\n"},
      {"unused group of nobody", head + "group g 1 w9\nquorum none\n"},
      {"group of groups", head + "group g 1 w0\ngroup h 1 g\nquorum h\n"},
      {"group twice", head + "group g 1 w0\ngroup g 1 w0\nquorum g\n"},
      {"threshold 0", head + "group g 0 w0\nquorum g\n"},
      {"threshold over members", head + "group g 2 w0\nquorum g\n"},
      {"threshold no number", head + "group g 1x w0\nquorum g\n"},
      {"hash of another key", "log " + verifier_key(log.log, log.log.id() + 1) + "\nquorum none\n"},
      {"no verifier key", "log example.com/log\nquorum none\n"},
      {"unknown line", head + "quorum none\nsurprise\n"}};
  for (const auto& [why, text] : rows) {
    INFO(why);
    const auto parsed = parse_log_policy(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
  CHECK(parse_log_policy(std::string(kMaxLogPolicy + 1, '#')).error().code() == Errc::kTooLarge);
}
