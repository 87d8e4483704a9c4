#include "payload/bit_model.hpp"

#include <algorithm>
#include <bit>

namespace pawl::payload {
namespace {

constexpr std::uint32_t kCountMask = 0x3ffU;
constexpr unsigned kNumberLimit = 60;
constexpr unsigned kMixedLimit = 255;
constexpr std::int32_t kWeightOne = 65536;
constexpr std::int64_t kMostWeight = std::int64_t{1} << 24;

// 65536 / (1 + e^-x) for x = -8 to 8 in steps of 1/2.
constexpr std::array<std::int32_t, 33> kLogistic{
    22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
    4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
    62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};

constexpr Chance squash_at(int odds) {
  const int at = std::clamp(odds, -2047, 2047) + 2048;
  const auto i = static_cast<std::size_t>(at / 128);
  const int part = at % 128;
  return static_cast<Chance>((kLogistic[i] * (128 - part) + kLogistic[i + 1] * part + 64) / 128);
}

// The inverse of squash, for chances in steps of 16/65536.
constexpr std::array<std::int16_t, 4096> make_stretch() {
  std::array<std::int16_t, 4096> table{};
  std::size_t at = 0;
  for (int odds = -2047; odds <= 2047; ++odds) {
    const std::size_t end = squash_at(odds) / 16;
    for (; at <= end && at < table.size(); ++at) table[at] = static_cast<std::int16_t>(odds);
  }
  for (; at < table.size(); ++at) table[at] = 2047;
  return table;
}

constexpr auto kStretch = make_stretch();

// How far a slot moves after its nth use: 1 / (n + 1.5) in 1/65536.
constexpr std::array<std::uint32_t, 1024> make_rates() {
  std::array<std::uint32_t, 1024> table{};
  for (std::uint32_t n = 0; n < table.size(); ++n) table[n] = 131072 / (2 * n + 3);
  return table;
}

constexpr auto kRates = make_rates();

}  // namespace

Chance Slot::chance() const {
  return std::clamp<Chance>(state_ >> 16U, 16, 65535 - 16);
}

void Slot::learn(bool bit, unsigned limit) {
  const std::uint32_t count = state_ & kCountMask;
  const auto chance = static_cast<std::int64_t>(state_ >> 10U);
  const std::int64_t target = bit ? (1 << 22) - 1 : 0;
  const auto moved = chance + (((target - chance) * kRates[count]) >> 16);
  const std::uint32_t next = count < limit ? count + 1 : count;
  state_ = static_cast<std::uint32_t>(moved) << 10U | next;
}

bool code_bit(BitCoder& coder, bool bit, Slot& slot) {
  bit = coder.code(bit, slot.chance());
  slot.learn(bit, kNumberLimit);
  return bit;
}

int stretch(Chance chance) {
  return kStretch[chance / 16];
}

Chance squash(int odds) {
  return squash_at(odds);
}

std::uint64_t NumberModel::code(BitCoder& coder, std::uint64_t value) {
  // value + 1 has `length` bits after its first; they follow, the first three with their own slots.
  const auto wanted = static_cast<unsigned>(std::bit_width(value + 1)) - 1;
  unsigned length = 0;
  while (length < 63 && code_bit(coder, length < wanted, length_[0][length])) ++length;
  std::uint64_t coded = 1;
  for (unsigned i = 0; i < length; ++i) {
    const bool bit = (((value + 1) >> (length - 1 - i)) & 1U) != 0;
    const bool got =
        i < 3 ? code_bit(coder, bit, top_[length][coded & 7U]) : coder.code(bit, 32768);
    coded = coded << 1U | static_cast<std::uint64_t>(got);
  }
  return coded - 1;
}

Mixer::Mixer(std::size_t inputs, std::size_t sets)
    : inputs_(inputs),
      weights_(inputs * sets,
               static_cast<std::int32_t>(std::size_t{kWeightOne} * 10 / (4 * inputs + 8))) {}

bool Mixer::code(BitCoder& coder, bool bit, std::span<Slot* const> slots, std::size_t set) {
  std::array<int, kMaxInputs> inputs{};
  auto* const weights = &weights_[set * inputs_];
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < inputs_; ++i) {
    inputs[i] = stretch(slots[i]->chance());
    sum += std::int64_t{weights[i]} * inputs[i];
  }
  const auto odds = static_cast<int>(std::clamp<std::int64_t>(sum / kWeightOne, -2047, 2047));
  const Chance one = squash(odds);
  bit = coder.code(bit, one);
  const int error = (bit ? 65535 : 0) - static_cast<int>(one);
  for (std::size_t i = 0; i < inputs_; ++i) {
    const auto step = (std::int64_t{inputs[i]} * error + (1 << 13)) >> 14;
    weights[i] = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(weights[i] + step, -kMostWeight, kMostWeight));
    slots[i]->learn(bit, kMixedLimit);
  }
  return bit;
}

}  // namespace pawl::payload
