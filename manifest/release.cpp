#include "manifest/release.hpp"

#include <algorithm>
#include <set>

#include "manifest/fields.hpp"
#include "manifest/names.hpp"
#include "manifest/release_parts.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxComponents = 16;
constexpr std::size_t kMaxPayloads = 8;

/// Every member this version understands; `critical` may name these.
constexpr std::string_view kKnownMembers[] = {"_type",
                                              "advisories",
                                              "attachments",
                                              "boot",
                                              "class_id",
                                              "components",
                                              "critical",
                                              "encryption",
                                              "format",
                                              "geo",
                                              "hardware",
                                              "measurements",
                                              "min_security_version",
                                              "offline",
                                              "product",
                                              "regulatory_id",
                                              "release_counter",
                                              "requires",
                                              "rollout",
                                              "security_version",
                                              "support_until",
                                              "vendor_id",
                                              "version"};

bool is_uuid(std::string_view text) {
  constexpr std::string_view kPattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kPattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hex = std::string_view("0123456789abcdef").find(text[i]) != std::string_view::npos;
    if (kPattern[i] == '-' ? text[i] != '-' : !hex) return false;
  }
  return true;
}

Result<Install> parse_install(const Fields& fields) {
  PAWL_TRY(const auto text, fields.text("install", kMaxName));
  Install out;
  if (const auto kind = word_value(kInstallKinds, text)) {
    out.kind = *kind;
    return out;
  }
  const auto handler =
      text.starts_with(kHandlerPrefix) ? text.substr(kHandlerPrefix.size()) : std::string();
  if (!made_of(handler, kNameAlphabet, kMaxName)) {
    return fields.bad("install", "is " + printable(text) + ", which names no installer");
  }
  out.kind = InstallKind::kHandler;
  out.handler = handler;
  return out;
}

Result<Component> parse_component(const json::Value& value) {
  PAWL_TRY(const auto anonymous, Fields::of(value, "component"));
  Component out;
  PAWL_TRY(out.name, name_text(anonymous, "name"));
  const Fields fields(anonymous.members(), "component '" + out.name + "'");
  PAWL_TRY(out.slot_role, word(fields, "slot_role", kSlotRoles));
  PAWL_TRY(out.install, parse_install(fields));
  PAWL_TRY(out.size, count(fields, "size", 1, kMaxBytes));
  PAWL_TRY(out.sha256, fields.sha256("sha256"));
  if (fields.has("verity_root")) {
    PAWL_TRY(out.verity_root, fields.sha256("verity_root"));
  }
  PAWL_TRY(const auto* payloads, fields.array("payloads", kMaxPayloads));
  for (const auto& item : *payloads) {
    PAWL_TRY(const auto payload, Fields::of(item, fields.where() + ": payload"));
    PAWL_TRY(const auto index, payload.object("index"));
    PAWL_TRY(const auto container, payload.object("container"));
    Payload way;
    PAWL_TRY(way.index, blob(index, 1));
    PAWL_TRY(way.container, blob(container, 0));  // an image of zeros has an empty container
    out.payloads.push_back(way);
  }
  if (out.payloads.empty()) return fields.bad("payloads", "is empty");
  return out;
}

Status parse_components(const Fields& fields, Release& out) {
  PAWL_TRY(const auto* items, fields.array("components", kMaxComponents));
  std::set<std::string> names;
  for (const auto& item : *items) {
    PAWL_TRY(auto component, parse_component(item));
    if (!names.insert(component.name).second) {
      return fields.bad("components", "names '" + component.name + "' twice");
    }
    out.components.push_back(std::move(component));
  }
  if (out.components.empty()) return fields.bad("components", "is empty");
  return Ok{};
}

Status parse_hardware(const Fields& fields, Release& out) {
  constexpr std::size_t kMaxRevisions = 64;
  PAWL_TRY(const auto* items, fields.array("hardware", kMaxRevisions));
  for (const auto& item : *items) {
    PAWL_TRY(const auto revision, Fields::of(item, "hardware"));
    HardwareRevision entry;
    PAWL_TRY(entry.revision, name_text(revision, "rev", kWordAlphabet));
    PAWL_TRY(entry.min_boot, count(revision, "min_boot", 0, json::kMaxInteger));
    out.hardware.push_back(std::move(entry));
  }
  if (out.hardware.empty()) return fields.bad("hardware", "is empty");
  return Ok{};
}

Status parse_identity(const Fields& fields, Release& out) {
  PAWL_TRY(out.product, name_text(fields, "product"));
  PAWL_TRY(out.vendor_id, fields.text("vendor_id", kMaxName));
  PAWL_TRY(out.class_id, fields.text("class_id", kMaxName));
  if (!is_uuid(out.vendor_id)) return fields.bad("vendor_id", "is not a lower-case UUID");
  if (!is_uuid(out.class_id)) return fields.bad("class_id", "is not a lower-case UUID");
  PAWL_CHECK(parse_hardware(fields, out));
  PAWL_TRY(out.version, fields.text("version", kMaxName));
  if (!is_version(out.version)) return fields.bad("version", "is not a version like 1.2.3");
  PAWL_TRY(const auto counter, count(fields, "release_counter", 1, json::kMaxInteger));
  out.release_counter = ReleaseCounter(counter);
  PAWL_TRY(const auto security, count(fields, "security_version", 0, kMaxSecurityVersion));
  out.security_version = SecurityVersion(security);
  PAWL_TRY(const auto least, count(fields, "min_security_version", 0, kMaxSecurityVersion));
  out.min_security_version = SecurityVersion(least);
  if (least > security) {
    return fields.bad(
        "min_security_version",
        "is " + std::to_string(least) + ", above security_version " + std::to_string(security));
  }
  return Ok{};
}

Status parse_critical(const Fields& fields, Release& out) {
  PAWL_TRY(out.critical, texts(fields, "critical", kMaxName));
  for (std::size_t i = 0; i < out.critical.size(); ++i) {
    const auto& name = out.critical[i];
    if (i > 0 && name <= out.critical[i - 1]) return fields.bad("critical", "is not sorted");
    const auto known = std::find(std::begin(kKnownMembers), std::end(kKnownMembers), name);
    if (known == std::end(kKnownMembers)) {
      return fail(Errc::kNotForDevice,
                  "release needs " + printable(name) + ", which this version does not know")
          .with_hint("update pawl-updater first; see 'requires.updater' of the release");
    }
    if (!fields.has(name)) return fields.bad("critical", "names an absent member");
  }
  return Ok{};
}

Status check_member_names(const Fields& fields) {
  for (const auto& member : fields.members().members()) {
    if (!made_of(member.name, "abcdefghijklmnopqrstuvwxyz0123456789_", 40)) {
      return fail(Errc::kMalformed, "release: " + printable(member.name) + " is no member name");
    }
  }
  return Ok{};
}

}  // namespace

Result<Release> Release::parse(std::string_view text) {
  PAWL_TRY(const auto value,
           json::parse(text, {kMaxReleaseBytes, 8, kMaxReleaseBytes}, json::Form::kCanonical));
  PAWL_TRY(const auto fields, Fields::of(value, "release"));
  PAWL_CHECK(fields.literal("_type", "pawl.release"));
  PAWL_TRY(const auto format, fields.integer("format", 1, 1));
  (void)format;
  PAWL_CHECK(check_member_names(fields));
  Release out;
  PAWL_CHECK(parse_critical(fields, out));
  PAWL_CHECK(parse_identity(fields, out));
  PAWL_CHECK(parse_components(fields, out));
  PAWL_CHECK(parse_conditions(fields, out));
  return out;
}

const Component* Release::component(SlotRole role) const {
  const auto found = std::find_if(components.begin(), components.end(),
                                  [&](const Component& c) { return c.slot_role == role; });
  return found == components.end() ? nullptr : &*found;
}

const Measurements* Release::measured(std::string_view profile) const {
  const auto found = std::find_if(measurements.begin(), measurements.end(),
                                  [&](const Measurements& m) { return m.profile == profile; });
  return found == measurements.end() ? nullptr : &*found;
}

std::string_view slot_role_name(SlotRole role) {
  return word_of(kSlotRoles, role);
}
std::string install_name(const Install& install) {
  if (install.kind == InstallKind::kHandler) return std::string(kHandlerPrefix) + install.handler;
  return std::string(word_of(kInstallKinds, install.kind));
}
std::string_view severity_name(Severity severity) {
  return word_of(kSeverities, severity);
}

ReleaseSummary ReleaseSummary::of(const Release& release) {
  ReleaseSummary out{release.product, {}, release.release_counter, release.security_version};
  for (const auto& revision : release.hardware) out.hardware.push_back(revision.revision);
  return out;
}

Result<ReleaseSummary> ReleaseSummary::parse(const json::Object& custom) {
  const Fields fields(custom, "target custom");
  ReleaseSummary out;
  PAWL_TRY(out.product, name_text(fields, "product"));
  PAWL_TRY(out.hardware, texts(fields, "hw", 64));
  PAWL_TRY(const auto counter, count(fields, "release_counter", 1, json::kMaxInteger));
  PAWL_TRY(const auto security, count(fields, "security_version", 0, kMaxSecurityVersion));
  out.release_counter = ReleaseCounter(counter);
  out.security_version = SecurityVersion(security);
  return out;
}

json::Object ReleaseSummary::to_json() const {
  json::Array revisions;
  for (const auto& revision : hardware) revisions.emplace_back(revision);
  json::Object out;
  out.set("product", product);
  out.set("hw", std::move(revisions));
  out.set("release_counter", static_cast<std::int64_t>(release_counter.get()));
  out.set("security_version", static_cast<std::int64_t>(security_version.get()));
  return out;
}

}  // namespace pawl::manifest
