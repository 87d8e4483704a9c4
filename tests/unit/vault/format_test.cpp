// The bytes of FORMAT 7: limits, truncation, one form per value.
#include <array>
#include <set>

#include <catch2/catch.hpp>

#include "base/reader.hpp"
#include "fixture.hpp"
#include "vault/entry_header.hpp"
#include "vault/index.hpp"
#include "vault/index_file.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

vault::Index sample() {
  vault::Index index;
  index.anchored.generation = 6;
  index.renewals = 2;
  vault::Segment segment;
  segment.size = 100;
  segment.version = 3;
  index.entries["a"] = {segment, segment};
  index.entries["b/c"] = {segment};
  return index;
}

/// Sees every write, so that a test can say that nothing is ever written over.
class WriteOnceDisk final : public Disk {
 public:
  explicit WriteOnceDisk(Disk& inner) : inner_(inner) {}
  std::set<std::string> created;
  bool reused = false;
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const bool data = path.find("/data/") != std::string::npos;
    if (data && mode == OpenMode::kReadWrite) reused = true;
    if (data && mode == OpenMode::kCreate && !created.insert(path).second) reused = true;
    PAWL_TRY(auto file, inner_.open(path, mode));
    if (!data || mode == OpenMode::kRead) return file;
    return std::unique_ptr<File>(std::make_unique<Appending>(*this, std::move(file)));
  }
  Status rename(const std::string& from, const std::string& to) override {
    return inner_.rename(from, to);
  }
  Status remove(const std::string& path) override { return inner_.remove(path); }
  Status make_directory(const std::string& path, Visibility visibility) override {
    return inner_.make_directory(path, visibility);
  }
  Status sync_directory(const std::string& path) override { return inner_.sync_directory(path); }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return inner_.list(path);
  }
  Result<bool> exists(const std::string& path) override { return inner_.exists(path); }
  Result<std::uint64_t> free_bytes(const std::string& path) override {
    return inner_.free_bytes(path);
  }
  Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override {
    return inner_.lock(path);
  }

 private:
  class Appending final : public File {
   public:
    Appending(WriteOnceDisk& disk, std::unique_ptr<File> file)
        : disk_(disk), file_(std::move(file)) {}
    Result<std::size_t> read_at(std::span<std::uint8_t> out, std::uint64_t offset) override {
      return file_->read_at(out, offset);
    }
    Status write_at(ByteView bytes, std::uint64_t offset) override {
      if (offset < end_) disk_.reused = true;
      end_ = offset + bytes.size();
      return file_->write_at(bytes, offset);
    }
    Status sync() override { return file_->sync(); }
    Status drop_cache() override { return file_->drop_cache(); }
    Result<std::uint64_t> size() override { return file_->size(); }

   private:
    WriteOnceDisk& disk_;
    std::unique_ptr<File> file_;
    std::uint64_t end_ = 0;
  };
  Disk& inner_;
};

}  // namespace

TEST_CASE("vault format: FORMAT 7.2.1 a header reads back and every truncation is malformed",
          "[vault]") {
  vault::EntryHeader header;
  header.name = "agent/key";
  header.version = 9;
  header.segment = 2;
  const auto bytes = header.serialise();
  CHECK(bytes.size() == 72 + header.name.size());
  const auto parsed = vault::parse_entry_header(bytes);
  REQUIRE(parsed);
  CHECK(parsed->header == header);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CHECK(vault::parse_entry_header(ByteView(bytes).first(n)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE(
    "vault format: FORMAT 7.2.2 a header with an unknown cipher, chunk size or name is malformed",
    "[vault]") {
  vault::EntryHeader header;
  header.name = "a";
  const auto refused = [](const Bytes& bytes) {
    const auto parsed = vault::parse_entry_header(bytes);
    return !parsed && parsed.error().code() == Errc::kMalformed;
  };
  auto bytes = header.serialise();
  bytes[68] = 2;
  CHECK(refused(bytes));
  for (const auto log2 : std::array<std::uint8_t, 4>{0, 11, 21, 255}) {
    header.chunk_log2 = log2;
    CHECK(refused(header.serialise()));
  }
  header.chunk_log2 = 12;
  CHECK_FALSE(refused(header.serialise()));
  header.name = "a b";
  CHECK(refused(header.serialise()));
  header.name = "";
  CHECK(refused(header.serialise()));
}

TEST_CASE("vault format: FORMAT 7.3.3 an index reads back and every truncation is malformed",
          "[vault]") {
  const auto bytes = serialise(sample());
  CHECK(*vault::parse_index(bytes) == sample());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CHECK(vault::parse_index(ByteView(bytes).first(n)).error().code() == Errc::kMalformed);
  }
  auto longer = bytes;
  longer.push_back(0);
  CHECK(vault::parse_index(longer).error().code() == Errc::kMalformed);
}

TEST_CASE("vault format: FORMAT 7.3.4 an index keeps its limits and its order", "[vault]") {
  auto index = sample();
  index.entries["a"][0].chunk_log2 = 21;
  CHECK(vault::parse_index(serialise(index)).error().code() == Errc::kMalformed);
  index = sample();
  index.entries["b/c"].clear();
  CHECK(vault::parse_index(serialise(index)).error().code() == Errc::kMalformed);
  index.entries["b/c"].resize(vault::kMaxSegments + 1);
  CHECK(vault::parse_index(serialise(index)).error().code() == Errc::kMalformed);
  auto bytes = serialise(sample());
  bytes[48] = bytes[49] = bytes[50] = 0xff;  // count
  CHECK(vault::parse_index(bytes).error().code() == Errc::kTooLarge);
  bytes = serialise(sample());
  bytes[54] = 'b';  // the first name becomes "b", still sorted; then "z", not
  CHECK(vault::parse_index(bytes));
  bytes[54] = 'z';
  CHECK(vault::parse_index(bytes).error().code() == Errc::kMalformed);
  bytes[54] = ' ';
  CHECK(vault::parse_index(bytes).error().code() == Errc::kMalformed);
}

TEST_CASE("vault format: FORMAT 7.3.1 the index file is bound to its head and key", "[vault]") {
  CountingRandom random;
  const auto key = *vault::random_key(random);
  const auto other = *vault::random_key(random);
  const auto file = *vault::seal_index(sample(), {}, 3, key, random);
  CHECK(vault::peek_index(file)->epoch == 3);
  auto opened = *vault::open_index(file, key);
  CHECK(opened == sample());
  CHECK(vault::open_index(file, other).error().code() == Errc::kVault);
  for (std::size_t at = 8; at < 40; ++at) {
    auto bad = file;
    bad[at] ^= 1U;
    CHECK(vault::open_index(bad, key).error().code() == Errc::kVault);
  }
  for (std::size_t n = 0; n < file.size(); ++n) {
    CHECK_FALSE(vault::open_index(ByteView(file).first(n), key));
  }
}

TEST_CASE("vault format: FORMAT 7.4.1 the anchor has 72 bytes", "[vault]") {
  vault::AnchorValue value;
  value.index.generation = 5;
  value.epoch_key.bytes[31] = 1;
  const auto bytes = serialise(value);
  REQUIRE(bytes.size() == vault::kAnchorSize);
  CHECK(*vault::parse_anchor(bytes) == value);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CHECK(vault::parse_anchor(ByteView(bytes).first(n)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("vault format: FORMAT 7.2.4 no data file is written twice, whatever happens", "[vault]") {
  VaultDevice device;
  WriteOnceDisk disk(device.disk);
  const vault::VaultParts parts{disk, device.random, device.protector, device.anchor};
  auto vault = *vault::Vault::create(parts, device.config);
  std::uint32_t x = 12345;
  for (int i = 0; i < 200; ++i) {
    x = x * 1664525U + 1013904223U;
    const std::string name = "n" + std::to_string((x >> 8U) % 5);
    switch ((x >> 20U) % 5) {
      case 0:
        REQUIRE(vault.put(name, pattern((x >> 12U) % 200'000, x)));
        break;
      case 1: {
        auto writer = vault.append(name);
        REQUIRE(writer);
        REQUIRE(writer->write(pattern((x >> 12U) % 70'000, x)));
        REQUIRE(writer->finish());
        break;
      }
      case 2:
        (void)static_cast<bool>(vault.remove(name));
        break;
      case 3:
        REQUIRE(vault.rotate());
        break;
      default:
        (void)static_cast<bool>(vault.replace(name));
        break;  // begun and dropped
    }
  }
  REQUIRE(vault.rotate_deep());
  CHECK_FALSE(disk.reused);
  CHECK(disk.created.size() > 50);
}

TEST_CASE("vault format: FORMAT 7.2.3 the nonce tells number and end", "[vault]") {
  std::set<vault::Nonce> seen;
  for (const std::uint64_t chunk : {0UL, 1UL, 255UL, 256UL, 1UL << 40U, ~0UL}) {
    for (const auto end : {vault::ChunkEnd::kMore, vault::ChunkEnd::kLast}) {
      CHECK(seen.insert(vault::chunk_nonce(chunk, end)).second);
    }
  }
  CHECK(vault::chunk_nonce(0x0102, vault::ChunkEnd::kLast).bytes[0] == 2);
  CHECK(vault::chunk_nonce(0x0102, vault::ChunkEnd::kLast).bytes[8] == 1);
}
