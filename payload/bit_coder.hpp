#pragma once
#include <cstdint>

#include "base/bytes.hpp"

namespace pawl::payload {

/// A probability that the next bit is 1, in 1/65536; 1 to 65535.
using Chance = std::uint32_t;

/// Codes one bit after the other, each with its own chance (FORMAT 4.7.1). Encoder and decoder
/// share this face, so that a model is written once and drives both.
class BitCoder {
 public:
  virtual ~BitCoder() = default;
  /// Encoder: writes `bit`. Decoder: ignores it. @return the bit that was coded
  virtual bool code(bool bit, Chance one) = 0;
};

class BitEncoder final : public BitCoder {
 public:
  bool code(bool bit, Chance one) override;
  /// Ends the stream. @return its bytes
  [[nodiscard]] Bytes finish();

 private:
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0xffffffffU;
  Bytes out_;
};

class BitDecoder final : public BitCoder {
 public:
  /// Takes `in` over; past its end zeros are read.
  explicit BitDecoder(Bytes in);
  bool code(bool bit, Chance one) override;
  /// True when everything was read and not more than the encoder's last bytes are made up.
  [[nodiscard]] bool ended() const;

 private:
  std::uint8_t next();
  Bytes in_;
  std::size_t at_ = 0;
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0xffffffffU;
  std::uint32_t code_ = 0;
};

}  // namespace pawl::payload
