#include <algorithm>

#include "manifest/header.hpp"
#include "manifest/path.hpp"

namespace pawl::manifest {
namespace {

constexpr std::string_view kSuffix = ".json";
/// Each role becomes an entry of the floors record, which has to hold them all.
constexpr std::size_t kMaxRoles = 256;

/// FORMAT 2.6.1: in strict, few roles with plain names.
Status check_listed(const Fields& fields, const json::Object& meta) {
  if (meta.members().size() > kMaxRoles) {
    return fail(Errc::kTooLarge, "snapshot: " + std::to_string(meta.members().size()) +
                                     " roles, the limit is " + std::to_string(kMaxRoles));
  }
  for (const auto& member : meta.members()) {
    if (member.name == "targets.json") continue;
    const auto size = member.name.size() - std::min(member.name.size(), kSuffix.size());
    if (safe_role_name(std::string_view(member.name).substr(0, size))) continue;
    return fields.bad("meta", "names " + printable(member.name) + ", which is no role's file");
  }
  return Ok{};
}

}  // namespace

Result<Timestamp> Timestamp::parse(std::string_view signed_text, Profile profile) {
  PAWL_TRY(const auto value, parse_signed(signed_text, profile));
  PAWL_TRY(const auto fields, Fields::of(value, "timestamp"));
  Timestamp out;
  PAWL_TRY(out.header, parse_header(fields, "timestamp", profile));
  PAWL_TRY(const auto meta, fields.object("meta"));
  const auto* entry = meta.members().find("snapshot.json");
  if (entry == nullptr || meta.members().size() != 1) {
    return fields.bad("meta", "does not hold snapshot.json and nothing else");
  }
  PAWL_TRY(out.snapshot, parse_meta_file(*entry, "timestamp: snapshot.json", profile));
  return out;
}

std::string Timestamp::serialise() const {
  auto out = header_to_json(header, "timestamp");
  json::Object meta;
  meta.set("snapshot.json", meta_file_to_json(snapshot));
  out.set("meta", std::move(meta));
  return json::write(out);
}

Result<Snapshot> Snapshot::parse(std::string_view signed_text, Profile profile) {
  PAWL_TRY(const auto value, parse_signed(signed_text, profile));
  PAWL_TRY(const auto fields, Fields::of(value, "snapshot"));
  Snapshot out;
  PAWL_TRY(out.header, parse_header(fields, "snapshot", profile));
  PAWL_TRY(const auto meta, fields.object("meta"));
  if (profile == Profile::kStrict) PAWL_CHECK(check_listed(fields, meta.members()));
  for (const auto& member : meta.members().members()) {
    if (!member.name.ends_with(kSuffix) || member.name.size() == kSuffix.size()) {
      return fields.bad("meta", "names " + printable(member.name) + ", which is no metadata file");
    }
    const auto role = member.name.substr(0, member.name.size() - kSuffix.size());
    PAWL_TRY(auto file,
             parse_meta_file(member.value, "snapshot: " + printable(member.name), profile));
    out.meta.emplace(role, std::move(file));
  }
  if (!out.meta.contains("targets")) return fields.bad("meta", "does not hold targets.json");
  return out;
}

std::string Snapshot::serialise() const {
  auto out = header_to_json(header, "snapshot");
  json::Object files;
  for (const auto& [role, file] : meta) {
    files.set(role + std::string(kSuffix), meta_file_to_json(file));
  }
  out.set("meta", std::move(files));
  return json::write(out);
}

}  // namespace pawl::manifest
