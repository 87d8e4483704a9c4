#include "hsm/uri.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using hsm::Uri;

TEST_CASE("a PKCS#11 URI is decoded attribute by attribute", "[hsm]") {  // FORMAT 10.1.2, 10.1.4
  const auto uri = Uri::parse(
      "pkcs11:token=release%201;manufacturer=Yubico%20(www.yubico.com);serial=07550054;"
      "id=%00%ffA;object=gw3;type=private;slot-id=7;library-version=2.8"
      "?module-path=/usr/lib/x.so&pin-source=file:/run/pin");
  REQUIRE(uri);
  CHECK(uri->token == "release 1");
  CHECK(uri->manufacturer == "Yubico (www.yubico.com)");
  CHECK(uri->serial == "07550054");
  CHECK(uri->id == std::string("\0\xff"
                               "A",
                               3));
  CHECK(uri->object == "gw3");
  CHECK(uri->type == "private");
  CHECK(uri->slot_id == "7");
  CHECK(uri->library_version == "2.8");
  CHECK(uri->module_path == "/usr/lib/x.so");
  CHECK(uri->pin_source == "file:/run/pin");
  CHECK_FALSE(uri->model);
}

TEST_CASE("the canonical text has one order and parses to the same URI",
          "[hsm]") {  // FORMAT 10.1.6
  const auto uri = Uri::parse("pkcs11:object=a%2Bb;id=a%0a;token=t?pin-source=fd:3&module-path=/m");
  REQUIRE(uri);
  CHECK(uri->text() == "pkcs11:token=t;id=%61%0A;object=a%2Bb?module-path=/m&pin-source=fd:3");
  CHECK(*Uri::parse(uri->text()) == *uri);
  CHECK(Uri::parse("pkcs11:")->text() == "pkcs11:");
  CHECK(Uri::parse("pkcs11:?pin-source=prompt")->text() == "pkcs11:?pin-source=prompt");
}

TEST_CASE("URIs outside the rules are refused by name", "[hsm]") {  // FORMAT 10.1.1 to 10.1.5
  struct Row {
    std::string_view why;
    std::string text;
    Errc code;
    std::string_view says;
  };
  const auto row = GENERATE(values<Row>({
      {"another scheme", "pkcs12:token=a", Errc::kMalformed, "not a PKCS#11 URI"},
      {"upper-case scheme", "PKCS11:token=a", Errc::kMalformed, "not a PKCS#11 URI"},
      {"a path", "/usr/lib/x.so", Errc::kMalformed, "not a PKCS#11 URI"},
      {"unknown attribute", "pkcs11:colour=red", Errc::kMalformed, "'colour': unknown"},
      {"vendor attribute", "pkcs11:x-yubico=1", Errc::kMalformed, "'x-yubico': unknown"},
      {"query attribute in the path", "pkcs11:module-path=/m", Errc::kMalformed, "unknown"},
      {"path attribute in the query", "pkcs11:?token=a", Errc::kMalformed, "unknown"},
      {"twice", "pkcs11:token=a;token=a", Errc::kMalformed, "'token': given twice"},
      {"empty value", "pkcs11:token=", Errc::kMalformed, "'token': empty"},
      {"no value", "pkcs11:token", Errc::kMalformed, "'token': no value"},
      {"trailing separator", "pkcs11:token=a;", Errc::kMalformed, "no value"},
      {"blank", "pkcs11:token=a b", Errc::kMalformed, "percent-encoded"},
      {"slash in the path", "pkcs11:token=a/b", Errc::kMalformed, "percent-encoded"},
      {"raw byte", "pkcs11:token=\xc3\xa9", Errc::kMalformed, "percent-encoded"},
      {"half a percent", "pkcs11:token=a%4", Errc::kMalformed, "two digits"},
      {"percent at the end", "pkcs11:token=a%", Errc::kMalformed, "two digits"},
      {"no hexadecimal", "pkcs11:token=a%4g", Errc::kMalformed, "two digits"},
      {"control character", "pkcs11:token=a%0a", Errc::kMalformed, "printable"},
      {"NUL", "pkcs11:object=a%00", Errc::kMalformed, "printable"},
      {"not UTF-8", "pkcs11:object=%ff", Errc::kMalformed, "printable"},
      {"slot not a number", "pkcs11:slot-id=0x1", Errc::kMalformed, "decimal"},
      {"version", "pkcs11:library-version=2.", Errc::kMalformed, "version"},
      {"version dot first", "pkcs11:library-version=.2", Errc::kMalformed, "version"},
      {"type", "pkcs11:type=key", Errc::kMalformed, "object type"},
      {"relative module", "pkcs11:?module-path=x.so", Errc::kMalformed, "absolute"},
      {"PIN inside", "pkcs11:token=a?pin-value=1234", Errc::kUsage, "refused"},
      {"PIN inside the path", "pkcs11:pin-value=1234", Errc::kUsage, "refused"},
      {"command", "pkcs11:token=a?pin-source=|cat%20pin", Errc::kUsage, "refused"},
      {"encoded command", "pkcs11:token=a?pin-source=%7ccat", Errc::kUsage, "refused"},
      {"serial too long", "pkcs11:serial=12345678901234567", Errc::kMalformed, "limit is 16"},
      {"too long", "pkcs11:object=" + std::string(2048, 'a'), Errc::kTooLarge, "2048"},
  }));
  INFO(row.why);
  const auto uri = Uri::parse(row.text);
  REQUIRE_FALSE(uri);
  CHECK(uri.error().code() == row.code);
  CHECK_THAT(uri.error().what(), Catch::Contains(std::string(row.says)));
}

TEST_CASE("an error about a PIN in a URI does not repeat the PIN", "[hsm]") {
  const auto uri = Uri::parse("pkcs11:token=a?pin-value=73915");
  CHECK_THAT(uri.error().what() + uri.error().hint(), !Catch::Contains("73915"));
}
