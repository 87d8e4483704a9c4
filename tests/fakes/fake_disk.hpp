#pragma once
#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/disk.hpp"

namespace pawl::fakes {

enum class Fate : std::uint8_t {
  kLost,   // nothing that was not synced survives
  kKept,   // everything survives, also what was not synced
  kMixed,  // each sector (or directory) by itself, decided by a fixed hash
};

/// What a power cut does to what was not synced.
struct CutPolicy {
  Fate data = Fate::kLost;
  Fate entries = Fate::kLost;
  std::size_t torn_sectors = 0;  // leading sectors of the cut write that reached the medium
  unsigned seed = 0;             // of kMixed
};

/// Files in memory with a durable and a volatile side. Every durable operation counts `ops`; the
/// one that finds `ops_left` at 0 does not happen, and nothing works until `power_on`.
class FakeDisk final : public Disk {
 public:
  static constexpr unsigned kNoCut = ~0U;
  static constexpr std::size_t kSector = 512;

  unsigned ops = 0;
  unsigned ops_left = kNoCut;
  CutPolicy policy;
  std::uint64_t capacity = ~std::uint64_t{0};  // bytes of all files that are not devices
  std::set<std::string> read_only;             // paths, or directories with all below them
  std::string last_op;                         // for INFO
  // Bytes of a file in front of a place that the medium cannot read any more.
  std::map<std::string, std::uint64_t> readable;

  FakeDisk() { make_durable("/"); }

  /// A directory and its parents, durable at once.
  void make_durable(const std::string& directory) {
    if (directory != "/" && directory != ".") make_durable(parent_of(directory));
    cached_[directory] = durable_[directory] = kDirectory;
  }
  /// A file, durable at once.
  void put(const std::string& path, ByteView bytes) {
    make_durable(parent_of(path));
    Inode inode;
    inode.cached.assign(bytes.begin(), bytes.end());
    inode.durable = inode.cached;
    cached_[path] = durable_[path] = add(std::move(inode));
  }
  void put(const std::string& path, std::string_view text) { put(path, as_bytes(text)); }
  /// A block device: fixed size, filled with `fill`.
  void put_device(const std::string& path, std::size_t size, std::uint8_t fill = 0) {
    put_device(path, Bytes(size, fill));
  }
  void put_device(const std::string& path, ByteView content) {
    put(path, content);
    inodes_[static_cast<std::size_t>(cached_[path])].device = true;
  }
  /// The byte at `offset` will read wrong once the cache is dropped: bad flash.
  void decay(const std::string& path, std::size_t offset) { decay_[path] = offset; }
  /// Somebody else cuts this file short, also for those who have it open.
  void cut_short(const std::string& path, std::size_t size) {
    inodes_[static_cast<std::size_t>(cached_.at(path))].cached.resize(size);
  }
  /// What the running system sees; empty when absent.
  [[nodiscard]] Bytes content(const std::string& path) const {
    const auto at = cached_.find(path);
    if (at == cached_.end() || at->second == kDirectory) return {};
    return inodes_[static_cast<std::size_t>(at->second)].cached;
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    return std::string(as_text(content(path)));
  }
  [[nodiscard]] bool has(const std::string& path) const { return cached_.contains(path); }
  /// Files and directories that were made for everyone to read.
  [[nodiscard]] const std::set<std::string>& public_paths() const { return public_; }
  [[nodiscard]] bool is_off() const { return off_; }
  /// Counts a durable operation of another part of the device, such as a TPM command.
  Status durable_operation(const std::string& what) { return tick(what); }
  /// What the next start finds: everything that was not synced meets `policy`.
  void power_on() {
    settle_entries();
    for (auto& inode : inodes_) settle(inode);
    locked_.clear();
    off_ = false;
    ops_left = kNoCut;
  }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    PAWL_CHECK(powered());
    if (mode != OpenMode::kRead) PAWL_CHECK(writable(path));
    const auto at = cached_.find(path);
    if (at != cached_.end() && at->second == kDirectory) return error(path, EISDIR);
    if (mode == OpenMode::kCreate || mode == OpenMode::kCreatePublic) {
      PAWL_CHECK(tick("create " + path));
      if (!is_directory(parent_of(path))) return error(path, ENOENT);
      cached_[path] = add(Inode{});
      if (mode == OpenMode::kCreatePublic) public_.insert(path);
      return handle(path);
    }
    if (at == cached_.end()) return error(path, ENOENT);
    return handle(path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    PAWL_CHECK(writable(to));
    PAWL_CHECK(tick("rename " + to));
    const auto at = cached_.find(from);
    if (at == cached_.end()) return error(from, ENOENT);
    const auto inode = at->second;
    cached_.erase(at);
    cached_[to] = inode;
    public_.erase(to);
    if (public_.erase(from) != 0) public_.insert(to);
    return Ok{};
  }
  Status remove(const std::string& path) override {
    PAWL_CHECK(writable(path));
    PAWL_CHECK(tick("remove " + path));
    cached_.erase(path);
    return Ok{};
  }
  Status make_directory(const std::string& path, Visibility visibility) override {
    PAWL_CHECK(writable(path));
    PAWL_CHECK(tick("mkdir " + path));
    if (!is_directory(parent_of(path))) return error(path, ENOENT);
    if (visibility == Visibility::kPublic && !cached_.contains(path)) public_.insert(path);
    cached_[path] = kDirectory;
    return Ok{};
  }
  Status sync_directory(const std::string& path) override {
    PAWL_CHECK(tick("sync directory " + path));
    if (!is_directory(path)) return error(path, ENOENT);
    const auto here = [&](const auto& entry) { return parent_of(entry.first) == path; };
    std::erase_if(durable_, here);
    for (const auto& entry : cached_) {
      if (here(entry)) durable_.insert(entry);
    }
    return Ok{};
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    PAWL_CHECK(powered());
    if (!is_directory(path)) return error(path, ENOENT);
    std::vector<std::string> names;
    for (const auto& [name, inode] : cached_) {
      if (name != path && parent_of(name) == path)
        names.push_back(name.substr(name.rfind('/') + 1));
    }
    return names;
  }
  Result<bool> exists(const std::string& path) override {
    PAWL_CHECK(powered());
    return cached_.contains(path);
  }
  Result<std::uint64_t> free_bytes(const std::string&) override {
    PAWL_CHECK(powered());
    return capacity - std::min(capacity, used());
  }
  Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override {
    PAWL_CHECK(powered());
    if (!locked_.insert(path).second) return fail(Errc::kBusy, path + " is locked");
    return std::unique_ptr<DiskLock>(std::make_unique<Lock>(*this, path));
  }

 private:
  static constexpr int kDirectory = -1;
  using Entries = std::map<std::string, int>;

  struct Inode {
    Bytes cached;
    Bytes durable;
    bool device = false;
  };

  class Lock final : public DiskLock {
   public:
    Lock(FakeDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    Lock(Lock&&) = delete;
    Lock& operator=(Lock&&) = delete;
    ~Lock() override { disk_.locked_.erase(path_); }

   private:
    FakeDisk& disk_;
    std::string path_;
  };

  class Handle final : public File {
   public:
    Handle(FakeDisk& disk, std::string path, int inode)
        : disk_(disk), path_(std::move(path)), inode_(static_cast<std::size_t>(inode)) {}
    Result<std::size_t> read_at(std::span<std::uint8_t> out, std::uint64_t offset) override {
      PAWL_CHECK(disk_.powered());
      const auto& bytes = inode().cached;
      if (offset >= bytes.size()) return std::size_t{0};
      const auto n = std::min<std::size_t>(out.size(), bytes.size() - offset);
      const auto good = disk_.readable.find(path_);
      if (good != disk_.readable.end() && offset + n > good->second) return error(path_, EIO);
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
      return n;
    }
    Status write_at(ByteView bytes, std::uint64_t offset) override {
      const auto end = offset + bytes.size();
      if (disk_.ops_left == 0 && !disk_.off_ && disk_.room_for(inode(), end, path_)) {
        tear(bytes, offset);
      }
      PAWL_CHECK(disk_.tick("write " + path_));
      PAWL_CHECK(disk_.room_for(inode(), end, path_));
      apply(inode().cached, bytes, offset);
      return Ok{};
    }
    Status sync() override {
      PAWL_CHECK(disk_.tick("sync " + path_));
      inode().durable = inode().cached;
      return Ok{};
    }
    Status drop_cache() override {
      PAWL_CHECK(disk_.powered());
      if (const auto at = disk_.decay_.find(path_);
          at != disk_.decay_.end() && at->second < inode().durable.size()) {
        inode().durable[at->second] ^= 1U;
      }
      inode().cached =
          inode().durable.size() >= inode().cached.size() ? inode().durable : inode().cached;
      return Ok{};
    }
    Result<std::uint64_t> size() override {
      PAWL_CHECK(disk_.powered());
      return std::uint64_t{inode().cached.size()};
    }

   private:
    Inode& inode() { return disk_.inodes_[inode_]; }
    static void apply(Bytes& into, ByteView bytes, std::uint64_t offset) {
      if (into.size() < offset + bytes.size()) into.resize(offset + bytes.size());
      std::copy(bytes.begin(), bytes.end(), into.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void tear(ByteView bytes, std::uint64_t offset) {
      const auto whole = disk_.policy.torn_sectors * kSector;
      const auto reached = bytes.first(std::min(whole, bytes.size()));
      if (reached.empty()) return;
      apply(inode().durable, reached, offset);
      apply(inode().cached, reached, offset);
    }
    FakeDisk& disk_;
    std::string path_;
    std::size_t inode_;
  };

  static Error error(const std::string& path, int number) {
    auto e = fail(number == ENOSPC ? Errc::kNoSpace : Errc::kIo,
                  path + ": errno " + std::to_string(number), number);
    if (number == EROFS) return std::move(e).with_hint("the file system is mounted read-only");
    return e;
  }
  [[nodiscard]] Status powered() const {
    if (off_) return fail(Errc::kIo, "power cut");
    return Ok{};
  }
  Status tick(std::string what) {
    PAWL_CHECK(powered());
    last_op = std::move(what);
    if (ops_left == 0) {
      off_ = true;
      return fail(Errc::kIo, "power cut before: " + last_op);
    }
    if (ops_left != kNoCut) --ops_left;
    ++ops;
    return Ok{};
  }
  [[nodiscard]] Status writable(const std::string& path) const {
    for (const auto& locked : read_only) {
      if (path == locked || path.starts_with(locked + "/")) return error(path, EROFS);
    }
    return Ok{};
  }
  [[nodiscard]] std::uint64_t used() const {
    std::set<int> live;
    for (const auto& [path, inode] : cached_) live.insert(inode);
    std::uint64_t sum = 0;
    for (const int at : live) {
      if (at == kDirectory) continue;
      const auto& inode = inodes_[static_cast<std::size_t>(at)];
      sum += inode.device ? 0 : inode.cached.size();
    }
    return sum;
  }
  [[nodiscard]] Status room_for(const Inode& inode, std::uint64_t end,
                                const std::string& path) const {
    if (end <= inode.cached.size()) return Ok{};
    if (inode.device) return error(path, ENOSPC);
    if (used() + end - inode.cached.size() > capacity) return error(path, ENOSPC);
    return Ok{};
  }
  [[nodiscard]] bool is_directory(const std::string& path) const {
    const auto at = cached_.find(path);
    return path == "/" || path == "." || (at != cached_.end() && at->second == kDirectory);
  }
  int add(Inode inode) {
    inodes_.push_back(std::move(inode));
    return static_cast<int>(inodes_.size()) - 1;
  }
  Result<std::unique_ptr<File>> handle(const std::string& path) {
    return std::unique_ptr<File>(std::make_unique<Handle>(*this, path, cached_[path]));
  }
  [[nodiscard]] bool keeps(Fate fate, std::size_t what) const {
    if (fate != Fate::kMixed) return fate == Fate::kKept;
    const auto mixed = (what + 1) * 2654435761U + policy.seed * 40503U;
    return ((mixed >> 13U) & 1U) != 0;
  }
  void settle_entries() {
    const auto kept = [&](const std::string& path) {
      std::size_t hash = 7;
      for (const char c : parent_of(path)) hash = hash * 31 + static_cast<unsigned char>(c);
      return keeps(policy.entries, hash);
    };
    Entries after;
    for (const auto& entry : durable_) {
      if (!kept(entry.first)) after.insert(entry);
    }
    for (const auto& entry : cached_) {
      if (kept(entry.first)) after.insert(entry);
    }
    std::erase_if(after, [&](const auto& entry) {  // below a directory that is gone
      auto up = parent_of(entry.first);
      while (up != "/" && up != "." && after.contains(up)) up = parent_of(up);
      return up != "/" && up != ".";
    });
    cached_ = durable_ = std::move(after);
  }
  void settle(Inode& inode) const {
    auto& disk = inode.durable;
    if (policy.data != Fate::kLost && inode.cached.size() > disk.size()) {
      disk.resize(inode.cached.size());  // length kept, sectors not: zeros
    }
    for (std::size_t at = 0; at < inode.cached.size(); at += kSector) {
      if (!keeps(policy.data, at / kSector)) continue;
      const auto n = std::min(kSector, inode.cached.size() - at);
      const auto from = inode.cached.begin() + static_cast<std::ptrdiff_t>(at);
      std::copy_n(from, n, disk.begin() + static_cast<std::ptrdiff_t>(at));
    }
    inode.cached = disk;
  }

  std::vector<Inode> inodes_;
  Entries cached_;
  Entries durable_;
  std::set<std::string> locked_;
  std::set<std::string> public_;
  std::map<std::string, std::size_t> decay_;
  bool off_ = false;
};

}  // namespace pawl::fakes
