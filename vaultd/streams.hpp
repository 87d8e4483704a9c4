#pragma once
#include <istream>
#include <ostream>
#include <string>

#include "base/disk.hpp"
#include "base/secret.hpp"

/// Where values come from and go to: streams of any length, in pieces of kPiece bytes.
namespace pawl::vaultd {

inline constexpr std::size_t kPiece = std::size_t{64} * 1024;

class Source {
 public:
  virtual ~Source() = default;
  /// Fills `out` as far as there is more. @return bytes; fewer than asked only at the end
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
  /// Bytes in all, 0 when unknown; for the progress.
  [[nodiscard]] virtual std::uint64_t total() const { return 0; }
};

/// A file, read to its end.
class FileSource final : public Source {
 public:
  static Result<FileSource> open(Disk& disk, const std::string& path);
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  [[nodiscard]] std::uint64_t total() const override { return total_; }

 private:
  FileSource(std::unique_ptr<File> file, std::uint64_t total)
      : file_(std::move(file)), total_(total) {}
  std::unique_ptr<File> file_;
  std::uint64_t total_;
  std::uint64_t offset_ = 0;
};

/// Standard input.
class StreamSource final : public Source {
 public:
  explicit StreamSource(std::istream& in) : in_(in) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  std::istream& in_;
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status write(ByteView bytes) = 0;
  /// Everything has arrived.
  virtual Status finish() = 0;
};

/// A file of mode 0600 that appears under its name whole, or not at all.
class FileSink final : public Sink {
 public:
  static Result<FileSink> create(Disk& disk, const std::string& path);
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  FileSink(FileSink&&) = default;
  FileSink& operator=(FileSink&&) = delete;
  ~FileSink() override;  // what is not finished goes
  Status write(ByteView bytes) override;
  Status finish() override;

 private:
  FileSink(Disk& disk, std::string path, std::unique_ptr<File> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
  Disk& disk_;
  std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t offset_ = 0;
};

/// What a terminal gets: it must not be driven by control characters of a value.
enum class Binary : std::uint8_t { kAllowed, kRefused };

/// Standard output.
class StreamSink final : public Sink {
 public:
  StreamSink(std::ostream& out, Binary binary) : out_(out), binary_(binary) {}
  /// @return kUsage for bytes that are no text, where these are refused; nothing is written then
  Status write(ByteView bytes) override;
  Status finish() override;

 private:
  std::ostream& out_;
  Binary binary_;
};

/// Text a terminal can show: ASCII without control characters, but tab and line ends.
[[nodiscard]] bool is_text(ByteView bytes);

}  // namespace pawl::vaultd
