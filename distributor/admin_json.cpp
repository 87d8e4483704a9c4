#include "distributor/admin_json.hpp"

#include "base/bytes.hpp"

namespace pawl::distributor {
namespace {

Error bad(std::string_view name) {
  return fail(Errc::kMalformed, "missing or wrong member: " + std::string(name));
}

json::Array texts(const std::vector<std::string>& list) {
  json::Array out;
  for (const auto& item : list) out.emplace_back(item);
  return out;
}

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

Result<std::string> text_member(const json::Object& body, std::string_view name) {
  PAWL_TRY(auto found, optional_text(body, name));
  if (!found) return bad(name);
  return *std::move(found);
}

Result<std::int64_t> number_member(const json::Object& body, std::string_view name) {
  const auto* value = body.find(name);
  const auto* found = value == nullptr ? nullptr : value->integer();
  if (found == nullptr || *found < 0) return bad(name);
  return *found;
}

Result<std::optional<std::string>> optional_text(const json::Object& body, std::string_view name) {
  const auto* value = body.find(name);
  if (value == nullptr) return std::optional<std::string>();
  if (value->string() == nullptr || value->string()->size() > 4096) return bad(name);
  return std::optional(*value->string());
}

Result<std::optional<std::vector<std::string>>> optional_texts(const json::Object& body,
                                                               std::string_view name) {
  using Texts = std::vector<std::string>;
  const auto* value = body.find(name);
  if (value == nullptr) return std::optional<Texts>();
  if (value->array() == nullptr) return bad(name);
  Texts out;
  for (const auto& item : *value->array()) {
    if (item.string() == nullptr) return bad(name);
    out.push_back(*item.string());
  }
  return std::optional(std::move(out));
}

Result<identity::SpiffeId> id_member(const json::Object& body) {
  PAWL_TRY(const auto text, text_member(body, "id"));
  PAWL_TRY(auto id, identity::SpiffeId::parse(text));
  if (id.path().empty()) return fail(Errc::kMalformed, "a trust domain is no device");
  return id;
}

Result<std::vector<RepositoryFile>> files_member(const json::Object& body) {
  const auto* value = body.find("files");
  if (value == nullptr || value->array() == nullptr) return bad("files");
  if (value->array()->size() > kMaxPublishedFiles) {
    return fail(Errc::kTooLarge, "more than 8192 files");
  }
  std::vector<RepositoryFile> out;
  for (const auto& item : *value->array()) {
    if (item.object() == nullptr) return bad("files");
    RepositoryFile file;
    PAWL_TRY(file.path, text_member(*item.object(), "path"));
    PAWL_TRY(const auto size, number_member(*item.object(), "size"));
    file.size = static_cast<std::uint64_t>(size);
    PAWL_TRY(const auto digest, text_member(*item.object(), "sha256"));
    PAWL_TRY(file.sha256, fixed_from_hex<Sha256Digest>(digest));
    out.push_back(std::move(file));
  }
  return out;
}

json::Object device_json(const Device& device) {
  json::Object out;
  out.set("id", device.id.uri());
  out.set("state", state_name(device.state));
  out.set("product", device.product);
  out.set("tags", texts(device.tags));
  out.set("rule", device.rule);
  out.set("first_seen", format_utc(device.first_seen));
  if (device.last_seen != UtcTime{}) out.set("last_seen", format_utc(device.last_seen));
  if (device.reported) {
    out.set("slot", slot_name(device.reported->slot));
    out.set("release_counter", signed_of(device.reported->release_counter.get()));
    out.set("security_version", signed_of(device.reported->security_version.get()));
    out.set("root", signed_of(device.reported->root.get()));
    out.set("boot_id", device.reported->boot_id);
  }
  if (device.last_status) out.set("status", status_json(*device.last_status));
  return out;
}

json::Object status_json(const StatusRecord& record) {
  json::Object out;
  out.set("seq", signed_of(record.seq));
  out.set("release_counter", signed_of(record.release_counter.get()));
  out.set("manifest_sha256", to_hex(record.manifest));
  out.set("step", step_name(record.step));
  out.set("code", std::int64_t{record.code});
  out.set("boot_id", record.boot_id);
  out.set("time", format_utc(record.time));
  out.set("detail", record.detail);
  return out;
}

json::Object audit_json(const AuditEntry& entry) {
  json::Object out;
  out.set("number", entry.number);
  out.set("time", format_utc(entry.time));
  out.set("who", entry.who);
  out.set("action", entry.action);
  out.set("subject", entry.subject);
  out.set("detail", entry.detail);
  return out;
}

json::Object offer_json(const Offer& offer) {
  json::Object out;
  out.set("product", offer.product);
  out.set("version", offer.version);
  out.set("release_counter", signed_of(offer.release_counter.get()));
  out.set("manifest_sha256", to_hex(offer.manifest));
  return out;
}

json::Object file_json(const RepositoryFile& file) {
  json::Object out;
  out.set("path", file.path);
  out.set("size", signed_of(file.size));
  out.set("sha256", to_hex(file.sha256));
  return out;
}

}  // namespace pawl::distributor
