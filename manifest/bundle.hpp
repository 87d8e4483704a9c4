#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl::manifest {

/// What one part of an offline bundle is (FORMAT 14.2); the order of the parts in the file.
enum class BundlePart : std::uint8_t {
  kMetadata = 1,  // a file of `metadata/`, by its name there
  kTarget = 2,    // a file of `targets/`, by its path there
  kBlob = 3,      // a file of `blobs/`, by its digest
};

struct BundleEntry {
  BundlePart part = BundlePart::kMetadata;
  std::string name;
  std::uint64_t length = 0;  // bytes
  std::uint64_t offset = 0;  // in the bundle; worked out by BundleTable
  friend bool operator==(const BundleEntry&, const BundleEntry&) = default;
};

/// Head of a `.pawl` file (FORMAT 14): which files of a repository it carries and where they lie.
/// Pure. Nothing in it is signed: it says where to look, and what is found there is checked as if
/// it had come from a server.
class BundleTable {
 public:
  static constexpr std::size_t kPrefix = 16;  // magic, number of entries, length of the table
  static constexpr std::size_t kMaxTable = std::size_t{1024} * 1024;

  /// How many bytes the head has, prefix included. @param prefix the first kPrefix bytes
  /// @return kMalformed, kTooLarge
  [[nodiscard]] static Result<std::size_t> head_size(ByteView prefix);
  /// @param head       exactly head_size() bytes
  /// @param file_size  of the whole bundle: more or fewer bytes than the parts need are refused
  [[nodiscard]] static Result<BundleTable> parse(ByteView head, std::uint64_t file_size);
  /// For a writer. @param entries in the order of the file; offsets are filled in
  /// @return kMalformed for what parse would refuse
  [[nodiscard]] static Result<BundleTable> build(std::vector<BundleEntry> entries);

  [[nodiscard]] Bytes serialise() const;
  [[nodiscard]] std::uint64_t file_size() const;
  [[nodiscard]] const std::vector<BundleEntry>& entries() const { return entries_; }
  /// nullptr when the bundle does not carry it.
  [[nodiscard]] const BundleEntry* find(BundlePart part, std::string_view name) const;
  /// Product and version of the one release it carries.
  [[nodiscard]] const std::string& product() const { return product_; }
  [[nodiscard]] const std::string& version() const { return version_; }

 private:
  BundleTable() = default;
  Status check();
  Status take_release(const BundleEntry& entry);
  std::vector<BundleEntry> entries_;
  std::string product_;
  std::string version_;
};

}  // namespace pawl::manifest
