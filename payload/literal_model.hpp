#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "payload/bit_model.hpp"

namespace pawl::payload {

/// Codes bytes that no copy gives, from the bytes before them (FORMAT 4.7.10).
class LiteralModel {
 public:
  LiteralModel();
  void reset();
  /// Codes the byte at `at`; everything before it in `history` is known to both sides.
  std::uint8_t code(BitCoder& coder, ByteView history, std::size_t at);

 private:
  void find_match(ByteView history, std::size_t at);
  void index_up_to(ByteView history, std::size_t at);
  static constexpr std::size_t kOrders = 5;
  static constexpr std::size_t kInputs = kOrders + 2;
  std::vector<SlotTable> tables_;
  std::array<Slot, 256> order0_{};
  std::array<Slot, 64> match_slots_{};
  Mixer mixer_;
  std::vector<std::uint32_t> heads_;  // by hash of kMatchLeast bytes: offset after them
  std::size_t indexed_ = 0;
  std::size_t match_ = 0;         // offset of the byte expected next; 0: none
  std::size_t match_length_ = 0;  // bytes that agreed so far
};

}  // namespace pawl::payload
