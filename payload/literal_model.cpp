#include "payload/literal_model.hpp"

#include <algorithm>
#include <bit>

namespace pawl::payload {
namespace {

constexpr std::size_t kMatchLeast = 6;
constexpr std::size_t kMatchReach = 8;  // bytes read to hash the last kMatchLeast
constexpr std::size_t kMatchMost = 400;
constexpr unsigned kHeadsLog2 = 16;
constexpr unsigned kTableLog2 = 16;
constexpr std::size_t kMixerSets = 16;

std::uint32_t byte_before(ByteView history, std::size_t at, std::size_t distance) {
  return at >= distance ? history[at - distance] : 0U;
}

std::uint32_t hash_before(ByteView history, std::size_t at, std::size_t count) {
  std::uint32_t hash = static_cast<std::uint32_t>(count);
  for (std::size_t i = 1; i <= count; ++i) {
    hash = (hash + byte_before(history, at, i) + 1) * 0x2c1b3c6dU;
    hash ^= hash >> 15U;
  }
  return hash;
}

/// Hash of the last kMatchLeast bytes.
std::size_t head_of(ByteView history, std::size_t at) {
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < kMatchReach; ++i) {
    last |= std::uint64_t{history[at - kMatchReach + i]} << (8 * i);
  }
  last >>= 8 * (kMatchReach - kMatchLeast);
  return (last * 0x9e3779b97f4a7c15U) >> (64 - kHeadsLog2);
}

std::size_t match_class(std::size_t length) {
  if (length == 0) return 0;
  return std::min<std::size_t>(15, length < 16 ? 1 + length / 2 : 6 + std::bit_width(length));
}

}  // namespace

LiteralModel::LiteralModel() : mixer_(kInputs, kMixerSets) {
  reset();
}

void LiteralModel::reset() {
  tables_.assign(kOrders, SlotTable(kTableLog2));
  order0_.fill(Slot{});
  match_slots_.fill(Slot{});
  mixer_ = Mixer(kInputs, kMixerSets);
  heads_.assign(std::size_t{1} << kHeadsLog2, 0);
  indexed_ = kMatchReach;
  match_ = 0;
  match_length_ = 0;
}

void LiteralModel::index_up_to(ByteView history, std::size_t at) {
  for (; indexed_ < at; ++indexed_) {
    heads_[head_of(history, indexed_)] = static_cast<std::uint32_t>(indexed_);
  }
}

void LiteralModel::find_match(ByteView history, std::size_t at) {
  index_up_to(history, at);
  if (match_length_ > 0) return;
  match_ = 0;
  if (at < kMatchReach) return;
  const auto found = heads_[head_of(history, at)];
  if (found == 0) return;
  std::size_t length = 0;
  while (length < found && length < 32 && history[found - 1 - length] == history[at - 1 - length]) {
    ++length;
  }
  if (length < kMatchLeast) return;
  match_ = found;
  match_length_ = length;
}

std::uint8_t LiteralModel::code(BitCoder& coder, ByteView history, std::size_t at) {
  find_match(history, at);
  const std::uint32_t expected = match_length_ > 0 ? history[match_] : 0U;
  const auto length_class = match_class(match_length_);
  std::array<std::uint32_t, kOrders> hashes{};
  constexpr std::array<std::size_t, kOrders> kLengths{1, 2, 3, 4, 6};
  for (std::size_t i = 0; i < kOrders; ++i) hashes[i] = hash_before(history, at, kLengths[i]);
  const std::uint32_t actual = history[at];
  std::uint32_t node = 1;
  bool agrees = match_length_ > 0;
  for (unsigned bit = 8; bit-- > 0;) {
    std::array<Slot*, kInputs> slots{};
    for (std::size_t i = 0; i < kOrders; ++i)
      slots[i] = &tables_[i].at(hashes[i] + node * 0x3d4d51cbU);
    slots[kOrders] = &order0_[node];
    const auto expected_bit = (expected >> bit) & 1U;
    slots[kOrders + 1] = &match_slots_[agrees ? length_class * 2 + expected_bit : 0];
    const bool got =
        mixer_.code(coder, ((actual >> bit) & 1U) != 0, slots, agrees ? length_class : 0);
    if (static_cast<std::uint32_t>(got) != expected_bit) agrees = false;
    node = node << 1U | static_cast<std::uint32_t>(got);
  }
  const auto byte = static_cast<std::uint8_t>(node);
  if (agrees) {
    ++match_;
    match_length_ = std::min(match_length_ + 1, kMatchMost);
  } else {
    match_length_ = 0;
  }
  return byte;
}

}  // namespace pawl::payload
