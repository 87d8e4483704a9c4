#include "manifest/path.hpp"

#include <catch2/catch.hpp>

#include "manifest/versions.hpp"

using namespace pawl::manifest;

TEST_CASE("path: wildcards match within one part (FORMAT 2.6.6)", "[manifest]") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const auto row = GENERATE(
      Row{"releases/gw3/*/*", "releases/gw3/1.0/manifest.json", true},
      Row{"releases/gw3/*/*", "releases/gw3/1.0/x/manifest.json", false},
      Row{"releases/gw3/*/*", "releases/gw4/1.0/manifest.json", false}, Row{"*", "a", true},
      Row{"*", "a/b", false}, Row{"*", "", true}, Row{"**", "abc", true},
      Row{"a*b*c", "axxbyyc", true}, Row{"a*b*c", "axxbyy", false}, Row{"a?c", "abc", true},
      Row{"a?c", "a/c", false}, Row{"a?c", "ac", false}, Row{"A", "a", false}, Row{"", "", true},
      Row{"", "a", false}, Row{"a*", "a", true}, Row{"*.json", "x.json", true},
      Row{"a*/b", "a/b", true}, Row{"*a", "bba", true}, Row{"*ab", "aab", true});
  INFO(row.pattern << " " << row.path);
  CHECK(path_matches(row.pattern, row.path) == row.matches);
}

TEST_CASE("path: strict target paths stay inside (FORMAT 2.6.3)", "[manifest]") {
  for (const auto* good : {"a", "releases/gw3/1.0.0/manifest.json", "a_B-9~+."}) {
    CHECK(safe_target_path(good));
  }
  for (const std::string& bad :
       {std::string(""), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("."), std::string(".."), std::string("a/../b"), std::string("a/./b"),
        std::string("a\\b"), std::string("a%2fb"), std::string("a b"), std::string("a\0b", 3),
        std::string("\xc3\xa9"), std::string(257, 'a')}) {
    INFO(bad);
    CHECK_FALSE(safe_target_path(bad));
  }
  CHECK(safe_target_path(std::string(256, 'a')));
}

TEST_CASE("path: strict role names are plain (FORMAT 2.6.2)", "[manifest]") {
  for (const auto* good : {"rel-gw3", "a", "9a", "a.b_c-d"}) CHECK(safe_role_name(good));
  for (const std::string& bad :
       {std::string(""), std::string("root"), std::string("timestamp"), std::string("snapshot"),
        std::string("targets"), std::string("policy"), std::string("7"), std::string("A"),
        std::string(".a"), std::string("-a"), std::string("_a"), std::string("a/b"),
        std::string("."), std::string(".."), std::string("a b"), std::string(65, 'a')}) {
    INFO(bad);
    CHECK_FALSE(safe_role_name(bad));
  }
  CHECK(safe_role_name(std::string(64, 'a')));
}

TEST_CASE("path: role names are encoded once in file names (FORMAT 2.6.2)", "[manifest]") {
  CHECK(encode_role_name("rel-gw3.x_Y") == "rel-gw3.x_Y");
  CHECK(encode_role_name("?") == "%3F");
  CHECK(encode_role_name("../x") == "..%2Fx");
  CHECK(encode_role_name("\xc3\xa9%") == "%C3%A9%25");
}

TEST_CASE("path: release manifests have one place (FORMAT 2.6.4)", "[manifest]") {
  CHECK(release_path("gw3", "1.0.0") == "releases/gw3/1.0.0/manifest.json");
  CHECK(consistent_target_path(release_path("gw3", "1.0.0"), "ab") ==
        "releases/gw3/1.0.0/ab.manifest.json");
  CHECK(consistent_target_path("file", "ab") == "ab.file");
  CHECK(release_role("gw3") == "rel-gw3");
  CHECK(path_matches(release_pattern("gw3"), release_path("gw3", "1.0.0")));
}

TEST_CASE("versions: precedence is that of semantic versions", "[manifest]") {
  const char* const ordered[] = {
      "0.9",          "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",    "1.0.0",
      "1.0.1",        "1.2.0",         "1.10.0",        "2"};
  for (std::size_t i = 0; i < std::size(ordered); ++i) {
    for (std::size_t j = 0; j < std::size(ordered); ++j) {
      INFO(ordered[i] << " " << ordered[j]);
      CHECK((compare_versions(ordered[i], ordered[j]) < 0) == (i < j));
    }
  }
  CHECK((compare_versions("1", "1.0.0") == 0));
  CHECK((compare_versions("1.0.0+a", "1.0.0+b") == 0));
  CHECK((compare_versions("01.0", "1") == 0));
  CHECK((compare_versions("99999999999999999999", "3") > 0));
}
