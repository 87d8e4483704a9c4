#include <algorithm>

#include "manifest/release_parts.hpp"

namespace pawl::manifest {
namespace {

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
    PAWL_TRY(entry.blob, blob(attachment, 1));
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

}  // namespace

Status parse_conditions(const Fields& fields, Release& out) {
  PAWL_CHECK(parse_boot(fields, out));
  PAWL_CHECK(parse_requirements(fields, out));
  PAWL_CHECK(parse_measurements(fields, out));
  PAWL_CHECK(parse_geo(fields, out));
  PAWL_CHECK(parse_rollout(fields, out));
  PAWL_CHECK(parse_offline(fields, out));
  PAWL_CHECK(parse_encryption(fields, out));
  return parse_documents(fields, out);
}

}  // namespace pawl::manifest
