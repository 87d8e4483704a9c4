#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "payload/build.hpp"
#include "payload/install.hpp"
#include "payload/stream.hpp"

namespace pawl::fakes {

class MemorySource final : public payload::Source {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  Status read_at(std::span<std::uint8_t> out, std::uint64_t offset) override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return fail(Errc::kIo, "read outside the source");
    }
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return Ok{};
  }
  [[nodiscard]] Bytes& bytes() { return bytes_; }

 private:
  Bytes bytes_;
};

class MemorySink final : public payload::Sink {
 public:
  Status append(ByteView bytes) override {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return Ok{};
  }
  [[nodiscard]] Bytes& bytes() { return bytes_; }

 private:
  Bytes bytes_;
};

/// A container in memory that remembers what was asked of it.
class MemoryFrames final : public payload::FrameSource {
 public:
  explicit MemoryFrames(Bytes bytes) : bytes_(std::move(bytes)) {}
  Status fetch(std::span<std::uint8_t> out, std::uint64_t offset) override {
    offsets_.push_back(offset);
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return fail(Errc::kTransport, "the container ends early");
    }
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return Ok{};
  }
  [[nodiscard]] Bytes& bytes() { return bytes_; }
  [[nodiscard]] const std::vector<std::uint64_t>& offsets() const { return offsets_; }

 private:
  Bytes bytes_;
  std::vector<std::uint64_t> offsets_;
};

/// Compressible bytes that depend on the seed alone: words from a small alphabet with noise.
inline Bytes sample_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes out;
  out.reserve(size + 64);
  std::vector<Bytes> words(64);
  for (auto& word : words) {
    word.resize(4 + random() % 28);
    for (auto& byte : word) byte = static_cast<std::uint8_t>(random());
  }
  while (out.size() < size) {
    const auto& word = words[random() % words.size()];
    out.insert(out.end(), word.begin(), word.end());
    if (random() % 8 == 0) out.push_back(static_cast<std::uint8_t>(random()));
  }
  out.resize(size);
  return out;
}

}  // namespace pawl::fakes
