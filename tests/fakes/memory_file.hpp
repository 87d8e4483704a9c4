#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/disk.hpp"

namespace pawl::fakes {

/// A file of fixed or growing size in memory that remembers where it was written.
class MemoryFile final : public File {
 public:
  struct Write {
    std::uint64_t offset = 0;
    Bytes bytes;
  };

  explicit MemoryFile(Bytes content) : content_(std::move(content)) {}

  Result<std::size_t> read_at(std::span<std::uint8_t> out, std::uint64_t offset) override {
    ++reads_;
    if (broken_at_ && offset <= *broken_at_ && *broken_at_ < offset + out.size()) {
      return fail(Errc::kIo, "bad block");
    }
    if (offset >= content_.size()) return std::size_t{0};
    const auto n = std::min<std::size_t>(out.size(), content_.size() - offset);
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
    return n;
  }
  Status write_at(ByteView bytes, std::uint64_t offset) override {
    if (writes_left_ == 0) return fail(Errc::kIo, "power cut");
    --writes_left_;
    if (offset + bytes.size() > content_.size()) content_.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
    writes_.push_back({offset, Bytes(bytes.begin(), bytes.end())});
    return Ok{};
  }
  Status sync() override { return Ok{}; }
  Status drop_cache() override { return Ok{}; }
  Result<std::uint64_t> size() override { return std::uint64_t{content_.size()}; }

  [[nodiscard]] Bytes& content() { return content_; }
  [[nodiscard]] const std::vector<Write>& writes() const { return writes_; }
  [[nodiscard]] std::size_t reads() const { return reads_; }
  void fail_after(std::size_t writes) { writes_left_ = writes; }
  void break_at(std::uint64_t offset) { broken_at_ = offset; }

 private:
  Bytes content_;
  std::vector<Write> writes_;
  std::size_t reads_ = 0;
  std::size_t writes_left_ = SIZE_MAX;
  std::optional<std::uint64_t> broken_at_;
};

}  // namespace pawl::fakes
