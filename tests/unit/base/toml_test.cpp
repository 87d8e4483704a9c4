#include "base/toml.hpp"

#include <catch2/catch.hpp>

using namespace pawl;

namespace {
constexpr std::string_view kText = R"(
[server]
url = "https://u.example"
port = 8443
secure = true
names = ["a", "b"]
mixed = [1, "b"]

[slots.a]
rootfs = "/dev/a"
[slots.b]
rootfs = "/dev/b"
)";
}  // namespace

TEST_CASE("toml: values by dotted key", "[base][toml]") {
  auto toml = *Toml::parse(kText, "u.toml");
  CHECK(*toml.required("server.url") == "https://u.example");
  CHECK(**toml.integer("server.port", 1, 65535) == 8443);
  CHECK(**toml.boolean("server.secure"));
  CHECK((*toml.strings("server.names"))->size() == 2);
  CHECK(toml.tables("slots") == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(*toml.string("server.absent"));
}

TEST_CASE("toml: a mistake names file, line and key", "[base][toml]") {
  auto toml = *Toml::parse(kText, "u.toml");
  CHECK(toml.string("server.port").error().what() == "u.toml:4: server.port must be a string");
  CHECK(toml.integer("server.port", 1, 80).error().what() ==
        "u.toml:4: server.port must be an integer from 1 to 80");
  CHECK(toml.integer("server.url", 1, 80).error().code() == Errc::kConfig);
  CHECK(toml.boolean("server.url").error().code() == Errc::kConfig);
  CHECK(toml.strings("server.mixed").error().code() == Errc::kConfig);
  CHECK(toml.required("server.id").error().what() == "u.toml: server.id is missing");
}

TEST_CASE("toml: unknown keys, repeated keys and bad syntax are refused", "[base][toml]") {
  auto toml = *Toml::parse("a = 1\n[b]\nserver_idd = 2\n", "u.toml");
  CHECK(toml.integer("a", 0, 9));
  CHECK(toml.refuse_unknown().error().what() == "u.toml:3: unknown key: 'b.server_idd'");
  CHECK(toml.integer("b.server_idd", 0, 9));
  CHECK(toml.refuse_unknown());
  for (const char* bad : {"a = 1\na = 2\n", "a = \n", "[a\n", "a = \"x", "[a]\n[a]\n"}) {
    INFO(bad);
    CHECK(Toml::parse(bad, "u.toml").error().code() == Errc::kConfig);
  }
  CHECK(Toml::parse(std::string(Toml::kMaxBytes + 1, '#'), "u.toml").error().code() ==
        Errc::kConfig);
}
