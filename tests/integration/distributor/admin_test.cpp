#include <sstream>

#include <catch2/catch.hpp>

#include "distributor/admin_service.hpp"
#include "fakes/asked.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/temporary_folder.hpp"

using namespace pawl;
using namespace pawl::distributor;
using namespace pawl::fakes;
using identity::SpiffeId;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};

std::string id_of(unsigned number) {
  auto digits = std::to_string(number);
  return "spiffe://example.org/device/" + std::string(4 - digits.size(), '0') + digits;
}

Catalog catalog() {
  Catalog out;
  out.meta = std::string(64, 'a');
  out.products["lamp"] = {{"lamp", "1.1.0", ReleaseCounter(3), {}},
                          {"lamp", "1.0.0", ReleaseCounter(2), {}}};
  return out;
}

/// The admin API without a network, over a database in a folder.
class Site {
 public:
  Site() {
    fleet.set_catalog(catalog(), {});
    REQUIRE(make_directories(disk_, folder_.file("repository")));
  }
  http::Response post(const std::string& target, const std::string& body,
                      http::Method method = http::Method::kPost) {
    Asked asked;
    http::Request request;
    request.method = method;
    request.target = "/admin/v1/" + target;
    request.body = body;
    request.user = 1000;
    service_.answer(request, std::nullopt, http::Reply(asked));
    return asked.response();
  }
  json::Object ask(const std::string& target, const std::string& body) {
    const auto answer = post(target, body);
    INFO(target << " " << body << ": " << answer.body);
    REQUIRE(answer.status == 200);
    json::Limits limits;
    limits.bytes = 1U << 22U;
    return *json::parse(answer.body, limits)->object();
  }
  /// The only device as a restart would find it.
  [[nodiscard]] DeviceState stored_state() const {
    return Store::open(folder_.file("d.db"))->load()->devices.front().state;
  }

 private:
  TemporaryFolder folder_;
  PosixDisk disk_;
  FakeClock clock_{kNow};
  std::ostringstream text_;
  StreamLog log_{text_, LogLevel::kInfo};
  identity::TrustSet trust_;
  Writer writer_{*Store::open(folder_.file("d.db")), [] {}};

 public:
  Fleet fleet{Registry({}, {*SpiffeId::parse("spiffe://example.org/admin/ann")}),
              {},
              {Seconds(60), 1},
              writer_,
              log_};

 private:
  StoreReader reader_{*StoreReader::open(folder_.file("d.db"))};
  Publisher publisher_{{disk_, clock_, folder_.file("repository")}, [] {}};
  AdminService service_{{fleet, reader_, publisher_, trust_, clock_}};
};

bool changed(const json::Object& answer) {
  return *answer.find("changed")->boolean();
}

}  // namespace

TEST_CASE("admin: what is no call of the API is refused by its kind (FORMAT 12.6.2)",
          "[integration][distributor][admin]") {
  Site site;
  const auto device = R"({"id":")" + id_of(1) + R"(",)";
  struct Row {
    const char* target;
    std::string body;
    unsigned status;
  };
  const Row rows[] = {
      {"", "{}", 404},
      {"devices/", "{}", 404},
      {"device/delete", "{}", 404},
      {"devices", "", 400},
      {"devices", "[]", 400},
      {"devices", R"({"state":"lost"})", 400},
      {"devices", R"({"state":1})", 400},
      {"device", "{}", 400},
      {"device", R"({"id":"device/1"})", 400},
      {"device", R"({"id":"spiffe://example.org"})", 400},
      {"device", device + R"("x":1})", 404},
      {"device/change", device + R"("action":"delete"})", 400},
      {"device/change", device + R"("product":"lamp"})", 400},
      {"device/change", device + R"("action":"admit","product":"../x"})", 400},
      {"device/change", device + R"("action":"tag","tags":["A"]})", 400},
      {"device/change", device + R"("action":"tag","tags":"a"})", 400},
      {"device/change", device + R"("action":"ban","reason":7})", 400},
      {"device/change", device + R"("action":"unban"})", 409},
      {"device/change", device + R"("action":"admit"})", 409},
      {"device/change", R"({"id":"spiffe://example.org/admin/ann","action":"ban"})", 409},
      {"release/change", R"({"product":"lamp","version":"1.0.0","action":"delete"})", 400},
      {"release/change", R"({"product":"lamp","action":"withdraw"})", 400},
      {"release/change", R"({"product":"lamp","version":"9.0.0","action":"withdraw"})", 409},
      {"audit", "{}", 400},
      {"audit", R"({"after":-1})", 400},
      {"publish/plan", "{}", 400},
      {"publish/plan", R"({"files":[{"path":"blobs/x","size":1}]})", 400},
      {"publish/plan", R"({"files":[]})", 409},
      {"publish/finish", "{}", 409},
      {"publish/chunk/x/0", "", 400},
      {"publish/chunk/", "", 400},
      {"publish/chunk/aa/0", "", 400}};
  for (const auto& row : rows) {
    INFO(row.target << " " << row.body);
    CHECK(site.post(row.target, row.body).status == row.status);
  }
  const auto chunk = "publish/chunk/" + std::string(64, 'a') + "/";
  CHECK(site.post(chunk + "0", "bytes").status == 409);  // nothing was planned
  CHECK(site.post(chunk + "x", "bytes").status == 400);
  CHECK(site.post(chunk, "bytes").status == 400);
  CHECK(site.post("devices", "{}", http::Method::kGet).status == 405);
  CHECK(site.fleet.registry().size() == 0);
}

TEST_CASE("admin: files of the newest plan are taken, each from its first byte on (FORMAT 12.6.6)",
          "[integration][distributor][admin]") {
  Site site;
  const std::string text(1000, 'x');
  const auto digest = to_hex(sha256(as_bytes(text)));
  const auto file = [&](const std::string& path) {
    return R"({"path":")" + path + R"(","size":1000,"sha256":")" + digest + "\"}";
  };
  const auto plan =
      R"({"files":[)" + file("blobs/" + digest) + "," + file("metadata/timestamp.json") + "]}";
  const auto chunk = "publish/chunk/" + digest + "/";
  const auto missing = [&] { return json::write(*site.ask("publish/plan", plan).find("missing")); };
  CHECK(missing() == "[\"blobs/" + digest + "\",\"metadata/timestamp.json\"]");
  CHECK(site.post(chunk + "1", text.substr(1)).status == 409);
  CHECK(site.post(chunk + "0", text.substr(0, 400)).status == 200);
  CHECK(site.post(chunk + "500", text.substr(500)).status == 409);
  CHECK(site.post("publish/finish", "{}").status == 409);  // two files are missing
  CHECK(missing() == "[\"blobs/" + digest + "\",\"metadata/timestamp.json\"]");
  CHECK(site.post(chunk + "400", text.substr(400)).status == 409);  // of the plan before
  CHECK(site.post(chunk + "0", text.substr(0, 400)).status == 200);
  CHECK(site.post(chunk + "400", text.substr(400)).status == 200);
  CHECK(missing() == "[\"metadata/timestamp.json\"]");
  std::string many = R"({"files":[)" + file("metadata/timestamp.json");
  for (int i = 0; i < 8192; ++i) many += "," + file("blobs/" + digest);
  CHECK(site.post("publish/plan", many + "]}").status == 400);
}

TEST_CASE("admin: decisions change a device once and leave an entry each (FORMAT 12.6.4, 12.6.8)",
          "[integration][distributor][admin]") {
  Site site;
  const auto change = [&](const std::string& more) {
    return changed(site.ask("device/change", R"({"id":")" + id_of(1) + "\"," + more + "}"));
  };
  CHECK(change(R"("action":"admit","product":"lamp","tags":["canary"],"reason":"order 7")"));
  CHECK_FALSE(change(R"("action":"admit","product":"lamp","tags":["canary"])"));
  CHECK(change(R"("action":"tag","tags":[])"));
  CHECK(change(R"("action":"ban")"));
  CHECK(site.stored_state() == DeviceState::kBanned);  // answered, hence durable
  CHECK_FALSE(change(R"("action":"ban")"));
  CHECK(change(R"("action":"unban")"));
  CHECK(change(R"("action":"retire")"));
  const auto audit = site.ask("audit", R"({"after":0})");
  std::string told;
  for (const auto& entry : *audit.find("entries")->array()) {
    const auto& object = *entry.object();
    CHECK(*object.find("who")->string() == "uid:1000");
    CHECK(*object.find("subject")->string() == id_of(1));
    told += *object.find("action")->string() + " " + *object.find("detail")->string() + ";";
  }
  CHECK(told == "device-admit order 7;device-tag ;device-ban ;device-unban ;device-retire ;");
  const auto shown = site.ask("device", R"({"id":")" + id_of(1) + "\"}");
  CHECK(*shown.find("device")->object()->find("state")->string() == "retired");
  CHECK(shown.find("history")->array()->empty());
}

TEST_CASE(
    "admin: devices come in pages, and a large fleet is told to ask less (FORMAT 12.6.3, 12.4.6)",
    "[integration][distributor][admin]") {
  Site site;
  CHECK(site.fleet.poll_after() == Seconds(60));
  for (unsigned i = 0; i < 501; ++i) site.fleet.see(*SpiffeId::parse(id_of(i)), kNow);
  CHECK(site.fleet.poll_after() == Seconds(501));  // one poll a second
  const auto first = site.ask("devices", R"({"state":"pending"})");
  CHECK(first.find("devices")->array()->size() == 500);
  REQUIRE(first.find("next") != nullptr);
  CHECK(*first.find("next")->string() == id_of(499));
  const auto second = site.ask("devices", R"({"after":")" + id_of(499) + "\"}");
  CHECK(second.find("devices")->array()->size() == 1);
  CHECK(second.find("next") == nullptr);
  CHECK(site.ask("devices", R"({"state":"banned"})").find("devices")->array()->empty());
  const auto status = site.ask("status", "{}");
  CHECK(*status.find("devices")->object()->find("pending")->integer() == 501);
  CHECK(*status.find("poll_after_s")->integer() == 501);
}

TEST_CASE("admin: a withdrawn release is listed and no longer offered (FORMAT 12.6.5, 12.6.9)",
          "[integration][distributor][admin]") {
  Site site;
  const auto newest = [&] {
    const auto* offer = site.fleet.catalog().newest("lamp", site.fleet.withheld());
    return offer == nullptr ? "none" : offer->version;
  };
  CHECK(newest() == "1.1.0");
  const std::string release = R"({"product":"lamp","version":"1.1.0","action":)";
  CHECK(changed(site.ask("release/change", release + R"("withdraw"})")));
  CHECK_FALSE(changed(site.ask("release/change", release + R"("withdraw"})")));
  CHECK(newest() == "1.0.0");
  const auto listed = site.ask("releases", "{}");
  CHECK(*listed.find("meta")->string() == std::string(64, 'a'));
  const auto& first = *listed.find("releases")->array()->front().object();
  CHECK(*first.find("version")->string() == "1.1.0");
  CHECK(*first.find("withdrawn")->boolean());
  CHECK(changed(site.ask("release/change", release + R"("restore"})")));
  CHECK(newest() == "1.1.0");
  CHECK(site.ask("status", "{}").find("checks") != nullptr);
}
