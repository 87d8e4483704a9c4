#include <atomic>
#include <csignal>
#include <thread>

#include "base/digest.hpp"
#include "base/disk.hpp"
#include "hsm/broker.hpp"
#include "tests/integration/hsm_ready.hpp"

using namespace pawl;
using namespace pawl::hsm;
using std::chrono::milliseconds;

namespace {

/// A token with key gw3, behind a broker that loads the forwarding module in its own process.
struct Brokered : Faulty {
  Brokered() {
    break_with("");
    uri.object = "gw3";
    start();
    const auto made = broker->generate(uri);
    if (!made) FAIL(made.error().what());
    pinned = made->public_key;
  }
  void start(milliseconds limit = milliseconds(60'000)) {
    broker.reset();
    auto pin = PinSource::open("prompt");
    pin = PinSource::open(*uri.pin_source);
    auto started = Broker::start({*uri.module_path, PinTry::kSafe, limit, limit}, *std::move(pin));
    if (!started) FAIL(started.error().what());
    broker = *std::move(started);
  }
  Status sign() {
    PAWL_TRY(auto signer, broker->signer(uri, pinned));
    PAWL_CHECK(signer->sign(as_bytes("x")));
    return Ok{};
  }
  std::unique_ptr<Broker> broker;
  Ed25519PublicKey pinned;
};

bool gone(pid_t process) {
  return ::kill(process, 0) != 0 && errno == ESRCH;
}

}  // namespace

// FORMAT 10.7.1
TEST_CASE("a broker makes, lists and signs with keys in its own process", "[hsm][broker]") {
  Brokered ready;
  const auto signer = ready.broker->signer(ready.uri, ready.pinned);
  if (!signer) FAIL(signer.error().what());
  const Bytes message(3000, 1);
  const auto signature = (*signer)->sign(message);
  REQUIRE(signature);
  CHECK(ed25519_verify(*signature, message, ready.pinned));
  CHECK(custody_of((*signer)->facts()) == Custody::kTokenBorn);
  CHECK((*signer)->facts().label == "gw3");
  CHECK(ready.broker->list(ready.uri)->size() == 1);
  CHECK(ready.broker->token(ready.uri)->label == "release");
  CHECK((*signer)->sign(Bytes(kMaxMessage)));
  const auto process = ready.broker->process();
  ready.broker.reset();
  CHECK(gone(process));
  CHECK(Module::load(fakes::kSoftHsm));  // this process never loaded it
}

TEST_CASE("four processes sign with one token at a time", "[hsm][broker]") {
  Brokered ready;
  std::vector<std::unique_ptr<Broker>> brokers;
  std::vector<std::unique_ptr<Signer>> signers;
  for (int i = 0; i < 4; ++i) {  // all before the first thread
    auto pin = PinSource::open(*ready.uri.pin_source);
    auto started = Broker::start({*ready.uri.module_path}, *std::move(pin));
    REQUIRE(started);
    brokers.push_back(*std::move(started));
    auto signer = brokers.back()->signer(ready.uri, ready.pinned);
    if (!signer) FAIL(signer.error().what());
    signers.push_back(*std::move(signer));
  }
  std::atomic<int> signatures = 0;
  {
    std::vector<std::jthread> people;
    for (auto& signer : signers) {
      people.emplace_back([&signatures, one = signer.get()] {
        for (std::uint8_t i = 0; i < 25; ++i) {
          if (one->sign(Bytes(100, i))) ++signatures;
        }
      });
    }
  }
  CHECK(signatures == 100);
}

TEST_CASE("a broker tells module and point form without a PIN", "[hsm][broker]") {
  Brokered ready;
  ready.uri.pin_source = "file:/nonexistent";
  ready.start();
  const auto found = ready.broker->survey(ready.uri);
  if (!found) FAIL(found.error().what());
  CHECK(found->point == PointForm::kOctetString);
  CHECK(found->signs_ed25519);
  CHECK_THAT(found->module.path, Catch::Contains("pkcs11_fault.so"));
  ready.break_with("C_GetMechanismList=0x30");
  CHECK(ready.broker->survey(ready.uri).error().raw() == 0x30);
}

TEST_CASE("errors come out of the broker as they are", "[hsm][broker]") {
  Brokered ready;
  Ed25519PublicKey other;
  CHECK_THAT(ready.broker->signer(ready.uri, other).error().what(),
             Catch::Contains("the repository expects"));
  CHECK_THAT(ready.broker->generate(ready.uri).error().what(), Catch::Contains("already"));
  ready.uri.object = "gw9";
  CHECK_THAT(ready.broker->signer(ready.uri, ready.pinned).error().what(),
             Catch::Contains("no key 'gw9'"));
  ready.uri.token = "other";
  CHECK_THAT(ready.broker->token(ready.uri).error().what(), Catch::Contains("no token matches"));
  ready.uri.token = "release";
  ready.start();
  ready.uri.pin_source = "file:" + ready.soft.file("wrong", "9999");
  const auto wrong = ready.broker->signer(ready.uri, ready.pinned);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().raw() == 0xa0);
  CHECK_THAT(wrong.error().hint(), Catch::Contains("no second try"));
}

TEST_CASE("a module that hangs is killed when its time is up", "[hsm][broker][fault]") {
  const auto call =
      GENERATE(as<std::string>{}, "C_Initialize", "C_GetTokenInfo", "C_OpenSession", "C_Login",
               "C_FindObjects", "C_GetAttributeValue", "C_SignInit", "C_Sign");
  INFO(call);
  Brokered ready;
  ready.start(milliseconds(300));
  ready.break_with(call + "=hang");
  const auto process = ready.broker->process();
  const auto status = ready.sign();
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kTimeout);
  CHECK_FALSE(status.error().hint().empty());
  CHECK(gone(process));
  CHECK_THAT(ready.sign().error().what(), Catch::Contains("has ended before"));
}

TEST_CASE("a module that crashes or exits is a clean error", "[hsm][broker][fault]") {
  const auto call = GENERATE(as<std::string>{}, "C_Initialize", "C_Login", "C_Sign");
  INFO(call);
  Brokered ready;
  ready.start();
  ready.break_with(call + "=crash");
  auto status = ready.sign();
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kHsm);
  CHECK_THAT(status.error().what(), Catch::Contains("signal 11"));
  ready.break_with(call + "=exit");
  ready.start();
  status = ready.sign();
  REQUIRE_FALSE(status);
  CHECK_THAT(status.error().what(), Catch::Contains("exit status 0"));
  ready.break_with("");
  ready.start();
  CHECK(ready.sign());
}

TEST_CASE("a broker's signature is verified outside of it", "[hsm][broker][fault]") {
  Brokered ready;
  ready.break_with("C_Sign=flip");
  CHECK(ready.sign().error().code() == Errc::kBadSignature);
}

TEST_CASE("the broker's process holds no lock of its parent", "[hsm][broker]") {
  Brokered ready;
  PosixDisk disk;
  const auto path = ready.soft.file("locked", "");
  auto held = disk.lock(path);
  REQUIRE(held);
  ready.start();
  REQUIRE(ready.broker->token(ready.uri));  // it is past its first lines
  held->reset();
  CHECK(disk.lock(path));
}

TEST_CASE("the broker's process dumps no core and gains no privileges", "[hsm][broker]") {
  Brokered ready;
  const auto folder = "/proc/" + std::to_string(ready.broker->process());
  const auto text_of = [&](const std::string& name) {
    std::ifstream in(folder + "/" + name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  CHECK_THAT(text_of("status"), Catch::Contains("NoNewPrivs:\t1"));
  CHECK_THAT(text_of("limits"), Catch::Matches("[^]*Max core file size +0 +0 [^]*"));
}
