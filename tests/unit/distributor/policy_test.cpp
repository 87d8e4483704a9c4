#include "distributor/policy.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::distributor;
using identity::SpiffeId;

namespace {

AdmitRule rule(const std::string& name, const std::string& domain, const std::string& pattern) {
  return {name, *identity::TrustDomain::parse(domain), *IdPattern::parse(pattern), "lamp", {}};
}

}  // namespace

TEST_CASE("policy: a star stands for part of one segment (FORMAT 12.5.2)",
          "[distributor][policy]") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Row rows[] = {{"/device/d1", "/device/d1", true},
                      {"/device/d1", "/device/d2", false},
                      {"/device/d1", "/device/d10", false},
                      {"/device/d1", "/device/D1", false},
                      {"/device/d1", "/device", false},
                      {"/device/d1", "/device/d1/x", false},
                      {"/device/*", "/device/anything.at-all_1", true},
                      {"/device/*", "/device/a/b", false},
                      {"/device/*", "/devices/a", false},
                      {"/device/*", "/admin/a", false},
                      {"/device/gw3-*", "/device/gw3-0001", true},
                      {"/device/gw3-*", "/device/gw3-", true},
                      {"/device/gw3-*", "/device/gw30001", false},
                      {"/*/d1", "/device/d1", true},
                      {"/*/*", "/a/b", true},
                      {"/*/*", "/a", false},
                      {"/a*b*c", "/axxbxxc", true},
                      {"/a*b*c", "/abcb", false},
                      {"/a*b*c", "/a/b/c", false}};
  for (const auto& row : rows) {
    INFO(row.pattern << " on " << row.path);
    CHECK(IdPattern::parse(row.pattern)->matches(row.path) == row.matches);
  }
}

TEST_CASE("policy: a pattern that no ID could match is refused (FORMAT 12.5.2)",
          "[distributor][policy]") {
  for (const auto* text : {"", "device", "/", "//", "/a//b", "/a/", "/a/.", "/../a", "/a b", "/a?",
                           "/a[bc]", "/a%62", "spiffe://x/a", "/ä"}) {
    INFO(text);
    REQUIRE_FALSE(IdPattern::parse(text));
    CHECK(IdPattern::parse(text).error().code() == Errc::kMalformed);
  }
  CHECK(IdPattern::parse("/" + std::string(255, 'a')));
  CHECK(IdPattern::parse("/" + std::string(256, 'a')).error().code() == Errc::kTooLarge);
  CHECK(IdPattern::parse("/********"));
  CHECK(IdPattern::parse("/*********").error().code() == Errc::kTooLarge);
}

TEST_CASE("policy: the first rule of the same trust domain admits (FORMAT 12.5.3)",
          "[distributor][policy]") {
  const std::vector<AdmitRule> rules{rule("a", "example.org", "/device/gw3-*"),
                                     rule("b", "example.org", "/device/*"),
                                     rule("c", "other.org", "/device/*")};
  const auto name_of = [&](const std::string& id) {
    const auto* found = admitting_rule(rules, *SpiffeId::parse(id));
    return found == nullptr ? "none" : found->name;
  };
  CHECK(name_of("spiffe://example.org/device/gw3-1") == "a");
  CHECK(name_of("spiffe://example.org/device/x") == "b");
  CHECK(name_of("spiffe://other.org/device/gw3-1") == "c");
  CHECK(name_of("spiffe://third.org/device/gw3-1") == "none");
  CHECK(name_of("spiffe://example.org/server") == "none");
}

TEST_CASE("policy: tags and products have small alphabets", "[distributor][policy]") {
  CHECK(is_tag("canary.eu-1_x"));
  CHECK(is_tag(std::string(64, 'a')));
  CHECK_FALSE(is_tag(std::string(65, 'a')));
  CHECK_FALSE(is_tag(""));
  CHECK_FALSE(is_tag("Canary"));
  CHECK_FALSE(is_tag("a b"));
  CHECK(is_product("lamp-v2.1+x"));
  CHECK_FALSE(is_product(""));
  CHECK_FALSE(is_product(".lamp"));
  CHECK_FALSE(is_product("a/b"));
}
