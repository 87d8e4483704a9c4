#include "base/disk.hpp"
#include "hsm/soft_signer.hpp"
#include "tests/integration/hsm_ready.hpp"

using namespace pawl;
using namespace pawl::hsm;

TEST_CASE("a wrong PIN is refused with one try and the next is not made", "[hsm][softhsm]") {
  Ready ready;
  const auto right = *ready.uri.pin_source;
  ready.uri.pin_source = "file:" + ready.soft.file("wrong", "9999");
  const auto wrong = ready.try_session();
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == Errc::kHsm);
  CHECK(wrong.error().raw() == 0xa0);
  CHECK_THAT(wrong.error().hint(), Catch::Contains("no second try"));

  ready.uri.pin_source = right;  // the token now says that the count is low
  const auto next = ready.try_session();
  REQUIRE_FALSE(next);
  CHECK_THAT(next.error().what(), Catch::Contains("no try made"));

  Module& module = **ready.ring->modules().get(fakes::kSoftHsm);
  const auto token = ready.ring->token(ready.uri);
  REQUIRE(token);
  CHECK(token->pin == PinState::kCountLow);
  auto session = Session::open(module, *token, Access::kRead);
  auto pin = PinSource::open(right);
  CHECK(session->login(*pin, PinTry::kForced));
  CHECK(*session->logged_in());
}

TEST_CASE("a PIN that cannot be right by its length spends no try", "[hsm][softhsm]") {
  Ready ready;
  ready.uri.pin_source = "file:" + ready.soft.file("short", "12");
  const auto session = ready.try_session();
  REQUIRE_FALSE(session);
  CHECK_THAT(session.error().what(), Catch::Contains("no try made"));
  CHECK(ready.ring->token(ready.uri)->pin == PinState::kGood);
}

TEST_CASE("tokens that are absent or doubled are refused by name", "[hsm][softhsm]") {
  Ready ready;
  ready.uri.token = "backup";
  CHECK_THAT(ready.try_session().error().what(),
             Catch::Contains("no token matches; present: 'release' (serial"));
}

TEST_CASE("two tokens of one label are told apart by serial only", "[hsm][softhsm]") {
  Ready ready;
  ready.soft.add_token("release");
  const auto both = ready.try_session();
  REQUIRE_FALSE(both);
  CHECK_THAT(both.error().what(), Catch::Contains("2 tokens match"));
  CHECK_THAT(both.error().hint(), Catch::Contains("serial="));
  Module& module = **ready.ring->modules().get(fakes::kSoftHsm);
  ready.uri.serial = module.tokens()->front().serial;
  CHECK(ready.session().token().serial == *ready.uri.serial);
}

TEST_CASE("a module without any token says so", "[hsm][softhsm]") {
  const fakes::SoftHsm soft;
  Keyring ring(fakes::kSoftHsm);
  Uri uri;
  uri.token = "release";
  CHECK_THAT(ring.token(uri).error().what(), Catch::Contains("the module shows no token"));
}

TEST_CASE("a token is opened and logged in once for all its keys", "[hsm][softhsm]") {
  Ready ready;
  auto& first = ready.session();
  ready.uri.pin_source = "file:/nonexistent";  // would fail if a second PIN were read
  CHECK(&ready.session() == &first);
}

TEST_CASE("wrong modules are refused before anything is loaded", "[hsm]") {
  const fakes::SoftHsm soft;
  const auto text = soft.file("text.so", "not a library");
  const auto writable = soft.file("open.so", "");
  std::filesystem::permissions(writable, std::filesystem::perms(0666));
  struct Row {
    std::string path;
    std::string_view says;
  };
  const std::vector<Row> rows{{"libsofthsm2.so", "absolute"},
                              {"/nonexistent/p11.so", "No such file"},
                              {soft.root().string(), "not a regular file"},
                              {text, "cannot be loaded"},
                              {writable, "others may write"},
                              {"/lib/x86_64-linux-gnu/libz.so.1", "not a PKCS#11 module"}};
  for (const auto& row : rows) {
    if (row.path.find("libz") != std::string::npos && !std::filesystem::exists(row.path)) continue;
    INFO(row.path);
    const auto module = Module::load(row.path);
    REQUIRE_FALSE(module);
    CHECK(module.error().code() == Errc::kHsm);
    CHECK_THAT(module.error().what(), Catch::Contains(std::string(row.says)));
  }
}

TEST_CASE("a module is loaded once per process", "[hsm][softhsm]") {
  const fakes::SoftHsm soft;
  {
    const auto first = Module::load(fakes::kSoftHsm);
    REQUIRE(first);
    const auto second = Module::load(fakes::kSoftHsm);
    REQUIRE_FALSE(second);
    CHECK_THAT(second.error().what(), Catch::Contains("already in use in this process"));
    Modules modules;
    CHECK_FALSE(modules.get(fakes::kSoftHsm));
  }
  Modules modules;
  const auto one = modules.get(fakes::kSoftHsm);
  REQUIRE(one);
  CHECK(*modules.get("/usr/lib/x86_64-linux-gnu/../softhsm/libsofthsm2.so") == *one);
}

TEST_CASE("the URI's library attributes must be the module's", "[hsm][softhsm]") {
  Ready ready;
  ready.uri.library_manufacturer = "SoftHSM";
  ready.uri.library_version = "2.6";
  CHECK(ready.ring->token(ready.uri));
  ready.uri.library_version = "3";
  CHECK_THAT(ready.ring->token(ready.uri).error().what(), Catch::Contains("not the one the URI"));
  Keyring none;
  CHECK(none.token(*Uri::parse("pkcs11:token=a")).error().code() == Errc::kUsage);
}

TEST_CASE("a token removed under a session is a clean error", "[hsm][softhsm]") {
  Ready ready;
  const auto made = generate_key(ready.session(), named("gw3"));
  const auto signer = Pkcs11Signer::open(ready.session(), named("gw3"), made->public_key);
  REQUIRE(signer);
  std::filesystem::remove_all(ready.soft.tokens());
  const auto signature = (*signer)->sign(as_bytes("x"));
  REQUIRE_FALSE(signature);
  CHECK(signature.error().code() == Errc::kHsm);
}

TEST_CASE("a software key signs and is named as such", "[hsm]") {  // FORMAT 10.5.1
  const fakes::SoftHsm soft;
  PosixDisk disk;
  const auto path = (soft.root() / "dev.key").string();
  const auto made = SoftSigner::create(disk, path);
  REQUIRE(made);
  CHECK_THAT(describe((*made)->facts()), Catch::Contains("software key"));
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms(0777)) ==
        std::filesystem::perms(0600));
  const auto loaded = SoftSigner::load(path);
  REQUIRE(loaded);
  CHECK((*loaded)->public_key() == (*made)->public_key());
  CHECK(*(*loaded)->sign(as_bytes("x")) == *(*made)->sign(as_bytes("x")));
  CHECK(SoftSigner::create(disk, path).error().code() == Errc::kUsage);

  std::filesystem::permissions(path, std::filesystem::perms(0640));
  CHECK(SoftSigner::load(path).error().code() == Errc::kConfig);
  CHECK(SoftSigner::load(soft.file("short", "PAWL-SOFT-KEY-1\n123")).error().code() ==
        Errc::kMalformed);
  CHECK(SoftSigner::load(soft.file("other", std::string(48, 'x'))).error().code() ==
        Errc::kMalformed);
}
