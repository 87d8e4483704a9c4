#include "signer/repo_plan.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;

TEST_CASE("plan: key lists have names and a threshold, more than half by default",
          "[signer][plan]") {
  CHECK(parse_key_list("--root", "a")->threshold == 1);
  CHECK(parse_key_list("--root", "a,b")->threshold == 2);
  CHECK(parse_key_list("--root", "a,b,c")->threshold == 2);
  CHECK(parse_key_list("--root", "a,b,c,d,e")->threshold == 3);
  const auto list = parse_key_list("--root", "a,b,c:1");
  REQUIRE(list);
  CHECK(list->threshold == 1);
  CHECK(list->keys == std::vector<std::string>{"a", "b", "c"});
  for (const auto* bad : {"", ":1", "a:", "a:0", "a:2", "a,b:x", "a:1x"}) {
    INFO(bad);
    CHECK(parse_key_list("--root", bad).error().code() == Errc::kUsage);
  }
}

TEST_CASE("plan: products and ceilings are NAME=VALUE", "[signer][plan]") {
  const auto product = parse_product("--product", "gw3=a,b:2");
  REQUIRE(product);
  CHECK(product->product == "gw3");
  CHECK(product->list.threshold == 2);
  for (const auto* bad : {"gw3", "=a", "GW=a", "gw3="}) {
    CHECK(parse_product("--product", bad).error().code() == Errc::kUsage);
  }
  CHECK(parse_ceiling("gw3=65535")->highest == SecurityVersion(65535));
  for (const auto* bad : {"gw3", "gw3=", "gw3=x", "gw3=65536", "gw3=-1"}) {
    CHECK(parse_ceiling(bad).error().code() == Errc::kUsage);
  }
}

TEST_CASE("plan: the first state delegates each product and nothing else (FORMAT 11.1.4)",
          "[signer][plan]") {
  const auto state = first_state(fakes::small_plan(), "/r");
  REQUIRE(state);
  CHECK(state->root.root.threshold == 2);
  CHECK(state->root.keys.size() == 6);
  CHECK(state->targets.targets.empty());
  REQUIRE(state->targets.delegations);
  REQUIRE(state->targets.delegations->roles.size() == 1);
  const auto& delegation = state->targets.delegations->roles.front();
  CHECK(delegation.name == "rel-gw3");
  CHECK(delegation.terminating == manifest::Terminating::kYes);
  CHECK(delegation.paths == std::vector<std::string>{"releases/gw3/*/*"});
  CHECK(state->roles.contains("rel-gw3"));
}

TEST_CASE("plan: what a client would refuse is refused before anything is signed",
          "[signer][plan]") {
  auto plan = fakes::small_plan();
  const auto* why =
      GENERATE("shared by two roles", "shared with a product", "twice in one role", "threshold 0",
               "threshold too high", "product twice", "ceiling of nothing");
  INFO(why);
  const std::string_view kind(why);
  if (kind == "shared by two roles") plan.timestamp = plan.snapshot;
  if (kind == "shared with a product") plan.products.front().role = plan.targets;
  if (kind == "twice in one role") plan.root.keys.push_back(plan.root.keys.front());
  if (kind == "threshold 0") plan.root.threshold = 0;
  if (kind == "threshold too high") plan.root.threshold = 4;
  if (kind == "product twice") {
    plan.products.push_back({"gw3", {{fakes::record_of("rel-2")}, 1}});
  }
  if (kind == "ceiling of nothing") plan.policy.ceilings.emplace("gw4", SecurityVersion(1));
  CHECK(first_state(plan, "/r").error().code() == Errc::kUsage);
}
