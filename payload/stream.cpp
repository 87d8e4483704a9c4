#include "payload/stream.hpp"

#include <string>

namespace pawl::payload {
namespace {

Status read_exactly(File& file, std::span<std::uint8_t> out, std::uint64_t offset) {
  PAWL_TRY(const auto got, file.read_at(out, offset));
  if (got != out.size()) {
    return fail(Errc::kIo, "file ends at " + std::to_string(offset + got) + ", needed up to " +
                               std::to_string(offset + out.size()));
  }
  return Ok{};
}

}  // namespace

Result<FileSource> FileSource::open(File& file, std::uint64_t size) {
  PAWL_TRY(const auto actual, file.size());
  if (actual < size) {
    return fail(Errc::kIo, "file has " + std::to_string(actual) + " bytes, expected at least " +
                               std::to_string(size));
  }
  return FileSource(file, size);
}

Result<FileSource> FileSource::open(File& file) {
  PAWL_TRY(const auto size, file.size());
  return FileSource(file, size);
}

Status FileSource::read_at(std::span<std::uint8_t> out, std::uint64_t offset) {
  if (offset > size_ || out.size() > size_ - offset) {
    return fail(Errc::kIo, "read of " + std::to_string(out.size()) + " bytes at " +
                               std::to_string(offset) + " is outside a source of " +
                               std::to_string(size_) + " bytes");
  }
  return read_exactly(file_, out, offset);
}

Status FileFrames::fetch(std::span<std::uint8_t> out, std::uint64_t offset) {
  return read_exactly(file_, out, offset);
}

Status FileSink::append(ByteView bytes) {
  PAWL_CHECK(file_.write_at(bytes, offset_));
  offset_ += bytes.size();
  return Ok{};
}

}  // namespace pawl::payload
