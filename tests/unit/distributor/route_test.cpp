#include "distributor/route.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::distributor;

namespace {
const std::string kDigest(64, 'c');
}  // namespace

TEST_CASE("route: the names of a repository (FORMAT 12.2)", "[distributor][route]") {
  CHECK(parse_route("/v1/metadata/timestamp.json")->kind == RouteKind::kMetadata);
  CHECK(parse_route("/v1/metadata/12.lamp-v2.json")->file == "12.lamp-v2.json");
  const auto manifest = "releases/lamp/1.2.0-rc.1+5/" + kDigest + ".manifest.json";
  CHECK(parse_route("/v1/targets/" + manifest)->file == manifest);
  CHECK(parse_route("/v1/targets/" + manifest)->kind == RouteKind::kTargets);
  CHECK(parse_route("/v1/blob/" + kDigest)->file == kDigest);
  CHECK(parse_route("/v1/blob/" + kDigest)->kind == RouteKind::kBlob);
}

TEST_CASE("route: everything else names nothing (FORMAT 12.2)", "[distributor][route]") {
  const std::string manifest = "releases/lamp/1.0.0/" + kDigest + ".manifest.json";
  for (const auto& target :
       std::vector<std::string>{"",
                                "/",
                                "/v1",
                                "/v1/",
                                "/v1/blob",
                                "/v1/blob/",
                                "/v2/blob/" + kDigest,
                                "v1/blob/" + kDigest,
                                "/v1/blob/" + kDigest + "/",
                                "/v1/blob/" + kDigest.substr(1),
                                "/v1/blob/" + std::string(64, 'C'),
                                "/v1/blob/" + std::string(64, 'g'),
                                "/v1/blob/" + kDigest + "?x",
                                "//v1/blob/" + kDigest,
                                "/v1/metadata/",
                                "/v1/metadata/x",
                                "/v1/metadata/.json",
                                "/v1/metadata/..json",
                                "/v1/metadata/a/b.json",
                                "/v1/metadata/../x.json",
                                "/v1/metadata/%61.json",
                                "/v1/metadata/a.json#x",
                                "/v1/metadata/a b.json",
                                "/v1/metadata/" + std::string(200, 'a') + ".json",
                                std::string("/v1/metadata/a\0.json", 20),
                                "/v1/targets/" + manifest.substr(1),
                                "/v1/targets/x/" + manifest,
                                "/v1/targets/releases//1.0.0/" + kDigest + ".manifest.json",
                                "/v1/targets/releases/../1.0.0/" + kDigest + ".manifest.json",
                                "/v1/targets/releases/lamp/1.0.0/x.manifest.json",
                                "/v1/targets/releases/lamp/1.0.0/" + kDigest + ".json",
                                "/v1/targets/" + manifest + "/x"}) {
    INFO(target);
    CHECK(parse_route(target).error().code() == Errc::kMalformed);
  }
  CHECK(parse_route("/v1/metadata/" + std::string(512, 'a')).error().code() == Errc::kTooLarge);
}
