#include "vaultd/streams.hpp"

#include <algorithm>

namespace pawl::vaultd {

Result<FileSource> FileSource::open(Disk& disk, const std::string& path) {
  PAWL_TRY(auto file, disk.open(path, OpenMode::kRead));
  PAWL_TRY(const auto size, file->size());
  return FileSource(std::move(file), size);
}

Result<std::size_t> FileSource::read(std::span<std::uint8_t> out) {
  PAWL_TRY(const auto n, file_->read_at(out, offset_));
  offset_ += n;
  return n;
}

Result<std::size_t> StreamSource::read(std::span<std::uint8_t> out) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): a stream knows only char
  in_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  if (in_.bad()) return fail(Errc::kIo, "standard input cannot be read");
  return static_cast<std::size_t>(in_.gcount());
}

Result<FileSink> FileSink::create(Disk& disk, const std::string& path) {
  PAWL_TRY(auto file, disk.open(path + ".tmp", OpenMode::kCreate));
  return FileSink(disk, path, std::move(file));
}

Status FileSink::write(ByteView bytes) {
  PAWL_CHECK(file_->write_at(bytes, offset_));
  offset_ += bytes.size();
  return Ok{};
}

FileSink::~FileSink() {
  if (file_) (void)static_cast<bool>(disk_.remove(path_ + ".tmp"));
}

Status FileSink::finish() {
  PAWL_CHECK(file_->sync());
  PAWL_CHECK(disk_.rename(path_ + ".tmp", path_));
  file_.reset();
  return disk_.sync_directory(parent_of(path_));
}

bool is_text(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t c) {
    return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r';
  });
}

Status StreamSink::write(ByteView bytes) {
  if (binary_ == Binary::kRefused && !is_text(bytes)) {
    return fail(Errc::kUsage, "the value is not text and standard output is a terminal")
        .with_hint("send it to a file with --output, or insist with --force");
  }
  const auto text = as_text(bytes);
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out_) return fail(Errc::kIo, "standard output cannot be written");
  return Ok{};
}

Status StreamSink::finish() {
  out_.flush();
  if (!out_) return fail(Errc::kIo, "standard output cannot be written");
  return Ok{};
}

}  // namespace pawl::vaultd
