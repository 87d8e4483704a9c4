#pragma once
#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "payload/bit_model.hpp"

namespace pawl::payload {

/// The pair of byte strings a copy runs over: the old extent and the new window.
struct Lanes {
  ByteView old;    // the extent
  ByteView fresh;  // the new bytes from the extent's start on; known up to the current one
  std::uint64_t new_at = 0;  // image offset of fresh[0]: tables are aligned in the new image
};

/// Codes new bytes by how they differ from the old ones below them (FORMAT 4.7.9). Tables of
/// numbers shift together: the change of the number one row before, for rows of 4, 8, 12, 16 and 24
/// bytes, foretells the change of this one.
class DifferenceModel {
 public:
  DifferenceModel();
  void reset();
  /// Codes the byte at `at` of the lanes.
  std::uint8_t code(BitCoder& coder, const Lanes& lanes, std::size_t at);

 private:
  static constexpr std::size_t kRows = 5;
  static constexpr std::size_t kZeroInputs = 6;
  static constexpr std::size_t kInputs = 9;
  void expect(const Lanes& lanes, std::size_t at);
  bool code_zero(BitCoder& coder, bool zero, std::uint32_t old_byte);
  std::uint32_t code_value(BitCoder& coder, std::uint32_t actual, std::uint32_t old_byte,
                           std::uint32_t before);
  void score(std::uint32_t difference);
  std::vector<SlotTable> zero_tables_;
  std::vector<SlotTable> tables_;
  Mixer zero_mixer_;
  Mixer mixer_;
  std::array<std::uint32_t, kRows> expected_{};  // difference foretold by each row
  std::array<std::uint32_t, kRows> score_{};     // last 8 outcomes of each row, newest lowest
  std::uint32_t past_ = 0;                       // last 4 differences, newest lowest
  std::uint32_t zeros_ = 0;                      // last 32 zero flags, newest lowest
  std::uint32_t column_ = 0;                     // image offset of the byte
};

}  // namespace pawl::payload
