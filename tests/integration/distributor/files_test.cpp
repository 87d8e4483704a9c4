#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "distributor/device_service.hpp"
#include "fakes/asked.hpp"
#include "fakes/http_device.hpp"
#include "fakes/http_site.hpp"
#include "fakes/temporary_folder.hpp"

using namespace pawl;
namespace server = pawl::distributor;
using namespace pawl::fakes;

namespace {

constexpr std::size_t kBlobSize = std::size_t{1024} * 1024;
const std::string kDigest(64, 'a');
const std::string kManifest = "releases/lamp/1.2.0/" + std::string(64, 'b') + ".manifest.json";

Bytes blob() {
  Bytes out(kBlobSize);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return out;
}

/// A distributor of one repository on a loopback port.
class Site : public HttpWorld {
 public:
  Site() {
    for (const auto* folder : {"metadata", "targets/releases/lamp/1.2.0", "blobs"}) {
      REQUIRE(make_directories(disk_, folder_.file(folder)));
    }
    put("metadata/timestamp.json", as_bytes("{\"t\":1}"));
    put("metadata/7.root.json", as_bytes("{\"r\":7}"));
    put("targets/" + kManifest, as_bytes("{\"m\":1}"));
    put("blobs/" + kDigest, blob());
    put("secret.json", as_bytes("outside"));
  }
  void put(const std::string& name, ByteView bytes) {
    REQUIRE(replace_file(disk_, folder_.file(name), bytes));
  }

  void ban(const std::string& id) {
    Asked asked;
    server.on_server([&] {
      fleet_.decide(*identity::SpiffeId::parse(id), {server::Action::kBan, {}, {}}, {},
                    http::Reply(asked));
    });
    CHECK(asked.status() == 200);
  }

 private:
  static server::Registry everybody() {
    return server::Registry(
        {{"all", domain("example.org"), *server::IdPattern::parse("/device/*"), "lamp", {}}}, {});
  }
  TemporaryFolder folder_;
  PosixDisk disk_;
  std::ostringstream text_;
  StreamLog log_{text_, LogLevel::kInfo};
  server::Writer writer_{*server::Store::open(folder_.file("d.db")), [] {}};
  server::Fleet fleet_{everybody(), {}, {}, writer_, log_};
  server::Repository repository_{disk_, folder_.path()};
  server::DeviceService service_{{fleet_, repository_, trust, clock}, {}};

 public:
  HttpSite server{*this, service_};
};

bool has(const Answer& answer, const std::string& line) {
  return answer.head.find("\r\n" + line + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE("HTTP: repository files by name, with tags and ranges (FORMAT 12.2.1, 12.3.1, 12.3.2)",
          "[integration][distributor]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  CHECK(device.get("/v1/metadata/7.root.json").body == "{\"r\":7}");
  CHECK(device.get("/v1/targets/" + kManifest).body == "{\"m\":1}");
  const auto content = blob();
  const std::string text(as_text(content));
  const auto whole = device.get("/v1/blob/" + kDigest);
  CHECK(whole.status == 200);
  CHECK((whole.body == text));
  CHECK(has(whole, "ETag: \"" + kDigest + "\""));
  CHECK(has(whole, "Cache-Control: max-age=31536000, immutable"));
  const auto part = device.get("/v1/blob/" + kDigest, "Range: bytes=70000-139999\r\n");
  CHECK(part.status == 206);
  CHECK((part.body == text.substr(70000, 70000)));
  CHECK(has(part, "Content-Range: bytes 70000-139999/" + std::to_string(kBlobSize)));
  const auto tagged = "If-Range: \"" + kDigest + "\"\r\nRange: bytes=-5\r\n";
  CHECK((device.get("/v1/blob/" + kDigest, tagged).body == text.substr(kBlobSize - 5)));
  const auto stale = device.get("/v1/blob/" + kDigest, "If-Range: \"x\"\r\nRange: bytes=0-1\r\n");
  CHECK(stale.status == 200);
  std::string thousand = "bytes=0-0";
  for (int i = 1; i < 1000; ++i) thousand += ",0-0";
  CHECK((device.get("/v1/blob/" + kDigest, "Range: " + thousand + "\r\n").body == text));
  const auto beyond = device.get("/v1/blob/" + kDigest, "Range: bytes=99999999-\r\n");
  CHECK(beyond.status == 416);
  CHECK(has(beyond, "Content-Range: bytes */" + std::to_string(kBlobSize)));
  CHECK(device.get("/v1/blob/" + kDigest, "", "HEAD").status == 200);
  const auto same = device.get("/v1/blob/" + kDigest, "If-None-Match: \"" + kDigest + "\"\r\n");
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(device.get("/v1/metadata/8.root.json").status == 404);
  CHECK(device.get("/v1/metadata/7.root.json", "", "DELETE").status == 405);
}

TEST_CASE("HTTP: the mutable file has a tag of its content (FORMAT 12.3.3)",
          "[integration][distributor]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  const auto first = device.get("/v1/metadata/timestamp.json");
  CHECK(first.body == "{\"t\":1}");
  CHECK(first.head.find("immutable") == std::string::npos);
  const auto tag = "\"" + to_hex(sha256(as_bytes("{\"t\":1}"))) + "\"";
  CHECK(has(first, "ETag: " + tag));
  const auto kept = device.get("/v1/metadata/timestamp.json", "If-None-Match: " + tag + "\r\n");
  CHECK(kept.status == 304);
  CHECK(kept.head.size() <= 300);
  site.put("metadata/timestamp.json", as_bytes("{\"t\":2}"));
  CHECK(device.get("/v1/metadata/timestamp.json", "If-None-Match: " + tag + "\r\n").body ==
        "{\"t\":2}");
}

TEST_CASE("HTTP: no target leads out of the repository (FORMAT 12.2.1)",
          "[integration][distributor]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  for (const auto* target :
       {"/v1/metadata/../secret.json", "/v1/metadata/%2e%2e%2fsecret.json",
        "/v1/metadata/..%2fsecret.json", "/v1/metadata//7.root.json", "/v1/metadata/7.root.json?x",
        "https://d/v1/metadata/7.root.json", "/", "*", "/v1/blob/../secret.json",
        "/v1/targets/releases/../../secret.json", "/v1/metadata/.hidden.json", "/v1/unknown"}) {
    INFO(target);
    CHECK(device.get(target).status == 404);
  }
  CHECK(device.get("/v1/metadata/7.root.json").status == 200);
}

TEST_CASE("HTTP: expiry and bans count on a kept connection (FORMAT 12.1.3)",
          "[integration][distributor]") {
  Site site;
  Device one(site.server.port(), site.root);
  const auto other = svid_of(issue(leaf_spec("spiffe://example.org/device/d2"), &site.root));
  Device two(site.server.port(), site.root, &other);
  REQUIRE(one.shake());
  REQUIRE(two.shake());
  CHECK(one.get("/v1/metadata/7.root.json").status == 200);
  site.ban("spiffe://example.org/device/d1");
  const auto banned = one.get("/v1/metadata/7.root.json");
  CHECK(banned.status == 403);
  CHECK(banned.body.find("\"code\":23") != std::string::npos);
  CHECK(one.ends());
  site.server.on_server([&] { site.clock.time = kNow + Seconds{3600}; });
  const auto expired = two.get("/v1/metadata/7.root.json");
  CHECK(expired.status == 403);
  CHECK(expired.body.find("\"code\":20") != std::string::npos);
  CHECK(two.ends());
}
