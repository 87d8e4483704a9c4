#include "distributor/messages.hpp"

#include <algorithm>
#include <iterator>

#include "base/bytes.hpp"

namespace pawl::distributor {
namespace {

constexpr std::size_t kMaxBootId = 64;
constexpr std::size_t kMaxStatusBytes = std::size_t{64} * 1024;
constexpr std::string_view kSteps[] = {"offered", "downloading", "verified", "staged", "rebooting",
                                       "trial",   "committed",   "reverted", "failed"};

Error bad(std::string_view name) {
  return fail(Errc::kMalformed, "missing or wrong member: " + std::string(name));
}

Result<std::uint64_t> number(const json::Object& object, std::string_view name, std::int64_t least,
                             std::int64_t most = json::kMaxInteger) {
  const auto* value = object.find(name);
  const auto* found = value == nullptr ? nullptr : value->integer();
  if (found == nullptr || *found < least || *found > most) return bad(name);
  return static_cast<std::uint64_t>(*found);
}

Result<std::string> text(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  const auto* found = value == nullptr ? nullptr : value->string();
  if (found == nullptr) return bad(name);
  return *found;
}

Result<std::string> boot_id_of(const json::Object& object) {
  PAWL_TRY(auto out, text(object, "boot_id"));
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  if (out.size() > kMaxBootId || !std::all_of(out.begin(), out.end(), fits)) return bad("boot_id");
  return out;
}

Result<json::Value> parse_object(std::string_view body, std::size_t limit) {
  json::Limits limits;
  limits.bytes = limit;
  limits.depth = 4;
  PAWL_TRY(auto value, json::parse(body, limits));
  if (value.object() == nullptr) return fail(Errc::kMalformed, "the body is not an object");
  return value;
}

Result<StatusRecord> parse_record(const json::Value& value) {
  if (value.object() == nullptr) return bad("records");
  const auto& object = *value.object();
  StatusRecord out;
  PAWL_TRY(out.seq, number(object, "seq", 1));
  PAWL_TRY(const auto counter, number(object, "release_counter", 0));
  out.release_counter = ReleaseCounter(counter);
  PAWL_TRY(const auto digest, text(object, "manifest_sha256"));
  auto manifest = fixed_from_hex<Sha256Digest>(digest);
  if (!manifest) return bad("manifest_sha256");
  out.manifest = *manifest;
  PAWL_TRY(const auto name, text(object, "step"));
  const auto step = step_of(name);
  if (!step) return bad("step");
  out.step = *step;
  PAWL_TRY(const auto code, number(object, "code", 0, 255));
  out.code = static_cast<std::uint8_t>(code);
  PAWL_TRY(out.boot_id, boot_id_of(object));
  PAWL_TRY(const auto written, text(object, "time"));
  const auto time = parse_utc(written);
  if (!time) return bad("time");
  out.time = *time;
  PAWL_TRY(out.detail, text(object, "detail"));
  if (out.detail.size() > kMaxDetail) return fail(Errc::kTooLarge, "detail over 1024 bytes");
  return out;
}

}  // namespace

Result<CheckRequest> parse_check(std::string_view body) {
  PAWL_TRY(const auto value, parse_object(body, kMaxCheckBytes));
  const auto& object = *value.object();
  CheckRequest out;
  PAWL_TRY(const auto slot, text(object, "slot"));
  if (slot != "a" && slot != "b") return bad("slot");
  out.slot = slot == "a" ? Slot::kA : Slot::kB;
  PAWL_TRY(const auto counter, number(object, "release_counter", 0));
  out.release_counter = ReleaseCounter(counter);
  PAWL_TRY(const auto security, number(object, "security_version", 0));
  out.security_version = SecurityVersion(security);
  PAWL_TRY(const auto root, number(object, "root", 1));
  out.root = MetadataVersion(root);
  PAWL_TRY(out.boot_id, boot_id_of(object));
  PAWL_TRY(out.etag, text(object, "etag"));
  if (!out.etag.empty() && !fixed_from_hex<Sha256Digest>(out.etag)) return bad("etag");
  return out;
}

Result<std::vector<StatusRecord>> parse_status(std::string_view body) {
  PAWL_TRY(const auto value, parse_object(body, kMaxStatusBytes));
  const auto* member = value.object()->find("records");
  const auto* list = member == nullptr ? nullptr : member->array();
  if (list == nullptr || list->empty()) return bad("records");
  if (list->size() > kMaxStatusRecords) return fail(Errc::kTooLarge, "more than 64 records");
  std::vector<StatusRecord> out;
  for (const auto& item : *list) {
    PAWL_TRY(auto record, parse_record(item));
    if (!out.empty() && record.seq <= out.back().seq) return bad("seq");
    out.push_back(std::move(record));
  }
  return out;
}

std::string write_check_answer(const std::string& meta, const Offer* offer, Seconds poll_after) {
  json::Object out;
  out.set("meta", meta);
  out.set("poll_after_s", std::int64_t{poll_after.count()});
  if (offer != nullptr) {
    json::Object body;
    body.set("product", offer->product);
    body.set("version", offer->version);
    body.set("manifest_sha256", to_hex(offer->manifest));
    out.set("offer", std::move(body));
  }
  return json::write(out);
}

std::string_view step_name(Step step) {
  return kSteps[static_cast<std::size_t>(step)];
}

std::optional<Step> step_of(std::string_view name) {
  const auto* const found = std::find(std::begin(kSteps), std::end(kSteps), name);
  if (found == std::end(kSteps)) return std::nullopt;
  return static_cast<Step>(found - std::begin(kSteps));
}

std::string_view slot_name(Slot slot) {
  return slot == Slot::kA ? "a" : "b";
}

}  // namespace pawl::distributor
