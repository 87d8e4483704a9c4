#include "payload/difference_model.hpp"

namespace pawl::payload {
namespace {

constexpr unsigned kZeroLog2 = 13;
constexpr unsigned kTableLog2 = 16;
constexpr std::array<std::size_t, 5> kRowSizes{4, 8, 12, 16, 24};

std::uint32_t word_at(ByteView bytes, std::size_t at) {
  return bytes[at] | static_cast<std::uint32_t>(bytes[at + 1]) << 8U |
         static_cast<std::uint32_t>(bytes[at + 2]) << 16U |
         static_cast<std::uint32_t>(bytes[at + 3]) << 24U;
}

std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
  const auto hash = (a + 0x7f4a7c15U) * 0x85ebca6bU + b * 0xc2b2ae35U;
  return hash ^ hash >> 13U;
}

}  // namespace

DifferenceModel::DifferenceModel() : zero_mixer_(kZeroInputs, 16), mixer_(kInputs, 2 * 256) {
  reset();
}

void DifferenceModel::reset() {
  zero_tables_.assign(kZeroInputs, SlotTable(kZeroLog2));
  tables_.assign(kInputs, SlotTable(kTableLog2));
  zero_mixer_ = Mixer(kZeroInputs, 16);
  mixer_ = Mixer(kInputs, 2 * 256);
  expected_.fill(0);
  score_.fill(0);
  past_ = 0;
  zeros_ = 0;
}

void DifferenceModel::expect(const Lanes& lanes, std::size_t at) {
  column_ = static_cast<std::uint32_t>(lanes.new_at + at);
  const std::size_t in_word = column_ & 3U;
  expected_.fill(0);
  if (at < in_word || at - in_word + 4 > lanes.old.size()) return;
  const auto start = at - in_word;
  const auto old_word = word_at(lanes.old, start);
  for (std::size_t row = 0; row < kRows; ++row) {
    if (start < kRowSizes[row]) continue;
    const auto above = start - kRowSizes[row];
    const auto moved = word_at(lanes.fresh, above) - word_at(lanes.old, above);
    const auto byte = ((old_word + moved) >> (8 * in_word)) & 0xffU;
    expected_[row] = (byte - lanes.old[at]) & 0xffU;
  }
}

bool DifferenceModel::code_zero(BitCoder& coder, bool zero, std::uint32_t old_byte) {
  std::uint32_t still = 0;  // which rows foretell no difference
  for (std::size_t row = 0; row < kRows; ++row) {
    still = still << 1U | static_cast<std::uint32_t>(expected_[row] == 0);
  }
  const auto column = column_ & 7U;
  const std::array<std::uint32_t, kZeroInputs> contexts{
      mix(zeros_ & 0xffU, column),
      mix(still << 8U | (zeros_ & 7U), column),
      mix(expected_[4] << 16U | score_[4] << 8U | (zeros_ & 3U), 1),
      mix(expected_[1] << 16U | score_[1] << 8U | (zeros_ & 3U), 2),
      mix(old_byte << 8U | (past_ & 0xffU), 3),
      mix(expected_[0] << 16U | score_[0] << 8U | (zeros_ & 3U), column + 8),
  };
  std::array<Slot*, kZeroInputs> slots{};
  for (std::size_t i = 0; i < kZeroInputs; ++i) slots[i] = &zero_tables_[i].at(contexts[i]);
  return zero_mixer_.code(coder, zero, slots, zeros_ & 15U);
}

std::uint32_t DifferenceModel::code_value(BitCoder& coder, std::uint32_t actual,
                                          std::uint32_t old_byte, std::uint32_t before) {
  std::array<std::uint32_t, kInputs> contexts{};
  for (std::size_t row = 0; row < kRows; ++row) {
    contexts[row] = mix(expected_[row] << 8U | (score_[row] & 7U), static_cast<std::uint32_t>(row));
  }
  contexts[5] = mix(past_ & 0xffffU, 5);
  contexts[6] = mix(old_byte << 8U | before, 6);
  contexts[7] = mix(past_ & 0xffU, 7 + (column_ & 7U));
  contexts[8] = mix(old_byte, 20);
  std::uint32_t node = 1;
  for (unsigned bit = 8; bit-- > 0;) {
    std::array<Slot*, kInputs> slots{};
    for (std::size_t i = 0; i < kInputs; ++i) {
      slots[i] = &tables_[i].at(contexts[i] + node * 0x3d4d51cbU);
    }
    const bool got = mixer_.code(coder, ((actual >> bit) & 1U) != 0, slots, node);
    node = node << 1U | static_cast<std::uint32_t>(got);
  }
  return node & 0xffU;
}

void DifferenceModel::score(std::uint32_t difference) {
  for (std::size_t row = 0; row < kRows; ++row) {
    score_[row] =
        (score_[row] << 1U | static_cast<std::uint32_t>(expected_[row] == difference)) & 0xffU;
  }
  past_ = past_ << 8U | difference;
  zeros_ = zeros_ << 1U | static_cast<std::uint32_t>(difference == 0);
}

std::uint8_t DifferenceModel::code(BitCoder& coder, const Lanes& lanes, std::size_t at) {
  expect(lanes, at);
  const std::uint32_t old_byte = lanes.old[at];
  const std::uint32_t actual = (lanes.fresh[at] - old_byte) & 0xffU;
  std::uint32_t difference = 0;
  if (!code_zero(coder, actual == 0, old_byte)) {
    const std::uint32_t before = at > 0 ? lanes.fresh[at - 1] : 0U;
    difference = code_value(coder, actual, old_byte, before);
  }
  score(difference);
  return static_cast<std::uint8_t>(old_byte + difference);
}

}  // namespace pawl::payload
