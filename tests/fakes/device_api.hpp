#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "fakes/fake_device.hpp"
#include "fakes/script_server.hpp"

namespace pawl::fakes {

/// The device API of FORMAT 12 over a repository in memory, answered as a test wants it. For what
/// a real server would never do; the real one has its own tests.
class DeviceApi {
 public:
  explicit DeviceApi(ReleaseFactory& factory) : factory_(factory) {}

  /// For ScriptServer: one connection to its end.
  void operator()(Script& script) {
    for (auto request = script.request(); !request.empty(); request = script.request()) {
      const std::lock_guard lock(mutex_);
      requests.push_back(request.substr(0, request.find("\r\n")));
      if (before) before(requests.back());
      script.send(answer(request));
    }
  }

  /// All below: from one thread at a time, or while no request runs.
  std::string offer;  // version; empty: none
  Sha256Digest manifest;
  std::string refuse_check;                    // a whole answer instead
  std::string refuse_status;                   // a whole answer instead
  std::string refuse_file;                     // a whole answer to each GET instead
  std::map<std::string, std::string> instead;  // whole answers, by path
  std::string broken_blob;                     // hexadecimal digest of a blob with one bit flipped
  std::function<void(const std::string&)> before;
  std::vector<std::string> requests;
  std::vector<std::string> steps;
  std::vector<std::int64_t> codes;
  std::int64_t acknowledged = 0;

  void offer_release(const std::string& version) {
    offer = version;
    manifest = sha256(as_bytes(factory_.releases.at(version).release.serialise()));
  }
  [[nodiscard]] std::size_t count(const std::string& start) const {
    std::size_t out = 0;
    for (const auto& line : requests) out += line.starts_with(start) ? 1U : 0U;
    return out;
  }
  static std::string whole(const std::string& head, std::string_view body) {
    return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }

 private:
  static std::string field(const std::string& request, const std::string& name) {
    const auto at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const auto from = at + name.size() + 4;
    return request.substr(from, request.find("\r\n", from) - from);
  }
  template <class Files>
  std::string file(const Files& files, const std::string& name) const {
    const auto at = files.find(name);
    if (at == files.end()) return whole("404 No", "");
    const auto& found = at->second;
    return whole("200 OK", {reinterpret_cast<const char*>(found.data()), found.size()});
  }
  std::string blob(const std::string& name, const std::string& range) const {
    const auto at = factory_.blobs.files.find(name);
    if (at == factory_.blobs.files.end()) return whole("404 No", "");
    auto bytes = at->second;
    if (name == broken_blob) bytes[bytes.size() / 2] ^= 1U;
    std::size_t first = 0;
    std::size_t last = 0;
    if (std::sscanf(range.c_str(), "bytes=%zu-%zu", &first, &last) != 2 || last >= bytes.size()) {
      return whole("416 No", "");
    }
    return whole(
        "206 Part\r\nContent-Range: bytes " + range.substr(6) + "/" + std::to_string(bytes.size()),
        as_text(ByteView(bytes).subspan(first, last - first + 1)));
  }
  std::string check(const std::string& body) {
    if (!refuse_check.empty()) return refuse_check;
    const auto value = json::parse(body, {});
    PAWL_ASSERT(value && value->object() != nullptr);
    const auto& timestamp = factory_.repo.metadata_files.at("timestamp.json");
    const auto meta = to_hex(sha256(as_bytes(
        std::string_view(reinterpret_cast<const char*>(timestamp.data()), timestamp.size()))));
    if (offer.empty() && *value->object()->find("etag")->string() == meta) {
      return "HTTP/1.1 204 No Content\r\nRetry-After: 900\r\n\r\n";
    }
    json::Object out;
    out.set("meta", meta);
    out.set("poll_after_s", 600);
    if (!offer.empty()) {
      json::Object what;
      what.set("product", "gw3");
      what.set("version", offer);
      what.set("manifest_sha256", to_hex(manifest));
      out.set("offer", std::move(what));
    }
    return whole("200 OK", json::write(out));
  }
  std::string status(const std::string& body) {
    if (!refuse_status.empty()) return refuse_status;
    const auto value = json::parse(body, {});
    PAWL_ASSERT(value && value->object() != nullptr);
    for (const auto& row : *value->object()->find("records")->array()) {
      const auto& record = *row.object();
      const auto seq = *record.find("seq")->integer();
      if (seq <= acknowledged) continue;
      acknowledged = seq;
      steps.push_back(*record.find("step")->string());
      codes.push_back(*record.find("code")->integer());
    }
    return whole("200 OK", "{\"acknowledged\":" + std::to_string(acknowledged) + "}");
  }
  std::string answer(const std::string& request) {
    const auto line = request.substr(0, request.find(" HTTP/"));
    const auto body = request.substr(request.find("\r\n\r\n") + 4);
    const auto other = instead.find(line.substr(line.find(' ') + 1));
    if (other != instead.end()) return other->second;
    if (line == "POST /v1/check") return check(body);
    if (line == "POST /v1/status") return status(body);
    if (line.starts_with("GET /") && !refuse_file.empty()) return refuse_file;
    if (line.starts_with("GET /v1/blob/")) return blob(line.substr(13), field(request, "Range"));
    if (line.starts_with("GET /v1/metadata/")) {
      return file(factory_.repo.metadata_files, line.substr(17));
    }
    if (line.starts_with("GET /v1/targets/")) {
      return file(factory_.repo.target_files, line.substr(16));
    }
    return whole("404 No", "");
  }
  ReleaseFactory& factory_;
  std::mutex mutex_;
};

}  // namespace pawl::fakes
