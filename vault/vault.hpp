#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/random.hpp"
#include "vault/epoch.hpp"
#include "vault/index.hpp"
#include "vault/protector.hpp"
#include "vault/segment.hpp"

/// Encrypted state of an agent on a device whose disk anybody can read and write while it is off
/// (FORMAT 7). TPM policy -> epoch key -> data key per file -> data.
namespace pawl::vault {

/// When the anchor is written. kFirstWrite: at the first write after every open, at rotation and
/// when asked. kEveryWrite: after each write, for rare and precious entries.
enum class Anchoring : std::uint8_t { kFirstWrite, kEveryWrite };

struct VaultConfig {
  std::string directory;  // holds index, data/, epochs/, lock
  std::string device;     // name of this device, bound into every file
  Anchoring anchoring = Anchoring::kFirstWrite;
  std::optional<RecoveryKey> recovery;
  /// How often the keeper of the epoch key has asked for a new one; a vault that has seen less
  /// rotates when it is opened (FORMAT 7.5.5).
  std::uint64_t renewals = 0;
};

/// What a vault works with; all of it must outlive the vault.
struct VaultParts {
  Disk& disk;
  Random& random;
  KeyProtector& protector;
  Anchor& anchor;
};

struct EntryInfo {
  std::string name;
  std::uint64_t size = 0;  // plain bytes
  std::uint64_t version = 0;
  std::size_t segments = 0;
};

struct VaultStatus {
  std::string protector;
  std::uint64_t generation = 0;
  std::uint64_t anchored_generation = 0;
  std::uint64_t epoch = 0;
  std::size_t entries = 0;
};

struct NamedValue {
  std::string_view name;
  ByteView value;
};

class EntryWriter;
class EntryReader;

/// An open vault, locked against other processes. Every change is durable when the call returns;
/// after a power cut the next open finds the state before or after it, whole.
class Vault {
 public:
  static constexpr std::uint8_t kChunkLog2 = 16;

  /// Makes a new, empty vault. Run again after an interruption it starts over.
  /// @return kVault when a vault, or an anchor that tells of one, is already there
  static Result<Vault> create(const VaultParts& parts, VaultConfig config);
  /// @return kVault: missing though anchored, damaged, of another device; kRollback: older than the
  ///         anchor; whatever the protector says when the key does not open
  static Result<Vault> open(const VaultParts& parts, VaultConfig config);
  /// Opens a vault whose protector or anchor was lost, by the recovery wrap of its epoch key: seals
  /// that key anew, anchors the state that is there and rotates. With no anchor left nothing can
  /// tell an old copy from the newest one; the holder of the recovery key vouches for it.
  ///
  /// @return kVault: no wrap, another recovery key, or an anchor that names another epoch key;
  ///         kRollback: an anchor is left and the state does not follow it; kConfig without
  ///         `config.recovery`
  static Result<Vault> recover(const VaultParts& parts, VaultConfig config,
                               const SecretBytes& private_key);

  Status put(std::string_view name, ByteView value);
  /// Several entries in one commit: after a power cut all of them or none are there.
  /// @return kUsage when a name comes twice
  Status put_all(std::span<const NamedValue> values);
  /// The whole entry; kTooLarge over `limit`. kUsage when there is none of that name.
  Result<SecretBytes> get(std::string_view name, std::size_t limit);
  Status remove(std::string_view name);
  [[nodiscard]] std::vector<EntryInfo> list() const;
  /// Streams a new value; nothing changes until EntryWriter::finish.
  Result<EntryWriter> replace(std::string_view name);
  /// Streams a further segment onto an entry; a missing entry is begun.
  Result<EntryWriter> append(std::string_view name);
  Result<EntryReader> read(std::string_view name);

  /// A new epoch key; data keys are wrapped again, data files are not touched.
  Status rotate();
  /// As rotate, and every entry is encrypted again under a new data key. Needs room for all of it.
  Status rotate_deep();
  /// Writes the anchor now: at commit and at an orderly stop.
  Status anchor_now();
  [[nodiscard]] VaultStatus status() const;

 private:
  friend class EntryWriter;
  friend class Opening;
  Vault(const VaultParts& parts, VaultConfig config, std::unique_ptr<DiskLock> lock,
        const StoreId& store, SecretBytes epoch_key)
      : parts_(parts),
        config_(std::move(config)),
        lock_(std::move(lock)),
        epochs_(parts.disk, config_.directory + "/epochs", parts.protector),
        store_(store),
        epoch_key_(std::move(epoch_key)) {}

  [[nodiscard]] std::string data_path(const FileId& file) const;
  [[nodiscard]] EntryHeader header_of(std::string_view name, std::uint32_t segment,
                                      std::uint64_t version, std::uint8_t chunk_log2) const;
  Result<Wrap> wrap(const SecretBytes& data_key, const EntryHeader& header, std::uint64_t epoch,
                    const SecretBytes& epoch_key) const;
  Result<SecretBytes> unwrap(const Segment& segment, const EntryHeader& header) const;
  Result<EntryWriter> begin(std::string_view name, std::vector<Segment> before);
  /// Replaces the index file: the commit point. Then anchors if it is due.
  Status flip(Index next, std::uint64_t epoch, const SecretBytes& epoch_key);
  Status commit(Index next);
  Status write_anchor(std::uint64_t epoch, const SecretBytes& epoch_key);
  /// Puts a finished value into `next`. @return the segments it replaces
  static std::vector<Segment> place(Index& next, EntryWriter& writer);
  Status collect(const std::vector<Segment>& dropped);
  Result<Index> rewrapped(std::uint64_t epoch, const SecretBytes& epoch_key) const;
  Result<Index> reencrypted();
  Status move_to_epoch(Index next, const SecretBytes& next_key);

  VaultParts parts_;
  VaultConfig config_;
  std::unique_ptr<DiskLock> lock_;
  EpochFiles epochs_;
  StoreId store_;
  SecretBytes epoch_key_;
  std::uint64_t epoch_ = 1;
  Index index_;
  IndexMark current_;  // generation and hash of the index file in force
  AnchorValue anchor_;
  bool anchored_since_open_ = false;
};

/// A value being streamed in. Dropped without finish, it never happened.
class EntryWriter {
 public:
  Status write(ByteView plain) { return segment_.write(plain); }
  /// Makes the value durable and visible.
  Status finish();

 private:
  friend class Vault;
  /// The data file is durable and its key wrapped; the index does not know it yet.
  Status seal_segment();
  EntryWriter(Vault& vault, std::string name, std::vector<Segment> before, Segment fresh,
              EntryHeader header, SegmentWriter segment)
      : vault_(vault),
        name_(std::move(name)),
        before_(std::move(before)),
        fresh_(fresh),
        header_(std::move(header)),
        segment_(std::move(segment)) {}
  Vault& vault_;
  std::string name_;
  std::vector<Segment> before_;
  Segment fresh_;
  EntryHeader header_;
  SegmentWriter segment_;
};

/// Random access to one entry. The vault must outlive it.
class EntryReader {
 public:
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Fills `out` from plain byte `offset`; kUsage past the end.
  Status read_at(std::span<std::uint8_t> out, std::uint64_t offset);

 private:
  friend class Vault;
  explicit EntryReader(std::vector<SegmentReader> segments);
  std::vector<SegmentReader> segments_;
  std::uint64_t size_ = 0;
};

}  // namespace pawl::vault
