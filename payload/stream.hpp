#pragma once
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/disk.hpp"
#include "base/result.hpp"

namespace pawl::payload {

/// Bytes of known length that can be read anywhere: an image, or the old slot (the base image).
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;  // bytes
  /// Fills all of `out` from `offset`. @return kIo when the source ends before that
  virtual Status read_at(std::span<std::uint8_t> out, std::uint64_t offset) = 0;
};

/// Bytes go out in order: a container being written.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status append(ByteView bytes) = 0;
};

/// The container on the device's side: a file, an HTTP range, a bundle.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  /// Fills all of `out` from `offset` of the container. Within one pass offsets only rise, so a
  /// network source may keep one ranged response open and skip small gaps.
  virtual Status fetch(std::span<std::uint8_t> out, std::uint64_t offset) = 0;
};

/// A file or block device as a Source. `file` outlives it.
class FileSource final : public Source {
 public:
  /// The first `size` bytes of `file`. @return kIo when the file is shorter
  static Result<FileSource> open(File& file, std::uint64_t size);
  /// The whole file.
  static Result<FileSource> open(File& file);
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  Status read_at(std::span<std::uint8_t> out, std::uint64_t offset) override;

 private:
  FileSource(File& file, std::uint64_t size) : file_(file), size_(size) {}
  File& file_;
  std::uint64_t size_;
};

/// A container lying in a file. `file` outlives it.
class FileFrames final : public FrameSource {
 public:
  explicit FileFrames(File& file) : file_(file) {}
  Status fetch(std::span<std::uint8_t> out, std::uint64_t offset) override;

 private:
  File& file_;
};

/// Appends to a file from offset 0 on. `file` outlives it.
class FileSink final : public Sink {
 public:
  explicit FileSink(File& file) : file_(file) {}
  Status append(ByteView bytes) override;

 private:
  File& file_;
  std::uint64_t offset_ = 0;
};

}  // namespace pawl::payload
