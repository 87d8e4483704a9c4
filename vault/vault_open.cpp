// Making and opening a vault: whose key is it, and is this the newest state? (FORMAT 7.4, 7.5)
#include <algorithm>
#include <set>

#include "base/digest.hpp"
#include "vault/index_file.hpp"
#include "vault/vault.hpp"

namespace pawl::vault {
namespace {

constexpr std::size_t kMaxIndexFile = kMaxIndexBytes + 4096;

std::string generation_text(std::uint64_t generation) {
  return "generation " + std::to_string(generation);
}

}  // namespace

/// The steps of open, in their order.
class Opening {
 public:
  Opening(const VaultParts& parts, VaultConfig config)
      : parts_(parts),
        config_(std::move(config)),
        epochs_(parts.disk, config_.directory + "/epochs", parts.protector) {}

  Result<Vault> create() {
    PAWL_CHECK(make_directories(parts_.disk, config_.directory + "/data"));
    PAWL_CHECK(make_directories(parts_.disk, config_.directory + "/epochs"));
    PAWL_TRY(auto lock, parts_.disk.lock(config_.directory + "/lock"));
    PAWL_CHECK(refuse_existing());
    StoreId store;
    parts_.random.fill(store.bytes);
    PAWL_TRY(auto key, random_key(parts_.random));
    PAWL_CHECK(epochs_.write(1, key, config_.recovery));
    Vault vault(parts_, config_, std::move(lock), store, std::move(key));
    Index first;
    first.renewals = config_.renewals;
    PAWL_CHECK(vault.flip(std::move(first), 1, vault.epoch_key_));
    PAWL_CHECK(vault.write_anchor(1, vault.epoch_key_));
    vault.anchored_since_open_ = false;
    return vault;
  }

  Result<Vault> open() {
    PAWL_TRY(auto lock, lock_existing());
    PAWL_TRY(const auto file, load());
    if (!lock) {
      PAWL_TRY(lock, parts_.disk.lock(config_.directory + "/lock"));
    }
    PAWL_TRY(const auto head, peek_index(file));
    PAWL_TRY(auto key, trusted_key(head.epoch));
    PAWL_TRY(auto index, open_index(file, key));
    const IndexMark mark{index.generation, sha256(file)};
    PAWL_CHECK(check_newest(index, mark));
    auto vault = made(std::move(lock), head, std::move(key), std::move(index), mark);
    if (rotation_unfinished_) PAWL_CHECK(vault.write_anchor(head.epoch, vault.epoch_key_));
    PAWL_CHECK(vault.epochs_.keep_only(head.epoch));
    PAWL_CHECK(collect_orphans(vault));
    if (vault.index_.renewals < config_.renewals) PAWL_CHECK(vault.rotate());
    vault.anchored_since_open_ = false;
    return vault;
  }

  Result<Vault> recover(const SecretBytes& private_key) {
    if (!config_.recovery) return fail(Errc::kConfig, "no recovery key is configured");
    PAWL_TRY(auto lock, lock_existing());
    PAWL_TRY(const auto found, read_optional(parts_.disk, index_path(), kMaxIndexFile));
    if (!found) return fail(Errc::kVault, "there is no vault in " + config_.directory);
    if (!lock) {
      PAWL_TRY(lock, parts_.disk.lock(config_.directory + "/lock"));
    }
    const auto& file = *found;
    PAWL_TRY(const auto head, peek_index(file));
    PAWL_TRY(auto key, epochs_.recover(head.epoch, *config_.recovery, private_key));
    PAWL_TRY(auto index, open_index(file, key));
    const IndexMark mark{index.generation, sha256(file)};
    PAWL_CHECK(check_remaining_anchor(head.epoch, key, index, mark));
    PAWL_CHECK(epochs_.write(head.epoch, key, config_.recovery));
    auto vault = made(std::move(lock), head, std::move(key), std::move(index), mark);
    PAWL_CHECK(vault.write_anchor(head.epoch, vault.epoch_key_));
    PAWL_CHECK(vault.rotate());  // the old protector's blob opens nothing of this vault any more
    vault.anchored_since_open_ = false;
    return vault;
  }

 private:
  /// Empty where the vault has never been.
  Result<std::unique_ptr<DiskLock>> lock_existing() {
    PAWL_TRY(const bool there, parts_.disk.exists(config_.directory + "/lock"));
    if (!there) return std::unique_ptr<DiskLock>();
    return parts_.disk.lock(config_.directory + "/lock");
  }

  [[nodiscard]] Vault made(std::unique_ptr<DiskLock> lock, const IndexHead& head, SecretBytes key,
                           Index index, const IndexMark& mark) const {
    Vault vault(parts_, config_, std::move(lock), head.store, std::move(key));
    vault.epoch_ = head.epoch;
    vault.index_ = std::move(index);
    vault.current_ = mark;
    vault.anchor_ = anchor_;
    return vault;
  }

  /// An anchor that is left still rules: recovery gives back a key, never an older state.
  Status check_remaining_anchor(std::uint64_t epoch, const SecretBytes& key, const Index& index,
                                const IndexMark& mark) {
    PAWL_TRY(const auto anchor, parts_.anchor.read());
    if (!anchor) return Ok{};
    anchor_ = *anchor;
    if (epoch_key_hash(epoch, key) != anchor_.epoch_key) {
      return fail(Errc::kVault, "the anchor names another epoch key than the recovered one")
          .with_hint("the anchor belongs to another vault");
    }
    return check_newest(index, mark);
  }

  [[nodiscard]] std::string index_path() const { return config_.directory + "/index"; }

  /// A vault that was begun but never anchored holds nothing: only that may be begun again.
  Status refuse_existing() {
    PAWL_TRY(const auto anchor, parts_.anchor.read());
    if (anchor) {
      return fail(Errc::kVault,
                  "the anchor tells of a vault at " + generation_text(anchor->index.generation))
          .with_hint("restore the vault's files, or clear the anchor with the recovery procedure");
    }
    PAWL_TRY(const auto file, read_optional(parts_.disk, index_path(), kMaxIndexFile));
    if (!file) return Ok{};
    PAWL_TRY(const auto head, peek_index(*file));
    if (head.generation <= 1) return Ok{};
    return fail(Errc::kVault, "there is a vault at " + generation_text(head.generation) + " in " +
                                  config_.directory + ", but no anchor")
        .with_hint("the TPM was cleared or replaced: use the recovery procedure");
  }

  Result<Bytes> load() {
    PAWL_TRY(const auto anchor, parts_.anchor.read());
    PAWL_TRY(auto file, read_optional(parts_.disk, index_path(), kMaxIndexFile));
    if (!anchor) {
      return fail(Errc::kVault,
                  file ? "the vault has no anchor" : "there is no vault in " + config_.directory)
          .with_hint(file ? "the TPM was cleared or replaced: use the recovery procedure"
                          : "pawl-vault init makes one");
    }
    if (!file) {
      return fail(Errc::kVault, "the vault is missing from " + config_.directory +
                                    " though the anchor tells of " +
                                    generation_text(anchor->index.generation))
          .with_hint(
              "restore its files from where they went; a new vault is never made in its place");
    }
    anchor_ = *anchor;
    return *std::move(file);
  }

  /// The key of `epoch`, if the anchor knows it or the anchored key vouches for it.
  Result<SecretBytes> trusted_key(std::uint64_t epoch) {
    PAWL_TRY(auto key, epochs_.open(epoch));
    if (epoch_key_hash(epoch, key) == anchor_.epoch_key) return key;
    auto older = epochs_.open(epoch - 1);
    if (!older || epoch_key_hash(epoch - 1, *older) != anchor_.epoch_key) {
      return fail(Errc::kVault, "epoch key " + std::to_string(epoch) +
                                    " is not the one this device's anchor names")
          .with_hint("key and vault may have been replaced by somebody else's");
    }
    PAWL_CHECK(epochs_.check_link(epoch, *older, key));
    rotation_unfinished_ = true;
    return key;
  }

  /// The state must be the anchored one or descend from it.
  [[nodiscard]] Status check_newest(const Index& index, const IndexMark& mark) const {
    if (mark == anchor_.index || index.anchored == anchor_.index) return Ok{};
    return fail(Errc::kRollback, "the vault is at " + generation_text(mark.generation) +
                                     ", which does not follow the anchored " +
                                     generation_text(anchor_.index.generation))
        .with_hint("files of an older backup were put back");
  }

  /// Removes data files that no entry names: of writes that never finished, or removed entries.
  Status collect_orphans(Vault& vault) {
    std::set<std::string> known;
    for (const auto& [name, segments] : vault.index_.entries) {
      for (const auto& segment : segments) known.insert(to_hex(segment.file));
    }
    const auto folder = config_.directory + "/data";
    PAWL_TRY(const auto names, parts_.disk.list(folder));
    for (const auto& name : names) {
      if (!known.contains(name)) PAWL_CHECK(parts_.disk.remove(folder + "/" + name));
    }
    return Ok{};
  }

  VaultParts parts_;
  VaultConfig config_;
  EpochFiles epochs_;
  AnchorValue anchor_;
  bool rotation_unfinished_ = false;
};

Result<Vault> Vault::create(const VaultParts& parts, VaultConfig config) {
  return Opening(parts, std::move(config)).create();
}

Result<Vault> Vault::open(const VaultParts& parts, VaultConfig config) {
  return Opening(parts, std::move(config)).open();
}

Result<Vault> Vault::recover(const VaultParts& parts, VaultConfig config,
                             const SecretBytes& private_key) {
  return Opening(parts, std::move(config)).recover(private_key);
}

}  // namespace pawl::vault
