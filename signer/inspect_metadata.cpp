#include "signer/inspect_metadata.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "base/progress.hpp"
#include "manifest/envelope.hpp"
#include "manifest/release.hpp"
#include "manifest/roles.hpp"

namespace pawl::signer {
namespace {

constexpr auto kProfile = manifest::Profile::kStrict;

std::string line(const std::string& name, const std::string& value) {
  std::string out = "  " + name;
  constexpr std::size_t kColumn = 20;
  out.resize(std::max(out.size() + 1, kColumn), ' ');
  return out + value + "\n";
}

std::string short_id(const manifest::KeyId& id) {
  return id.text.substr(0, 8);
}

std::string role_text(const manifest::Role& role) {
  std::string keys;
  for (const auto& id : role.key_ids) keys += (keys.empty() ? "" : ", ") + short_id(id);
  return std::to_string(role.threshold) + " of " + std::to_string(role.key_ids.size()) + ": " +
         keys;
}

void add_header(const manifest::Header& header, Inspection& out) {
  out.facts.set("version", static_cast<std::int64_t>(header.version.get()));
  out.facts.set("expires", format_utc(header.expires));
  out.text += line("version", std::to_string(header.version.get()));
  out.text += line("expires", format_utc(header.expires));
  if (!header.origin) return;
  const auto& repository = header.origin->repository;
  if (repository) out.facts.set("repository", to_hex(*repository));
  out.text += line("repository", repository ? to_hex(*repository) : "this file names it");
  if (header.origin->issued) out.text += line("issued", format_utc(*header.origin->issued));
}

Status add_root(std::string_view text, const manifest::UnverifiedEnvelope& envelope,
                Inspection& out) {
  PAWL_TRY(const auto root, manifest::Root::parse(text, kProfile));
  add_header(root.header, out);
  if (root.header.version == MetadataVersion(1)) {
    out.facts.set("repository_id", to_hex(manifest::Root::repository_id(text)));
    out.text += line("repository id", to_hex(manifest::Root::repository_id(text)));
  }
  out.text += line("root", role_text(root.root)) + line("targets", role_text(root.targets)) +
              line("snapshot", role_text(root.snapshot)) +
              line("timestamp", role_text(root.timestamp));
  if (root.policy) out.text += line("policy", to_hex(root.policy->sha256));
  const auto valid = envelope.valid_signers(manifest::select_keys(root.keys, root.root)).size();
  out.facts.set("valid_root_signatures", static_cast<std::int64_t>(valid));
  out.text += line("own signatures", std::to_string(valid) + " valid, " +
                                         std::to_string(root.root.threshold) + " needed");
  return Ok{};
}

Status add_timestamp(std::string_view text, Inspection& out) {
  PAWL_TRY(const auto timestamp, manifest::Timestamp::parse(text, kProfile));
  add_header(timestamp.header, out);
  out.facts.set("snapshot", static_cast<std::int64_t>(timestamp.snapshot.version.get()));
  out.text += line("snapshot", std::to_string(timestamp.snapshot.version.get()));
  return Ok{};
}

Status add_snapshot(std::string_view text, Inspection& out) {
  PAWL_TRY(const auto snapshot, manifest::Snapshot::parse(text, kProfile));
  add_header(snapshot.header, out);
  json::Object roles;
  for (const auto& [role, meta] : snapshot.meta) {
    roles.set(role, static_cast<std::int64_t>(meta.version.get()));
    out.text += line(role, std::to_string(meta.version.get()));
  }
  out.facts.set("roles", std::move(roles));
  return Ok{};
}

Status add_targets(std::string_view text, Inspection& out) {
  PAWL_TRY(const auto targets, manifest::Targets::parse(text, kProfile));
  add_header(targets.header, out);
  json::Array paths;
  for (const auto& [path, info] : targets.targets) {
    paths.emplace_back(path);
    out.text += line("target", path);
    const auto summary = manifest::ReleaseSummary::parse(info.custom);
    if (!summary) continue;
    out.text +=
        line("", "counter " + std::to_string(summary->release_counter.get()) +
                     ", security version " + std::to_string(summary->security_version.get()));
  }
  out.facts.set("targets", std::move(paths));
  if (!targets.delegations) return Ok{};
  for (const auto& delegation : targets.delegations->roles) {
    out.text += line("delegates", delegation.name + " to " + role_text(delegation.role));
  }
  return Ok{};
}

Result<std::string> type_of(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {text.size(), 32, 1U << 20U}));
  const auto* object = value.object();
  const auto* member = object == nullptr ? nullptr : object->find("_type");
  const auto* type = member == nullptr ? nullptr : member->string();
  if (type == nullptr) return fail(Errc::kMalformed, "role file without _type");
  return *type;
}

}  // namespace

Result<Inspection> inspect_metadata(ByteView file) {
  PAWL_TRY(const auto envelope, manifest::UnverifiedEnvelope::split(file, file.size(), kProfile));
  const auto text = envelope.signed_text();
  Inspection out;
  PAWL_TRY(out.kind, type_of(text));
  if (out.kind == "root") {
    PAWL_CHECK(add_root(text, envelope, out));
  } else if (out.kind == "timestamp") {
    PAWL_CHECK(add_timestamp(text, out));
  } else if (out.kind == "snapshot") {
    PAWL_CHECK(add_snapshot(text, out));
  } else if (out.kind == "targets") {
    PAWL_CHECK(add_targets(text, out));
  } else {
    return fail(Errc::kMalformed, "unknown role type " + printable(out.kind));
  }
  json::Array signers;
  for (const auto& signature : envelope.signatures()) {
    signers.emplace_back(signature.key_id.text);
    out.text += line("signed by", short_id(signature.key_id));
  }
  out.facts.set("signers", std::move(signers));
  out.facts.set("signed_bytes", static_cast<std::int64_t>(text.size()));
  out.text += line("signed part", std::to_string(text.size()) + " bytes");
  if (out.kind != "root") out.text += line("note", "`verify` judges the signatures");
  return out;
}

Result<Inspection> inspect_release(ByteView file) {
  PAWL_TRY(const auto release, manifest::Release::parse(as_text(file)));
  Inspection out;
  out.kind = "release manifest";
  out.facts.set("sha256", to_hex(sha256(file)));
  out.facts.set("product", release.product);
  out.facts.set("version", release.version);
  out.facts.set("release_counter", static_cast<std::int64_t>(release.release_counter.get()));
  out.facts.set("security_version", static_cast<std::int64_t>(release.security_version.get()));
  out.facts.set("min_security_version",
                static_cast<std::int64_t>(release.min_security_version.get()));
  out.text = line("product", release.product) + line("version", release.version) +
             line("counter", std::to_string(release.release_counter.get())) +
             line("security version", std::to_string(release.security_version.get()) +
                                          ", floor after it " +
                                          std::to_string(release.min_security_version.get()));
  for (const auto& hardware : release.hardware) {
    out.text += line("hardware",
                     hardware.revision + ", boot loader from " + std::to_string(hardware.min_boot));
  }
  json::Array components;
  for (const auto& component : release.components) {
    components.emplace_back(component.name);
    out.text +=
        line("component", component.name + ", " + manifest::install_name(component.install) + ", " +
                              format_size(component.size) + ", " +
                              to_hex(component.sha256).substr(0, 16));
  }
  out.facts.set("components", std::move(components));
  for (const auto& record : release.measurements) {
    out.text += line("measured",
                     record.profile + ": " + std::to_string(record.digests.size()) + " digests");
  }
  for (const auto& attachment : release.attachments) {
    out.text += line("attached", attachment.kind + ", " + format_size(attachment.blob.size));
  }
  return out;
}

}  // namespace pawl::signer
