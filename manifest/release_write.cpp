#include "base/bytes.hpp"
#include "manifest/names.hpp"

namespace pawl::manifest {
namespace {

template <class Number>
json::Value number(Number value) {
  return {static_cast<std::int64_t>(value)};
}
json::Value seconds(UtcTime time) {
  return {static_cast<std::int64_t>(time.time_since_epoch().count())};
}
json::Array texts(const std::vector<std::string>& list) {
  json::Array out;
  for (const auto& text : list) out.emplace_back(text);
  return out;
}

json::Object blob(const BlobReference& reference) {
  json::Object out;
  out.set("sha256", to_hex(reference.sha256));
  out.set("size", number(reference.size));
  return out;
}

json::Object component_to_json(const Component& component) {
  json::Array payloads;
  for (const auto& payload : component.payloads) {
    json::Object item;
    item.set("index", blob(payload.index));
    item.set("container", blob(payload.container));
    payloads.emplace_back(std::move(item));
  }
  json::Object out;
  out.set("name", component.name);
  out.set("slot_role", slot_role_name(component.slot_role));
  out.set("install", install_name(component.install));
  out.set("size", number(component.size));
  out.set("sha256", to_hex(component.sha256));
  if (component.verity_root) out.set("verity_root", to_hex(*component.verity_root));
  out.set("payloads", std::move(payloads));
  return out;
}

json::Object measurements_to_json(const Measurements& measured) {
  json::Array digests;
  for (const auto& digest : measured.digests) {
    json::Object item;
    item.set("role", digest.role);
    item.set("pcr", number(digest.pcr));
    item.set("digest", to_hex(digest.digest));
    item.set("count", number(digest.count));
    digests.emplace_back(std::move(item));
  }
  json::Object out;
  out.set("profile", measured.profile);
  out.set("digests", std::move(digests));
  if (measured.pcr11) out.set("pcr11", to_hex(*measured.pcr11));
  out.set("phases", texts(measured.phases));
  return out;
}

json::Object requirements_to_json(const Requirements& needs) {
  json::Object out;
  if (needs.updater) out.set("updater", *needs.updater);
  if (needs.bootloader) out.set("bootloader", number(*needs.bootloader));
  if (needs.from) {
    json::Object from;
    from.set("min_release_counter", number(needs.from->get()));
    out.set("from", std::move(from));
  }
  if (needs.battery_percent) out.set("battery_pct", number(*needs.battery_percent));
  if (needs.free_bytes) out.set("free_bytes", number(*needs.free_bytes));
  return out;
}

json::Object rollout_to_json(const Rollout& rollout) {
  json::Object out;
  if (rollout.not_before) out.set("not_before", seconds(*rollout.not_before));
  if (rollout.not_after) out.set("not_after", seconds(*rollout.not_after));
  if (rollout.severity) out.set("severity", severity_name(*rollout.severity));
  if (rollout.max_postpone) out.set("max_postpone_s", number(rollout.max_postpone->count()));
  return out;
}

json::Object boot_to_json(const BootRule& boot) {
  json::Object out;
  out.set("health_timeout_s", number(boot.health_timeout.count()));
  out.set("reboot", word_of(kReboots, boot.reboot));
  out.set("tries", number(boot.tries));
  return out;
}

void identity_to_json(const Release& release, json::Object& out) {
  json::Array hardware;
  for (const auto& revision : release.hardware) {
    json::Object item;
    item.set("rev", revision.revision);
    item.set("min_boot", number(revision.min_boot));
    hardware.emplace_back(std::move(item));
  }
  out.set("_type", "pawl.release");
  out.set("format", 1);
  out.set("product", release.product);
  out.set("vendor_id", release.vendor_id);
  out.set("class_id", release.class_id);
  out.set("hardware", std::move(hardware));
  out.set("version", release.version);
  out.set("release_counter", number(release.release_counter.get()));
  out.set("security_version", number(release.security_version.get()));
  out.set("min_security_version", number(release.min_security_version.get()));
}

void conditions_to_json(const Release& release, json::Object& out) {
  if (release.geo) {
    json::Object geo;
    geo.set("allow", texts(release.geo->allow));
    geo.set("deny", texts(release.geo->deny));
    geo.set("evidence", word_of(kEvidence, release.geo->evidence));
    out.set("geo", std::move(geo));
  }
  if (release.rollout) out.set("rollout", rollout_to_json(*release.rollout));
  if (release.offline) {
    json::Object offline;
    offline.set("allowed", release.offline->use == OfflineUse::kAllowed);
    if (release.offline->valid_until) {
      offline.set("valid_until", seconds(*release.offline->valid_until));
    }
    out.set("offline", std::move(offline));
  }
  if (release.encryption) {
    json::Object encryption;
    encryption.set("scheme", release.encryption->scheme);
    encryption.set("key_id", release.encryption->key_id);
    out.set("encryption", std::move(encryption));
  }
}

void documents_to_json(const Release& release, json::Object& out) {
  json::Array attachments;
  for (const auto& attachment : release.attachments) {
    auto item = blob(attachment.blob);
    item.set("kind", attachment.kind);
    item.set("media_type", attachment.media_type);
    attachments.emplace_back(std::move(item));
  }
  if (!attachments.empty()) out.set("attachments", std::move(attachments));
  if (!release.advisories.empty()) out.set("advisories", texts(release.advisories));
  if (release.support_until) out.set("support_until", seconds(*release.support_until));
  if (release.regulatory_id) out.set("regulatory_id", *release.regulatory_id);
}

}  // namespace

std::string Release::serialise() const {
  json::Object out;
  identity_to_json(*this, out);
  json::Array parts;
  for (const auto& part : components) parts.emplace_back(component_to_json(part));
  out.set("components", std::move(parts));
  out.set("boot", boot_to_json(boot));
  out.set("requires", requirements_to_json(requirements));
  json::Array measured_profiles;
  for (const auto& item : measurements) measured_profiles.emplace_back(measurements_to_json(item));
  out.set("measurements", std::move(measured_profiles));
  conditions_to_json(*this, out);
  documents_to_json(*this, out);
  out.set("critical", texts(critical));
  return json::write(out);
}

}  // namespace pawl::manifest
