#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "fakes/signing_key.hpp"
#include "manifest/path.hpp"
#include "manifest/policy.hpp"
#include "manifest/ports.hpp"
#include "manifest/release.hpp"
#include "manifest/roles.hpp"

namespace pawl::fakes {

inline UtcTime at(std::string_view text) {
  auto time = parse_utc(text);
  PAWL_ASSERT(time);
  return *time;
}

/// A complete repository in memory, strict profile: one delegated role per product. Tests change
/// the role values and sign again; `metadata_files` and `target_files` are what a client sees and
/// may be damaged directly.
class RepoSimulator final : public manifest::Fetcher {
 public:
  /// root 2 of 3, targets 1 of 1, snapshot, timestamp, rel-gw3 1 of 1; all at version 1.
  RepoSimulator() {
    for (const auto* name : {"root-a", "root-b", "root-c"}) signers["root"].emplace_back(name);
    for (const auto* name : {"targets", "snapshot", "timestamp", "rel-gw3"}) {
      signers[name].emplace_back(name);
    }
    root.root.threshold = 2;
    root.header.expires = at("2027-11-20T00:00:00Z");
    policy.ceilings.emplace("gw3", SecurityVersion(40));
    publish_root();
    repository = *repository_id_;
    delegate("rel-gw3", {manifest::release_pattern("gw3")});
    publish();
  }

  // --- what tests change -------------------------------------------------------------------
  std::map<std::string, std::vector<SigningKey>> signers;  // by role
  manifest::Root root;
  manifest::Timestamp timestamp;
  manifest::Snapshot snapshot;
  std::map<std::string, manifest::Targets> roles;  // "targets" and delegated ones
  manifest::Policy policy;
  UtcTime now = at("2026-11-20T00:00:00Z");  // issue time of what is signed
  Sha256Digest repository;

  // --- what a client sees ------------------------------------------------------------------
  std::map<std::string, Bytes> metadata_files;
  std::map<std::string, Bytes> target_files;
  std::vector<std::string> requests;
  std::map<std::string, Errc> broken;  // requests that fail instead, by file name

  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override {
    requests.push_back(file);
    return serve(metadata_files, file, limit);
  }
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override {
    requests.push_back(path);
    return serve(target_files, path, limit);
  }

  // --- signing -----------------------------------------------------------------------------
  /// A file over exactly these signed bytes.
  static Bytes sign(std::string_view signed_text, const std::vector<SigningKey>& keys) {
    std::vector<manifest::Signature> signatures;
    for (const auto& key : keys) signatures.push_back(key.sign(signed_text));
    return manifest::assemble_envelope(signed_text, std::move(signatures));
  }

  /// Signs root at its present version with the keys of `signers` (and `also`, the old ones).
  void publish_root(const std::vector<SigningKey>& also = {}) {
    const auto v1 = root.header.version == MetadataVersion(1);
    root.header.origin = manifest::Origin{std::nullopt, "root", now};
    if (!v1) root.header.origin->repository = repository;
    root.keys.clear();
    fill(root.root, "root");
    fill(root.timestamp, "timestamp");
    fill(root.snapshot, "snapshot");
    fill(root.targets, "targets");
    const auto policy_text = policy.serialise();
    const auto digest = sha256(as_bytes(policy_text));
    root.policy = manifest::FileReference{digest, policy_text.size()};
    const auto policy_bytes = as_bytes(policy_text);
    metadata_files[to_hex(digest) + ".policy.json"] = {policy_bytes.begin(), policy_bytes.end()};
    const auto text = root.serialise();
    if (v1) repository_id_ = manifest::Root::repository_id(text);
    auto keys = signers["root"];
    for (const auto& key : also) {
      const auto same = [&](const SigningKey& k) { return k.id() == key.id(); };
      if (std::none_of(keys.begin(), keys.end(), same)) keys.push_back(key);
    }
    metadata_files[std::to_string(root.header.version.get()) + ".root.json"] = sign(text, keys);
  }
  /// The next version of root, signed by its present keys and by `old_keys`.
  void bump_root(const std::vector<SigningKey>& old_keys = {}) {
    root.header.version = MetadataVersion(root.header.version.get() + 1);
    publish_root(old_keys);
  }
  [[nodiscard]] const Bytes& root_file(std::uint64_t version) const {
    return metadata_files.find(std::to_string(version) + ".root.json")->second;
  }

  /// Adds or replaces a delegation of `targets` with the keys in `signers`.
  void delegate(const std::string& name, std::vector<std::string> paths,
                manifest::Terminating terminating = manifest::Terminating::kYes) {
    auto& targets = roles["targets"];
    if (!targets.delegations) targets.delegations.emplace();
    manifest::Delegation delegation;
    delegation.name = name;
    delegation.terminating = terminating;
    delegation.paths = std::move(paths);
    for (const auto& key : signers[name]) {
      targets.delegations->keys.emplace(key.id(), key.key());
      delegation.role.key_ids.push_back(key.id());
    }
    auto& all = targets.delegations->roles;
    std::erase_if(all, [&](const auto& d) { return d.name == name; });
    all.push_back(std::move(delegation));
    roles[name];
  }

  /// Lists a release manifest in its product's role; publish() makes it visible.
  void add_release(const manifest::Release& release, const std::string& role = "rel-gw3") {
    add_release(release, release.serialise(), role);
  }
  /// The same with other bytes as the manifest.
  void add_release(const manifest::Release& release, const std::string& text,
                   const std::string& role) {
    manifest::TargetInfo info;
    info.path = manifest::release_path(release.product, release.version);
    info.length = text.size();
    info.hashes.sha256 = sha256(as_bytes(text));
    info.custom = manifest::ReleaseSummary::of(release).to_json();
    const auto bytes = as_bytes(text);
    target_files[manifest::consistent_target_path(info.path, info.hashes.file_prefix())] = {
        bytes.begin(), bytes.end()};
    roles[role].targets[info.path] = std::move(info);
  }

  /// Signs every role file, snapshot and timestamp at their present versions.
  void publish() {
    snapshot.meta.clear();
    for (auto& [name, targets] : roles) publish_role(name);
    publish_snapshot();
    publish_timestamp();
  }
  /// The next version of each, then publish.
  void bump() {
    const auto next = [](manifest::Header& header) {
      header.version = MetadataVersion(header.version.get() + 1);
    };
    for (auto& [name, targets] : roles) next(targets.header);
    next(snapshot.header);
    next(timestamp.header);
    publish();
  }
  void publish_role(const std::string& name) {
    auto& targets = roles[name];
    prepare(targets.header, name, std::chrono::hours(24 * 365));
    const auto file = sign(targets.serialise(), signers[name]);
    manifest::MetaFile meta{targets.header.version, file.size(), manifest::FileHashes{}};
    meta.hashes->sha256 = sha256(file);
    snapshot.meta.insert_or_assign(name, meta);
    metadata_files[file_name(name, targets.header)] = file;
  }
  void publish_snapshot() {
    prepare(snapshot.header, "snapshot", std::chrono::hours(24 * 30));
    const auto file = sign(snapshot.serialise(), signers["snapshot"]);
    timestamp.snapshot = {snapshot.header.version, file.size(), manifest::FileHashes{}};
    timestamp.snapshot.hashes->sha256 = sha256(file);
    metadata_files[file_name("snapshot", snapshot.header)] = file;
  }
  void publish_timestamp() {
    prepare(timestamp.header, "timestamp", std::chrono::hours(24 * 7));
    metadata_files["timestamp.json"] = sign(timestamp.serialise(), signers["timestamp"]);
  }

 private:
  void prepare(manifest::Header& header, const std::string& role, Seconds life) const {
    header.origin = manifest::Origin{repository, role, now};
    header.expires = now + life;
  }
  static std::string file_name(const std::string& role, const manifest::Header& header) {
    return std::to_string(header.version.get()) + "." + role + ".json";
  }
  void fill(manifest::Role& role, const std::string& name) {
    role.key_ids.clear();
    for (const auto& key : signers[name]) {
      root.keys.emplace(key.id(), key.key());
      role.key_ids.push_back(key.id());
    }
  }
  Result<std::optional<Bytes>> serve(const std::map<std::string, Bytes>& files,
                                     const std::string& name, std::size_t limit) {
    const auto failure = broken.find(name);
    if (failure != broken.end()) return fail(failure->second, name + " cannot be fetched");
    const auto found = files.find(name);
    if (found == files.end()) return std::optional<Bytes>();
    if (found->second.size() > limit) return fail(Errc::kTooLarge, name + " is over its limit");
    return std::optional<Bytes>(found->second);
  }
  std::optional<Sha256Digest> repository_id_;
};

/// A small valid release of gw3 to start from.
inline manifest::Release sample_release(std::uint64_t counter = 2, std::string version = "1.1.0") {
  manifest::Release release;
  release.product = "gw3";
  release.vendor_id = "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe";
  release.class_id = "1492af14-2569-5e48-bf42-9b2d51f2ab45";
  release.hardware = {{"b", 0}};
  release.version = std::move(version);
  release.release_counter = ReleaseCounter(counter);
  release.security_version = SecurityVersion(7);
  release.min_security_version = SecurityVersion(6);
  manifest::Component rootfs;
  rootfs.name = "rootfs";
  rootfs.size = 1U << 20U;
  rootfs.sha256 = sha256(as_bytes("rootfs"));
  rootfs.payloads = {{{sha256(as_bytes("index")), 144}, {sha256(as_bytes("container")), 4096}}};
  release.components = {rootfs};
  return release;
}

}  // namespace pawl::fakes
