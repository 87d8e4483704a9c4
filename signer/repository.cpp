#include "signer/repository.hpp"

#include <algorithm>
#include <charconv>

#include "base/digest.hpp"
#include "manifest/directory_fetcher.hpp"
#include "manifest/envelope.hpp"
#include "manifest/path.hpp"
#include "manifest/updater.hpp"

namespace pawl::signer {
namespace {

const manifest::RoleKey kTopTargets{"root", "targets"};

/// "12.rel-gw3.json" -> {"rel-gw3", 12}.
std::optional<std::pair<std::string, std::uint64_t>> versioned_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".json";
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || !name.ends_with(kSuffix)) return std::nullopt;
  if (name.size() < dot + 1 + kSuffix.size()) return std::nullopt;
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + dot, version);
  if (error != std::errc{} || end != name.data() + dot) return std::nullopt;
  return std::pair(std::string(name.substr(dot + 1, name.size() - dot - 1 - kSuffix.size())),
                   version);
}

Result<std::map<std::string, MetadataVersion>> versions_on_disk(Disk& disk,
                                                                const std::string& directory) {
  std::map<std::string, MetadataVersion> out;
  PAWL_TRY(const auto names, disk.list(directory + "/metadata"));
  for (const auto& name : names) {
    const auto parsed = versioned_name(name);
    if (!parsed) continue;
    const auto [entry, added] = out.try_emplace(parsed->first, MetadataVersion(parsed->second));
    if (!added) entry->second = std::max(entry->second, MetadataVersion(parsed->second));
  }
  return out;
}

/// "rel-gw3" -> "gw3": the product whose releases a role lists.
std::optional<std::string> product_of_role(const std::string& role) {
  const auto prefix = manifest::release_role("");
  if (!role.starts_with(prefix)) return std::nullopt;
  return role.substr(prefix.size());
}

Status load_roles(manifest::Updater& client, Repository& out) {
  if (!out.targets.delegations) return Ok{};
  for (const auto& delegation : out.targets.delegations->roles) {
    const auto product = product_of_role(delegation.name);
    if (!product) continue;
    PAWL_CHECK(client.releases(*product));
    const auto* role = client.trusted().targets({"targets", delegation.name});
    if (role != nullptr) out.roles.emplace(delegation.name, *role);
  }
  return Ok{};
}

Result<Bytes> read_first_root(Disk& disk, const std::string& directory) {
  const auto path = directory + "/" + metadata_path("root", MetadataVersion(1));
  const auto limit = manifest::limits_of(manifest::Profile::kStrict).root;
  PAWL_TRY(auto bytes, read_optional(disk, path, limit));
  if (!bytes) {
    return fail(Errc::kIo, directory + " is not a repository: no metadata/1.root.json")
        .with_hint("pawl-signer repo init makes one");
  }
  return *std::move(bytes);
}

Result<Sha256Digest> id_of_root(ByteView file) {
  const auto profile = manifest::Profile::kStrict;
  PAWL_TRY(const auto envelope,
           manifest::UnverifiedEnvelope::split(file, manifest::limits_of(profile).root, profile));
  return manifest::Root::repository_id(envelope.signed_text());
}

}  // namespace

Result<Repository> load_repository(Disk& disk, const std::string& directory,
                                   const std::optional<Sha256Digest>& id) {
  Repository out;
  out.directory = directory;
  PAWL_TRY(out.first_root, read_first_root(disk, directory));
  PAWL_TRY(out.id, id_of_root(out.first_root));
  if (id && *id != out.id) {
    return fail(Errc::kBadSignature, directory + " is another repository: its id is " +
                                         to_hex(out.id) + ", expected is " + to_hex(*id))
        .with_hint("`repository_id` in signer.toml names the repository these keys sign for");
  }
  manifest::DirectoryFetcher fetcher(disk, directory);
  MemoryStore store;
  FixedClock clock(UtcTime{});  // expiry is left aside
  manifest::UpdaterOptions options;
  options.anchor = out.first_root;
  options.limits.root_rotations = kMaxRoots;
  manifest::Updater client(fetcher, store, clock, std::move(options));
  PAWL_CHECK(client.refresh());
  const auto& trusted = client.trusted();
  out.root = trusted.root();
  out.policy = trusted.policy();
  out.timestamp = *trusted.timestamp();
  out.snapshot = *trusted.snapshot();
  out.targets = *trusted.targets(kTopTargets);
  PAWL_CHECK(load_roles(client, out));
  PAWL_TRY(out.versions, versions_on_disk(disk, directory));
  return out;
}

MetadataVersion Repository::next_version(const std::string& role) const {
  if (role == "timestamp") return MetadataVersion(timestamp.header.version.get() + 1);
  const auto at = versions.find(role);
  return MetadataVersion(at == versions.end() ? 1 : at->second.get() + 1);
}

const manifest::Delegation* Repository::delegation(std::string_view role) const {
  if (!targets.delegations) return nullptr;
  const auto& all = targets.delegations->roles;
  const auto at = std::find_if(all.begin(), all.end(),
                               [&](const auto& delegation) { return delegation.name == role; });
  return at == all.end() ? nullptr : &*at;
}

manifest::RoleKeys Repository::keys_of(const std::string& role) const {
  if (role == "root") return manifest::select_keys(root.keys, root.root);
  if (role == "targets") return manifest::select_keys(root.keys, root.targets);
  if (role == "snapshot") return manifest::select_keys(root.keys, root.snapshot);
  if (role == "timestamp") return manifest::select_keys(root.keys, root.timestamp);
  const auto* found = delegation(role);
  PAWL_ASSERT(found != nullptr);
  return manifest::select_keys(targets.delegations->keys, found->role);
}

Result<bool> is_published(Disk& disk, const std::string& directory) {
  return disk.exists(directory + "/" + metadata_path("timestamp", MetadataVersion(1)));
}

Result<std::unique_ptr<DiskLock>> lock_repository(Disk& disk, const std::string& directory) {
  PAWL_CHECK(make_directories(disk, directory, Visibility::kPublic));
  return disk.lock(directory + "/.lock");
}

std::string metadata_path(const std::string& role, MetadataVersion version) {
  const auto name = manifest::encode_role_name(role) + ".json";
  if (role == "timestamp") return "metadata/" + name;
  return "metadata/" + std::to_string(version.get()) + "." + name;
}

std::string policy_path(const Sha256Digest& digest) {
  return "metadata/" + to_hex(digest) + ".policy.json";
}

std::string blob_path(const Sha256Digest& digest) {
  return "blobs/" + to_hex(digest);
}

std::string manifest_path(const std::string& target_path, const Sha256Digest& digest) {
  return "targets/" + manifest::consistent_target_path(target_path, to_hex(digest));
}

Result<std::optional<Bytes>> MemoryStore::load(const std::string& name, std::size_t limit) {
  const auto at = files_.find(name);
  if (at == files_.end() || at->second.size() > limit) return std::optional<Bytes>();
  return std::optional(at->second);
}

Status MemoryStore::save(const std::string& name, ByteView bytes) {
  files_[name] = Bytes(bytes.begin(), bytes.end());
  return Ok{};
}

Status MemoryStore::drop(const std::string& name) {
  files_.erase(name);
  return Ok{};
}

}  // namespace pawl::signer
