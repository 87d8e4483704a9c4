// Ten thousand entries: rotation wraps their keys again and opens no data file for writing.
#include <filesystem>

#include <catch2/catch.hpp>

#include "base/random.hpp"
#include "fixture.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

/// A real disk in memory; when `data_locked`, everything below data/ can only be read. Counts what
/// would be durable operations.
class MemoryFolder final : public Disk {
 public:
  MemoryFolder() {
    char name[] = "/dev/shm/pawl-vault.XXXXXX";
    PAWL_ASSERT(::mkdtemp(name) != nullptr);
    path = name;
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  MemoryFolder(MemoryFolder&&) = delete;
  MemoryFolder& operator=(MemoryFolder&&) = delete;
  ~MemoryFolder() override {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }

  Result<std::unique_ptr<File>> open(const std::string& at, OpenMode mode) override {
    if (mode != OpenMode::kRead) PAWL_CHECK(change(at));
    return disk_.open(at, mode);
  }
  Status rename(const std::string& from, const std::string& to) override {
    PAWL_CHECK(change(to));
    return disk_.rename(from, to);
  }
  Status remove(const std::string& at) override {
    PAWL_CHECK(change(at));
    return disk_.remove(at);
  }
  Status make_directory(const std::string& at, Visibility who) override {
    return disk_.make_directory(at, who);
  }
  Status sync_directory(const std::string& at) override { return disk_.sync_directory(at); }
  Result<std::vector<std::string>> list(const std::string& at) override { return disk_.list(at); }
  Result<bool> exists(const std::string& at) override { return disk_.exists(at); }
  Result<std::uint64_t> free_bytes(const std::string& at) override { return disk_.free_bytes(at); }
  Result<std::unique_ptr<DiskLock>> lock(const std::string& at) override { return disk_.lock(at); }

  std::string path;
  bool data_locked = false;
  unsigned changes = 0;

 private:
  Status change(const std::string& at) {
    ++changes;
    if (data_locked && at.find("/data/") != std::string::npos) {
      return fail(Errc::kIo, at + " is read-only");
    }
    return Ok{};
  }
  PosixDisk disk_;
};

std::string name_of(unsigned i) {
  return "e/" + std::to_string(i);
}

void fill(vault::Vault& vault, unsigned entries) {
  std::vector<std::string> names;
  std::vector<Bytes> values;
  for (unsigned i = 0; i < entries; ++i) {
    names.push_back(name_of(i));
    values.push_back(pattern(16, i));
  }
  std::vector<vault::NamedValue> all;
  for (unsigned i = 0; i < entries; ++i) all.push_back({names[i], values[i]});
  REQUIRE(vault.put_all(all));
}

}  // namespace

TEST_CASE("vault: rotation of 10,000 entries with read-only data files", "[vault]") {
  constexpr unsigned kEntries = 10'000;
  MemoryFolder disk;
  SystemRandom random;
  FakeProtector protector(random);
  FakeAnchor anchor(disk);
  const vault::VaultParts parts{disk, random, protector, anchor};
  const vault::VaultConfig config{disk.path + "/v", "device", {}, {}, 0};
  {
    auto vault = *vault::Vault::create(parts, config);
    fill(vault, kEntries);
  }
  disk.data_locked = true;
  disk.changes = 0;
  {
    auto vault = *vault::Vault::open(parts, config);
    CHECK_FALSE(vault.put("more", {}));  // the lock holds
    disk.changes = 0;
    REQUIRE(vault.rotate());
    CHECK(vault.status().epoch == 2);
  }
  // Blob, link, index, anchor, the old blob gone: the same few files for any number of entries.
  CHECK(disk.changes <= 10);
  auto vault = *vault::Vault::open(parts, config);
  CHECK(vault.status().entries == kEntries);
  for (unsigned i = 0; i < kEntries; i += 997) CHECK(holds(vault, name_of(i), pattern(16, i)));
}
