#include "manifest/release.hpp"

#include <algorithm>
#include <set>

#include "manifest/fields.hpp"
#include "manifest/names.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxText = 512;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxComponents = 16;
constexpr std::size_t kMaxPayloads = 8;
constexpr std::size_t kMaxList = 256;
constexpr std::int64_t kMaxSecurityVersion = 65535;
constexpr std::int64_t kYear9999 = 253402300799;
constexpr std::int64_t kMaxBytes = static_cast<std::int64_t>(kMaxComponentSize);
constexpr std::string_view kWordAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789-_.:";

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

bool is_version(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+~";
  return made_of(text, kAlphabet, kMaxName) && text.front() >= '0' && text.front() <= '9' &&
         text.find("..") == std::string_view::npos;
}

Result<std::string> name_text(const Fields& fields, std::string_view name,
                              std::string_view alphabet = kNameAlphabet) {
  PAWL_TRY(const auto text, fields.text(name, kMaxName));
  if (!made_of(text, alphabet, kMaxName)) {
    return fields.bad(name, "is " + printable(text) + ", outside " + std::string(alphabet));
  }
  return text;
}

Result<std::uint64_t> count(const Fields& fields, std::string_view name, std::int64_t least,
                            std::int64_t most) {
  PAWL_TRY(const auto number, fields.integer(name, least, most));
  return static_cast<std::uint64_t>(number);
}

Result<std::optional<UtcTime>> seconds(const Fields& fields, std::string_view name) {
  PAWL_TRY(const auto number, fields.optional_integer(name, 0, kYear9999));
  if (!number) return std::optional<UtcTime>();
  return std::optional<UtcTime>(UtcTime(Seconds(*number)));
}

Result<std::vector<std::string>> texts(const Fields& fields, std::string_view name,
                                       std::size_t limit) {
  PAWL_TRY(const auto* items, fields.array(name, limit));
  std::vector<std::string> out;
  for (const auto& item : *items) {
    const auto* text = item.string();
    if (text == nullptr || text->empty() || text->size() > kMaxText) {
      return fields.bad(name, "holds something that is not a short string");
    }
    out.push_back(*text);
  }
  return out;
}

template <class Table>
auto word(const Fields& fields, std::string_view name, const Table& table)
    -> Result<decltype(table.front().value)> {
  PAWL_TRY(const auto text, fields.text(name, kMaxName));
  const auto value = word_value(table, text);
  if (!value) return fields.bad(name, "is " + printable(text) + ", which is not one of its words");
  return *value;
}

Result<BlobReference> blob(const Fields& fields, std::int64_t least = 1) {
  BlobReference out;
  PAWL_TRY(out.sha256, fields.sha256("sha256"));
  PAWL_TRY(out.size, count(fields, "size", least, kMaxBytes));
  return out;
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
    PAWL_TRY(way.index, blob(index));
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

Status parse_boot(const Fields& fields, Release& out) {
  PAWL_TRY(const auto boot, fields.object("boot"));
  PAWL_TRY(const auto timeout, boot.integer("health_timeout_s", 1, 86400));
  PAWL_TRY(const auto tries, boot.integer("tries", 1, 10));
  PAWL_TRY(out.boot.reboot, word(boot, "reboot", kReboots));
  out.boot.health_timeout = Seconds(timeout);
  out.boot.tries = static_cast<unsigned>(tries);
  return Ok{};
}

Status parse_requirements(const Fields& fields, Release& out) {
  if (!fields.has("requires")) return Ok{};
  PAWL_TRY(const auto needs, fields.object("requires"));
  auto& into = out.requirements;
  if (needs.has("updater")) {
    PAWL_TRY(const auto version, needs.text("updater", kMaxName));
    if (!is_version(version)) return needs.bad("updater", "is not a version like 1.2.3");
    into.updater = version;
  }
  if (needs.has("from")) {
    PAWL_TRY(const auto from, needs.object("from"));
    PAWL_TRY(const auto least, count(from, "min_release_counter", 1, json::kMaxInteger));
    into.from = ReleaseCounter(least);
  }
  PAWL_TRY(const auto loader, needs.optional_integer("bootloader", 0, json::kMaxInteger));
  PAWL_TRY(const auto battery, needs.optional_integer("battery_pct", 0, 100));
  PAWL_TRY(const auto space, needs.optional_integer("free_bytes", 0, kMaxBytes));
  if (loader) into.bootloader = static_cast<std::uint64_t>(*loader);
  if (battery) into.battery_percent = static_cast<unsigned>(*battery);
  if (space) into.free_bytes = static_cast<std::uint64_t>(*space);
  return Ok{};
}

bool known_measured_role(std::string_view role) {
  constexpr std::string_view kRoles[] = {"pe:loader",     "pe:uki", "pe:kernel",
                                         "cmdline-utf16", "initrd", "dtb"};
  if (std::find(std::begin(kRoles), std::end(kRoles), role) != std::end(kRoles)) return true;
  constexpr std::string_view kSection = "section:";
  return role.starts_with(kSection) && made_of(role.substr(kSection.size()), kWordAlphabet, 16);
}

Result<MeasuredDigest> parse_measured(const json::Value& value, const std::string& where) {
  PAWL_TRY(const auto fields, Fields::of(value, where + ": digest"));
  MeasuredDigest out;
  PAWL_TRY(out.role, fields.text("role", kMaxName));
  if (!known_measured_role(out.role)) {
    return fields.bad("role", "is " + printable(out.role) + ", which names nothing measured");
  }
  PAWL_TRY(const auto pcr, fields.integer("pcr", 0, 23));
  PAWL_TRY(const auto times, fields.integer("count", 1, 16));
  PAWL_TRY(out.digest, fields.sha256("digest"));
  out.pcr = static_cast<unsigned>(pcr);
  out.count = static_cast<unsigned>(times);
  return out;
}

Result<Measurements> parse_profile(const json::Value& value) {
  constexpr std::size_t kMaxPhases = 16;
  PAWL_TRY(const auto fields, Fields::of(value, "measurements"));
  Measurements out;
  PAWL_TRY(out.profile, fields.text("profile", kMaxName));
  constexpr std::string_view kProfiles[] = {"efi-uki", "grub-uki", "uboot-uki", "uboot-bootm"};
  if (std::find(std::begin(kProfiles), std::end(kProfiles), out.profile) == std::end(kProfiles)) {
    return fields.bad("profile", "is " + printable(out.profile) + ", which is no boot profile");
  }
  PAWL_TRY(const auto* digests, fields.array("digests", kMaxList));
  for (const auto& item : *digests) {
    PAWL_TRY(auto digest, parse_measured(item, "measurements for " + out.profile));
    out.digests.push_back(std::move(digest));
  }
  if (out.digests.empty()) return fields.bad("digests", "is empty");
  if (fields.has("pcr11")) {
    PAWL_TRY(out.pcr11, fields.sha256("pcr11"));
  }
  PAWL_TRY(out.phases, texts(fields, "phases", kMaxPhases));
  for (const auto& phase : out.phases) {
    if (!made_of(phase, kNameAlphabet, kMaxName)) return fields.bad("phases", "holds no word");
  }
  return out;
}

Status parse_measurements(const Fields& fields, Release& out) {
  if (!fields.has("measurements")) return Ok{};
  PAWL_TRY(const auto* items, fields.array("measurements", 8));
  for (const auto& item : *items) {
    PAWL_TRY(auto profile, parse_profile(item));
    if (out.measured(profile.profile) != nullptr) {
      return fields.bad("measurements", "has profile '" + profile.profile + "' twice");
    }
    out.measurements.push_back(std::move(profile));
  }
  return Ok{};
}

Status parse_geo(const Fields& fields, Release& out) {
  if (!fields.has("geo")) return Ok{};
  PAWL_TRY(const auto geo, fields.object("geo"));
  Geofence fence;
  PAWL_TRY(fence.allow, texts(geo, "allow", kMaxList));
  PAWL_TRY(fence.deny, texts(geo, "deny", kMaxList));
  PAWL_TRY(fence.evidence, word(geo, "evidence", kEvidence));
  const auto is_place = [](const std::string& code) {
    return made_of(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", 6) && code.size() >= 2;
  };
  if (!std::all_of(fence.allow.begin(), fence.allow.end(), is_place) ||
      !std::all_of(fence.deny.begin(), fence.deny.end(), is_place)) {
    return fields.bad("geo", "holds something that is no ISO 3166 code");
  }
  out.geo = std::move(fence);
  return Ok{};
}

Status parse_rollout(const Fields& fields, Release& out) {
  if (!fields.has("rollout")) return Ok{};
  PAWL_TRY(const auto rollout, fields.object("rollout"));
  Rollout rule;
  PAWL_TRY(rule.not_before, seconds(rollout, "not_before"));
  PAWL_TRY(rule.not_after, seconds(rollout, "not_after"));
  if (rollout.has("severity")) {
    PAWL_TRY(rule.severity, word(rollout, "severity", kSeverities));
  }
  PAWL_TRY(const auto postpone, rollout.optional_integer("max_postpone_s", 0, 31536000));
  if (postpone) rule.max_postpone = Seconds(*postpone);
  out.rollout = rule;
  return Ok{};
}

Status parse_offline(const Fields& fields, Release& out) {
  if (!fields.has("offline")) return Ok{};
  PAWL_TRY(const auto offline, fields.object("offline"));
  OfflineRule rule;
  PAWL_TRY(const bool allowed, offline.flag("allowed"));
  rule.use = allowed ? OfflineUse::kAllowed : OfflineUse::kRefused;
  PAWL_TRY(rule.valid_until, seconds(offline, "valid_until"));
  if (allowed && !rule.valid_until) return offline.bad("valid_until", "is missing");
  out.offline = rule;
  return Ok{};
}

Status parse_encryption(const Fields& fields, Release& out) {
  if (!fields.has("encryption")) return Ok{};
  PAWL_TRY(const auto encryption, fields.object("encryption"));
  Encryption rule;
  PAWL_TRY(rule.scheme, name_text(encryption, "scheme"));
  PAWL_TRY(rule.key_id, encryption.text("key_id", 16));
  if (rule.key_id.size() != 16 || !from_hex(rule.key_id, 8)) {
    return encryption.bad("key_id", "is not 16 hexadecimal digits");
  }
  out.encryption = std::move(rule);
  return Ok{};
}

Status parse_attachments(const Fields& fields, Release& out) {
  constexpr std::size_t kMaxAttachments = 32;
  if (!fields.has("attachments")) return Ok{};
  PAWL_TRY(const auto* items, fields.array("attachments", kMaxAttachments));
  for (const auto& item : *items) {
    PAWL_TRY(const auto attachment, Fields::of(item, "attachment"));
    Attachment entry;
    PAWL_TRY(entry.kind, name_text(attachment, "kind"));
    PAWL_TRY(entry.media_type, attachment.text("media_type", 128));
    PAWL_TRY(entry.blob, blob(attachment));
    out.attachments.push_back(std::move(entry));
  }
  return Ok{};
}

Status parse_documents(const Fields& fields, Release& out) {
  PAWL_CHECK(parse_attachments(fields, out));
  if (fields.has("advisories")) {
    PAWL_TRY(out.advisories, texts(fields, "advisories", kMaxList));
  }
  PAWL_TRY(out.support_until, seconds(fields, "support_until"));
  if (fields.has("regulatory_id")) {
    PAWL_TRY(out.regulatory_id, fields.text("regulatory_id", 128));
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
  PAWL_CHECK(parse_boot(fields, out));
  PAWL_CHECK(parse_requirements(fields, out));
  PAWL_CHECK(parse_measurements(fields, out));
  PAWL_CHECK(parse_geo(fields, out));
  PAWL_CHECK(parse_rollout(fields, out));
  PAWL_CHECK(parse_offline(fields, out));
  PAWL_CHECK(parse_encryption(fields, out));
  PAWL_CHECK(parse_documents(fields, out));
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
