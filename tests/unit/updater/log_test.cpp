#include <functional>

#include <catch2/catch.hpp>

#include "fakes/bundle.hpp"
#include "fakes/fake_device.hpp"
#include "fakes/transparency_log.hpp"
#include "manifest/release_proof.hpp"
#include "updater/bundle.hpp"
#include "updater/releases.hpp"
#include "updater/verbs.hpp"

using namespace pawl;
using namespace pawl::updater;
using manifest::LogMode;

namespace {

Sha256Digest digest_of(const manifest::Release& release) {
  return sha256(as_bytes(release.serialise()));
}

/// A device that is offered 1.1.0, a log that holds it, and a policy that names the log.
struct Bench {
  fakes::ReleaseFactory factory;
  fakes::Log log;
  std::optional<fakes::FakeDevice> fake;

  explicit Bench(LogMode mode = LogMode::kRequire) {
    factory.add("1.0.0", {1, 1, 1});
    factory.add("1.1.0", {2, 2, 1});
    log = fakes::Log({digest_of(factory.releases.at("1.0.0").release),
                      digest_of(factory.releases.at("1.1.0").release)});
    factory.repo.policy.tlog = log.policy;
    factory.repo.bump_root();
    fake.emplace(factory, "1.0.0");
    fake->config.tlog = mode;
    attach(log.proof(1, log.checkpoint({0, 1})));
  }
  manifest::TargetInfo& target() {
    return factory.repo.roles["rel-gw3"].targets.at("releases/gw3/1.1.0/manifest.json");
  }
  manifest::BlobReference attach(const std::string& proof) {
    const auto bytes = as_bytes(proof);
    const auto blob = factory.blobs.add({bytes.begin(), bytes.end()});
    manifest::set_proof(target(), blob);
    factory.repo.bump();
    return blob;
  }
  Result<InstallResult> install() {
    auto device = fake->device();
    return updater::install(device, {});
  }
  [[nodiscard]] bool reported() const {
    const auto& events = fake->log.events;
    return std::find(events.begin(), events.end(), "release.not-logged") != events.end();
  }
};

struct Row {
  const char* why;
  Errc required;       // what require says
  const char* attack;  // of that refusal
  std::function<void(Bench&)> change;
};

const Row kRows[] = {
    {"no proof", Errc::kBadSignature, "not-logged",
     [](Bench& b) {
       b.target().custom =
           manifest::ReleaseSummary::of(b.factory.releases.at("1.1.0").release).to_json();
       b.factory.repo.bump();
     }},
    {"proof of another release", Errc::kHashMismatch, "not-logged",
     [](Bench& b) {
       b.attach(b.log.proof(0, b.log.checkpoint({0, 1})));
     }},
    {"one witness fewer than the quorum", Errc::kBadSignature, "not-logged",
     [](Bench& b) { b.attach(b.log.proof(1, b.log.checkpoint({0}))); }},
    {"one witness twice", Errc::kBadSignature, "not-logged",
     [](Bench& b) {
       b.attach(b.log.proof(1, b.log.checkpoint({1, 1})));
     }},
    {"another log", Errc::kBadSignature, "not-logged",
     [](Bench& b) {
       b.factory.repo.policy.tlog->log.name = "example.com/other";
       b.factory.repo.bump_root();
     }},
    {"no proof at all in the file", Errc::kMalformed, "not-logged",
     [](Bench& b) { b.attach("nothing"); }},
    {"a proof that is not there", Errc::kTransport, "",
     [](Bench& b) {
       const auto blob = b.attach(b.log.proof(1, b.log.checkpoint({0, 2})));
       b.factory.blobs.files.erase(to_hex(blob.sha256));
     }},
    {"a damaged proof", Errc::kHashMismatch, "not-logged",
     [](Bench& b) {
       const auto blob = b.attach(b.log.proof(1, b.log.checkpoint({0, 2})));
       b.factory.blobs.files.at(to_hex(blob.sha256)).back() ^= 1U;
     }},
    {"a reference that is none", Errc::kMalformed, "malformed",
     [](Bench& b) {
       b.target().custom.set("proof", 1);
       b.factory.repo.bump();
     }},
    {"a proof over 64 KiB", Errc::kMalformed, "malformed",
     [](Bench& b) {
       manifest::set_proof(b.target(), {Sha256Digest{}, 65537});
       b.factory.repo.bump();
     }},
};

}  // namespace

TEST_CASE("log: a release that is proved to be in it is installed (FORMAT 2.6.8, 2.11.5)",
          "[updater][log]") {
  for (const auto mode : {LogMode::kWarn, LogMode::kRequire}) {
    Bench bench(mode);
    auto device = bench.fake->device();
    CHECK(check(device)->logged == manifest::Logged::kProved);
    const auto done = bench.install();
    INFO((done ? "ok" : done.error().what()));
    REQUIRE(done);
    CHECK(done->logged == manifest::Logged::kProved);
    CHECK_FALSE(bench.reported());
  }
}

TEST_CASE("log: any other is refused, reported or not looked at (FORMAT 2.6.8, 2.11.5)",
          "[updater][log]") {
  for (const auto& row : kRows) {
    INFO(row.why);
    Bench required;
    row.change(required);
    const auto refused = required.install();
    REQUIRE_FALSE(refused);
    INFO(refused.error().what());
    CHECK(refused.error().code() == row.required);
    CHECK(refused.error().attack() == row.attack);
    CHECK(required.fake->record().state == State::kIdle);

    Bench warned(LogMode::kWarn);
    row.change(warned);
    const auto installed = warned.install();
    REQUIRE(installed);
    CHECK(installed->logged == manifest::Logged::kNotProved);
    CHECK(warned.reported());

    Bench off(LogMode::kOff);
    row.change(off);
    REQUIRE(off.install());
    CHECK_FALSE(off.reported());
  }
}

TEST_CASE("log: a policy without a log refuses where one is required (FORMAT 2.11.5)",
          "[updater][log]") {
  const auto without = [](LogMode mode) {
    auto bench = std::make_unique<Bench>(mode);
    bench->factory.repo.policy.tlog.reset();
    bench->factory.repo.bump_root();
    return bench;
  };
  const auto refused = without(LogMode::kRequire)->install();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().attack() == "not-logged");
  const auto quiet = without(LogMode::kWarn);
  REQUIRE(quiet->install());
  CHECK_FALSE(quiet->reported());  // there is nothing to compare with
}

TEST_CASE(
    "log: the running release is provisioned only with its proof, where one is required "
    "(FORMAT 2.11.5)",
    "[updater][log]") {
  struct Provisioning {
    LogMode mode;
    bool proved;
    bool accepted;
  };
  for (const auto& row :
       {Provisioning{LogMode::kRequire, true, true}, Provisioning{LogMode::kRequire, false, false},
        Provisioning{LogMode::kWarn, false, true}, Provisioning{LogMode::kOff, false, true}}) {
    INFO("mode " << static_cast<int>(row.mode) << ", proved " << row.proved);
    Bench bench(row.mode);
    const auto running = bench.factory.releases.at("1.0.0").release.serialise();
    if (row.proved) {
      const auto proof = bench.log.proof(0, bench.log.checkpoint({0, 1}));
      const auto bytes = as_bytes(proof);
      manifest::set_proof(
          bench.factory.repo.roles["rel-gw3"].targets.at("releases/gw3/1.0.0/manifest.json"),
          bench.factory.blobs.add({bytes.begin(), bytes.end()}));
      bench.factory.repo.bump();
    }
    auto device = bench.fake->device();
    const auto verified = verify_installed(device, as_bytes(running), {});
    INFO((verified ? "ok" : verified.error().what()));
    REQUIRE(static_cast<bool>(verified) == row.accepted);
    CHECK(bench.reported() == (row.mode == LogMode::kWarn));
    if (row.accepted) continue;
    CHECK(verified.error().code() == Errc::kBadSignature);
    CHECK(verified.error().attack() == "not-logged");
  }
}

TEST_CASE("log: a bundle carries the proof, and is refused without it (FORMAT 2.6.8, 14.2.1)",
          "[updater][log]") {
  for (const bool with_proof : {true, false}) {
    INFO("with proof: " << with_proof);
    Bench bench;
    const auto& release = bench.factory.releases.at("1.1.0").release;
    const auto proof = manifest::proof_of(bench.target());
    REQUIRE(proof);
    auto parts = fakes::bundle_parts(bench.factory.repo, release);
    for (const auto& [digest, bytes] : bench.factory.blobs.files) {
      if (!with_proof && digest == to_hex((*proof)->sha256)) continue;
      parts.push_back({manifest::BundlePart::kBlob, digest, bytes});
    }
    bench.fake->disk.put("/media/stick.pawl", fakes::write_bundle(parts));
    auto device = bench.fake->device();
    const auto done = install_bundle(device, "/media/stick.pawl", {});
    INFO((done ? "ok" : done.error().what()));
    CHECK(done.operator bool() == with_proof);
    if (!with_proof) CHECK(done.error().code() == Errc::kTransport);
  }
}
