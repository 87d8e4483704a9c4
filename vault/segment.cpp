#include "vault/segment.hpp"

#include <algorithm>

namespace pawl::vault {
namespace {

std::uint64_t chunk_count(std::uint64_t size, std::size_t chunk_size) {
  return size == 0 ? 1 : (size - 1) / chunk_size + 1;
}

}  // namespace

Nonce chunk_nonce(std::uint64_t chunk, ChunkEnd end) {
  Nonce nonce;
  for (std::size_t i = 0; i < 8; ++i) nonce.bytes[i] = static_cast<std::uint8_t>(chunk >> (8 * i));
  nonce.bytes[8] = static_cast<std::uint8_t>(end);
  return nonce;
}

Result<SegmentWriter> SegmentWriter::create(Disk& disk, const std::string& path,
                                            const EntryHeader& header, SecretBytes key) {
  const auto chunk_size = std::size_t{1} << header.chunk_log2;
  PAWL_TRY(auto buffer, SecretBytes::allocate(chunk_size));
  PAWL_TRY(auto file, disk.open(path, OpenMode::kCreate));
  auto head = header.serialise();
  PAWL_CHECK(file->write_at(head, 0));
  return SegmentWriter(std::move(file), std::move(head), chunk_size, std::move(key),
                       std::move(buffer));
}

Status SegmentWriter::write(ByteView plain) {
  while (!plain.empty()) {
    if (filled_ == chunk_size_) PAWL_CHECK(flush(ChunkEnd::kMore));  // more follows: not the last
    const auto n = std::min(plain.size(), chunk_size_ - filled_);
    std::copy_n(plain.begin(), n,
                buffer_.mutable_span().begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += n;
    total_ += n;
    plain = plain.subspan(n);
  }
  return Ok{};
}

Status SegmentWriter::flush(ChunkEnd end) {
  const auto sealed = seal(key_, chunk_nonce(chunk_, end), buffer_.span().first(filled_), header_);
  PAWL_CHECK(file_->write_at(sealed, header_.size() + chunk_ * (chunk_size_ + kTagSize)));
  ++chunk_;
  filled_ = 0;
  return Ok{};
}

Result<std::uint64_t> SegmentWriter::finish() {
  PAWL_CHECK(flush(ChunkEnd::kLast));
  PAWL_CHECK(file_->sync());
  return total_;
}

Result<SegmentReader> SegmentReader::open(Disk& disk, const std::string& path,
                                          const EntryHeader& expected, std::uint64_t size,
                                          SecretBytes key) {
  const auto chunk_size = std::size_t{1} << expected.chunk_log2;
  PAWL_TRY(auto file, disk.open(path, OpenMode::kRead));
  auto head = expected.serialise();
  Bytes found(head.size());
  PAWL_TRY(const auto n, file->read_at(found, 0));
  if (n != head.size() || found != head) {
    return fail(Errc::kVault, path + " is not the data file of entry " + printable(expected.name));
  }
  const auto chunks = chunk_count(size, chunk_size);
  PAWL_TRY(const auto length, file->size());
  const auto wanted = head.size() + size + chunks * kTagSize;
  if (length != wanted) {
    return fail(Errc::kVault, path + " has " + std::to_string(length) + " bytes, entry " +
                                  printable(expected.name) + " needs " + std::to_string(wanted));
  }
  PAWL_TRY(auto plain, SecretBytes::allocate(chunk_size));
  return SegmentReader(std::move(file), std::move(head), chunk_size, size, std::move(key),
                       std::move(plain));
}

std::size_t SegmentReader::plain_size(std::uint64_t chunk) const {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(chunk_size_, size_ - chunk * chunk_size_));
}

Status SegmentReader::load(std::uint64_t chunk) {
  if (loaded_ == chunk) return Ok{};
  loaded_ = kNone;
  Bytes sealed(plain_size(chunk) + kTagSize);
  PAWL_TRY(const auto n, file_->read_at(sealed, header_.size() + chunk * (chunk_size_ + kTagSize)));
  sealed.resize(n);
  const bool last = chunk + 1 == chunk_count(size_, chunk_size_);
  const auto nonce = chunk_nonce(chunk, last ? ChunkEnd::kLast : ChunkEnd::kMore);
  const auto plain = plain_.mutable_span().first(plain_size(chunk));
  if (auto opened = open_into(plain, key_, nonce, sealed, header_); !opened) {
    auto error = std::move(opened).error();
    error.prefix("chunk " + std::to_string(chunk));
    return error;
  }
  loaded_ = chunk;
  return Ok{};
}

Status SegmentReader::read_at(std::span<std::uint8_t> out, std::uint64_t offset) {
  if (offset > size_ || out.size() > size_ - offset) {
    return fail(Errc::kUsage, "read of " + std::to_string(out.size()) + " bytes at " +
                                  std::to_string(offset) + " passes the end at " +
                                  std::to_string(size_));
  }
  if (size_ == 0) return load(0);  // an empty entry still has a chunk that must verify
  while (!out.empty()) {
    const auto chunk = offset / chunk_size_;
    PAWL_CHECK(load(chunk));
    const auto within = static_cast<std::size_t>(offset % chunk_size_);
    const auto n = std::min(out.size(), plain_size(chunk) - within);
    std::copy_n(plain_.span().begin() + static_cast<std::ptrdiff_t>(within), n, out.begin());
    out = out.subspan(n);
    offset += n;
  }
  return Ok{};
}

}  // namespace pawl::vault
