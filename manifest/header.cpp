#include "manifest/header.hpp"

#include <algorithm>

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxRoleNameText = 1024;

/// 1.x or 1.x.y
bool supported_version(std::string_view text) {
  if (!text.starts_with("1.")) return false;
  const auto rest = text.substr(2);
  const auto dots = std::count(rest.begin(), rest.end(), '.');
  return made_of(rest, "0123456789.", 16) && dots <= 1 && rest.front() != '.' && rest.back() != '.';
}

Result<Origin> parse_origin(const Fields& fields, std::string_view type, MetadataVersion version) {
  PAWL_TRY(const auto origin, fields.object("x-pawl"));
  Origin out;
  PAWL_TRY(out.role, origin.text("role", kMaxRoleNameText));
  if (type != "targets" && out.role != type) {
    return origin.bad("role",
                      "is " + printable(out.role) + " in a file of type " + std::string(type));
  }
  const bool names_itself = type == "root" && version == MetadataVersion(1);
  if (origin.has("repo")) {
    if (names_itself)
      return origin.bad("repo", "stands in root version 1, which cannot name itself");
    PAWL_TRY(out.repository, origin.sha256("repo"));
  } else if (!names_itself) {
    return origin.bad("repo", "is missing");
  }
  PAWL_TRY(const auto issued, origin.optional_integer("issued", 0, json::kMaxInteger));
  constexpr std::int64_t kYear9999 = 253402300799;
  if (issued && *issued > kYear9999) return origin.bad("issued", "is after the year 9999");
  if (issued) out.issued = UtcTime(Seconds(*issued));
  return out;
}

}  // namespace

Result<json::Value> parse_signed(std::string_view text, Profile profile) {
  const bool strict = profile == Profile::kStrict;
  const json::Limits limits{text.size(), strict ? 8U : 32U, text.size() + 1};
  return json::parse(text, limits, strict ? json::Form::kCanonical : json::Form::kAny);
}

Result<Header> parse_header(const Fields& fields, std::string_view type, Profile profile) {
  Header header;
  PAWL_CHECK(fields.literal("_type", type));
  PAWL_TRY(const auto spec, fields.text("spec_version", 32));
  if (!supported_version(spec)) {
    return fields.bad("spec_version", "is " + printable(spec) + ", supported is 1.x");
  }
  PAWL_TRY(const auto version, fields.integer("version", 1, kMaxMetadataVersion));
  header.version = MetadataVersion(static_cast<std::uint64_t>(version));
  PAWL_TRY(header.expires, fields.time("expires"));
  if (profile == Profile::kInterop) return header;
  PAWL_TRY(header.origin, parse_origin(fields, type, header.version));
  return header;
}

json::Object header_to_json(const Header& header, std::string_view type) {
  json::Object out;
  out.set("_type", type);
  out.set("spec_version", kSpecVersion);
  out.set("version", static_cast<std::int64_t>(header.version.get()));
  out.set("expires", format_utc(header.expires));
  if (!header.origin) return out;
  json::Object origin;
  origin.set("role", header.origin->role);
  if (header.origin->repository) origin.set("repo", to_hex(*header.origin->repository));
  if (header.origin->issued) {
    origin.set("issued",
               static_cast<std::int64_t>(header.origin->issued->time_since_epoch().count()));
  }
  out.set("x-pawl", std::move(origin));
  return out;
}

Result<MetaFile> parse_meta_file(const json::Value& value, const std::string& where,
                                 Profile profile) {
  PAWL_TRY(const auto fields, Fields::of(value, where));
  MetaFile out;
  PAWL_TRY(const auto version, fields.integer("version", 1, kMaxMetadataVersion));
  out.version = MetadataVersion(static_cast<std::uint64_t>(version));
  PAWL_TRY(const auto length, fields.optional_integer("length", 1, json::kMaxInteger));
  if (length) out.length = static_cast<std::uint64_t>(*length);
  if (fields.has("hashes")) {
    PAWL_TRY(const auto hashes, fields.object("hashes"));
    PAWL_TRY(out.hashes, parse_hashes(hashes.members(), hashes.where(), profile));
  }
  return out;
}

json::Object meta_file_to_json(const MetaFile& file) {
  json::Object out;
  out.set("version", static_cast<std::int64_t>(file.version.get()));
  if (file.length) out.set("length", static_cast<std::int64_t>(*file.length));
  if (file.hashes) out.set("hashes", hashes_to_json(*file.hashes));
  return out;
}

}  // namespace pawl::manifest
