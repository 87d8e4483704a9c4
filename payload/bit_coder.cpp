#include "payload/bit_coder.hpp"

#include <utility>

namespace pawl::payload {
namespace {

constexpr std::uint32_t kTopByte = 0xff000000U;
constexpr std::size_t kStateBytes = 4;

/// Where the interval of a 1 ends; low <= split < high.
std::uint32_t split(std::uint32_t low, std::uint32_t high, Chance one) {
  return low + static_cast<std::uint32_t>((std::uint64_t{high - low} * one) >> 16U);
}

}  // namespace

bool BitEncoder::code(bool bit, Chance one) {
  const auto middle = split(low_, high_, one);
  if (bit) {
    high_ = middle;
  } else {
    low_ = middle + 1;
  }
  while (((low_ ^ high_) & kTopByte) == 0) {
    out_.push_back(static_cast<std::uint8_t>(high_ >> 24U));
    low_ <<= 8U;
    high_ = (high_ << 8U) | 0xffU;
  }
  return bit;
}

Bytes BitEncoder::finish() {
  // The shortest bytes that, followed by zeros, lie in [low, high]; the decoder makes up the zeros.
  if (low_ != 0) out_.push_back(static_cast<std::uint8_t>((low_ >> 24U) + 1));
  return std::move(out_);
}

BitDecoder::BitDecoder(Bytes in) : in_(std::move(in)) {
  for (std::size_t i = 0; i < kStateBytes; ++i) code_ = (code_ << 8U) | next();
}

bool BitDecoder::code(bool /*bit*/, Chance one) {
  const auto middle = split(low_, high_, one);
  const bool bit = code_ <= middle;
  if (bit) {
    high_ = middle;
  } else {
    low_ = middle + 1;
  }
  while (((low_ ^ high_) & kTopByte) == 0) {
    low_ <<= 8U;
    high_ = (high_ << 8U) | 0xffU;
    code_ = (code_ << 8U) | next();
  }
  return bit;
}

bool BitDecoder::ended() const {
  // The encoder's last byte is left out when it would be zero.
  return at_ == in_.size() + kStateBytes || at_ + 1 == in_.size() + kStateBytes;
}

std::uint8_t BitDecoder::next() {
  const auto at = at_++;
  return at < in_.size() ? in_[at] : std::uint8_t{0};
}

}  // namespace pawl::payload
