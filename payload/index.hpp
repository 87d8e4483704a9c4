#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace pawl::payload {

inline constexpr std::string_view kIndexMagic = "PAWLIDX1";
inline constexpr std::size_t kHeaderSize = 64;
inline constexpr std::size_t kRecordSize = 80;
inline constexpr std::uint32_t kMinWindowLog2 = 12;
inline constexpr std::uint32_t kMaxWindowLog2 = 20;  // keeps the decoder within 16 MiB
inline constexpr std::uint32_t kMaxWindows = 65536;  // 64 GiB of image at the largest window
inline constexpr std::size_t kMaxIndexSize = kHeaderSize + kRecordSize * kMaxWindows;
inline constexpr std::size_t kFrameSlack = 4096;  // a frame is at most its window plus this
// Of a frame of kind zstd-old (FORMAT 4.4.4):
inline constexpr std::size_t kMaxExtents = 256;
inline constexpr std::size_t kExtentSize = 12;  // bytes in the frame
inline constexpr std::size_t kOldWindows = 2;   // all extents together, in windows

/// How a frame gives its window; the value is the byte in the record (FORMAT 4.4).
enum class FrameKind : std::uint8_t {
  kZero = 0,     // no bytes in the container
  kCopy = 1,     // one extent of the base image
  kZstd = 2,     // zstd with the previous window as prefix
  kZstdOld = 3,  // zstd with extents of the base image before that prefix
  kCopyAdd = 4,  // copies of base extents with differences, and new bytes
};

/// True for the kinds that read the base image.
[[nodiscard]] bool uses_base(FrameKind kind);

/// One window: what it must be, and where the frame that gives it lies in the container.
struct Record {
  Blake2bDigest plain;             // of the window
  Blake2bDigest frame;             // of the frame's bytes
  std::uint64_t frame_offset = 0;  // bytes from the start of the container
  std::uint32_t frame_length = 0;  // bytes
  FrameKind kind = FrameKind::kZero;
};

/// The list of an image's windows, named by its SHA-256 in the release manifest. An Index that
/// exists keeps every rule of FORMAT 4.2; nobody has to check offsets or lengths again.
class Index {
 public:
  /// What a builder knows about a payload; offsets and the container's size follow from the
  /// records.
  struct Parts {
    std::uint32_t window_log2 = kMaxWindowLog2;
    std::uint64_t image_size = 0;            // bytes, at least 1
    std::optional<Sha256Digest> base_image;  // absent: a full payload
    std::vector<Record> records;             // frame_offset is filled in by create()
  };

  /// Reads an index from untrusted bytes (FORMAT 4.2). The caller has checked the digest.
  /// @return kTooLarge above kMaxIndexSize, kMalformed naming the rule
  static Result<Index> parse(ByteView in);
  /// Lays the frames back to back. @return as parse()
  static Result<Index> create(Parts parts);

  [[nodiscard]] Bytes serialise() const;

  [[nodiscard]] std::uint64_t image_size() const { return image_size_; }
  [[nodiscard]] std::uint64_t container_size() const { return container_size_; }
  /// SHA-256 of the image that must be in the other slot; absent for a full payload.
  [[nodiscard]] const std::optional<Sha256Digest>& base_image() const { return base_image_; }
  [[nodiscard]] std::uint32_t window_log2() const { return window_log2_; }
  [[nodiscard]] std::size_t window_size() const { return std::size_t{1} << window_log2_; }
  [[nodiscard]] std::size_t count() const { return records_.size(); }
  [[nodiscard]] const Record& record(std::size_t window) const { return records_[window]; }
  /// Offset of a window in the image, bytes.
  [[nodiscard]] std::uint64_t offset_of(std::size_t window) const;
  /// Length of a window, bytes: window_size(), less for the last one.
  [[nodiscard]] std::size_t length_of(std::size_t window) const;

 private:
  Index() = default;
  [[nodiscard]] Status check_header(std::uint32_t count) const;
  [[nodiscard]] Status check_record(const Record& record, std::size_t window,
                                    std::uint64_t expected_offset) const;
  std::uint32_t window_log2_ = 0;
  std::uint64_t image_size_ = 0;
  std::uint64_t container_size_ = 0;
  std::optional<Sha256Digest> base_image_;
  std::vector<Record> records_;
};

}  // namespace pawl::payload
