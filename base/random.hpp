#pragma once
#include <cstdint>
#include <span>

namespace pawl {

/// Unpredictable bytes. Injected, so that tests can watch what is drawn.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
};

/// The kernel's generator through libsodium.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

}  // namespace pawl
