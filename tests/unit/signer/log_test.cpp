// Releases with transparency proofs: added, listed, bundled, verified; the policy that names a log.
#include <catch2/catch.hpp>

#include "fakes/signer_repository.hpp"
#include "fakes/transparency_log.hpp"
#include "manifest/bundle_file.hpp"
#include "manifest/release_proof.hpp"
#include "signer/bundle.hpp"
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
