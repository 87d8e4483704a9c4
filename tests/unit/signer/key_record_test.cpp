#include "signer/key_record.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;

TEST_CASE("key record: it survives a round trip (FORMAT 11.5.1)", "[signer][key]") {
  auto record = fakes::record_of("alice");
  record.custody = "attested";
  const auto read = parse_key_record(key_record_text(record));
  REQUIRE(read);
  CHECK(read->label == "alice");
  CHECK(read->public_key == record.public_key);
  CHECK(read->uri == record.uri);
  CHECK(read->custody == "attested");
  CHECK(read->id() == fakes::SigningKey("alice").id());
  CHECK_FALSE(read->is_development());
  record.uri = "software:/tmp/x.key";
  CHECK(record.is_development());
  record.uri = "command:/usr/bin/kms-sign";
  const auto external = parse_key_record(key_record_text(record));
  REQUIRE(external);
  CHECK(external->is_external());
  CHECK_FALSE(external->is_development());
}

TEST_CASE("key record: what is not one is refused", "[signer][key]") {
  const auto good = key_record_text(fakes::record_of("alice"));
  const auto edit = [&](const std::string& from, const std::string& to) {
    auto text = good;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::string> bad{
      "",
      "[]",
      edit("pawl.key", "pawl.kay"),
      edit("\"format\": 1", "\"format\": 2"),
      edit("\"alice\"", "\"Alice\""),
      edit("token_born", "very_good"),
      edit("pkcs11:", "https:"),
      edit("\"public\": \"", "\"public\": \"0"),
      edit("\"label\"", "\"lable\""),
      good + std::string(KeyRecord::kMaxSize, ' '),
  };
  for (const auto& text : bad) {
    INFO(text);
    CHECK_FALSE(parse_key_record(text));
  }
}

TEST_CASE("key record: the id has to be that of the key", "[signer][key]") {
  const auto alice = fakes::record_of("alice");
  const auto bob = fakes::record_of("bob");
  auto text = key_record_text(alice);
  const auto at = text.find(alice.id().text);
  REQUIRE(at != std::string::npos);
  text.replace(at, alice.id().text.size(), bob.id().text);
  CHECK(parse_key_record(text).error().code() == Errc::kMalformed);
}

TEST_CASE("key record: cut anywhere it is refused", "[signer][key]") {
  const auto good = key_record_text(fakes::record_of("alice"));
  for (std::size_t n = 0; n + 2 < good.size(); ++n) {
    REQUIRE_FALSE(parse_key_record(std::string_view(good).substr(0, n)));
  }
}
