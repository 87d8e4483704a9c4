#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "payload/bit_coder.hpp"

namespace pawl::payload {

/// An adaptive chance: 22 bits of chance and 10 bits of how often it was used (FORMAT 4.7.2). Fast
/// at first, then slower, down to a rate of 1/limit.
class Slot {
 public:
  [[nodiscard]] Chance chance() const;
  /// @param limit  1 to 1023; higher learns slower in the end
  void learn(bool bit, unsigned limit);

 private:
  std::uint32_t state_ = 0x80000000U;
};

/// Codes one bit with one slot.
bool code_bit(BitCoder& coder, bool bit, Slot& slot);

/// Logarithm of the odds of a chance in 1/256, -2047 to 2047, and back (FORMAT 4.7.3).
[[nodiscard]] int stretch(Chance chance);
[[nodiscard]] Chance squash(int odds);

/// Unsigned numbers of 0 to 2^63, Exp-Golomb with adaptive bits (FORMAT 4.7.4).
class NumberModel {
 public:
  std::uint64_t code(BitCoder& coder, std::uint64_t value);

 private:
  std::array<std::array<Slot, 64>, 1> length_{};
  std::array<std::array<Slot, 8>, 64> top_{};
};

/// Blends the chances of several contexts into one, with weights that learn (FORMAT 4.7.5).
class Mixer {
 public:
  static constexpr std::size_t kMaxInputs = 10;
  /// @param inputs  number of slots per bit, at most kMaxInputs
  /// @param sets    number of weight sets
  Mixer(std::size_t inputs, std::size_t sets);
  /// Codes one bit.
  /// @param slots  one per input
  /// @param set    which weights, below `sets`
  bool code(BitCoder& coder, bool bit, std::span<Slot* const> slots, std::size_t set);

 private:
  std::size_t inputs_;
  std::vector<std::int32_t> weights_;
};

/// A table of slots found by the hash of a context.
class SlotTable {
 public:
  explicit SlotTable(unsigned log2) : slots_(std::size_t{1} << log2), shift_(32 - log2) {}
  [[nodiscard]] Slot& at(std::uint32_t context) {
    return slots_[(context * 0x9e3779b1U) >> shift_];
  }

 private:
  std::vector<Slot> slots_;
  unsigned shift_;
};

}  // namespace pawl::payload
