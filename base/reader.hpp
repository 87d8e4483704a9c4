#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace pawl {

/// Cursor over untrusted bytes. Every read checks; none copies; none throws.
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  [[nodiscard]] bool empty() const { return in_.empty(); }
  [[nodiscard]] std::size_t left() const { return in_.size(); }
  Result<ByteView> take(std::size_t n) {
    if (n > in_.size()) return fail(Errc::kMalformed, "input ends early");
    const auto out = in_.first(n);
    in_ = in_.subspan(n);
    return out;
  }
  Result<std::uint8_t> u8() {
    PAWL_TRY(const auto b, take(1));
    return b[0];
  }
  Result<std::uint16_t> u16_le() { return little<std::uint16_t>(); }
  Result<std::uint32_t> u32_le() { return little<std::uint32_t>(); }
  Result<std::uint64_t> u64_le() { return little<std::uint64_t>(); }
  Result<std::uint16_t> u16_be() { return big<std::uint16_t>(); }
  Result<std::uint32_t> u32_be() { return big<std::uint32_t>(); }
  Result<std::uint64_t> u64_be() { return big<std::uint64_t>(); }
  template <class Tag, std::size_t N>
  Status into(FixedBytes<Tag, N>& out) {
    PAWL_TRY(const auto b, take(N));
    std::copy(b.begin(), b.end(), out.bytes.begin());
    return Ok{};
  }

 private:
  template <class T>
  Result<T> little() {
    PAWL_TRY(const auto b, take(sizeof(T)));
    std::uint64_t v = 0;
    for (std::size_t i = sizeof(T); i > 0; --i) v = (v << 8U) | b[i - 1];
    return static_cast<T>(v);
  }
  template <class T>
  Result<T> big() {
    PAWL_TRY(const auto b, take(sizeof(T)));
    std::uint64_t v = 0;
    for (const auto x : b) v = (v << 8U) | x;
    return static_cast<T>(v);
  }
  ByteView in_;
};

/// Appends fixed-width integers and bytes; the mirror of Reader.
class Writer {
 public:
  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16_le(std::uint16_t v) { little(v, 2); }
  void u32_le(std::uint32_t v) { little(v, 4); }
  void u64_le(std::uint64_t v) { little(v, 8); }
  void u16_be(std::uint16_t v) { big(v, 2); }
  void u32_be(std::uint32_t v) { big(v, 4); }
  void u64_be(std::uint64_t v) { big(v, 8); }
  void bytes(ByteView b) { out_.insert(out_.end(), b.begin(), b.end()); }
  [[nodiscard]] const Bytes& view() const { return out_; }
  [[nodiscard]] Bytes take() && { return std::move(out_); }

 private:
  void little(std::uint64_t v, unsigned width) {
    for (unsigned i = 0; i < width; ++i) out_.push_back(static_cast<std::uint8_t>(v >> (8U * i)));
  }
  void big(std::uint64_t v, unsigned width) {
    for (unsigned i = width; i > 0; --i) {
      out_.push_back(static_cast<std::uint8_t>(v >> (8U * (i - 1))));
    }
  }
  Bytes out_;
};

}  // namespace pawl
