#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace pawl::payload {

/// Remembers how far the things that instructions point at have moved between the base image and
/// the new one, and guesses for a target never seen from its neighbours (FORMAT 4.7.8).
class ShiftMap {
 public:
  static constexpr std::size_t kMaxGuesses = 4;

  struct Guess {
    std::int64_t shift = 0;   // new address minus old address
    std::uint32_t trust = 0;  // 0 to kTrusts - 1: how the guess was found and how often it held
  };
  static constexpr std::uint32_t kTrusts = 24;

  ShiftMap();
  void reset();
  /// @param target  old address
  /// @return up to kMaxGuesses distinct guesses, best first
  [[nodiscard]] std::span<const Guess> guess(std::uint64_t target);
  void learn(std::uint64_t target, std::int64_t shift);

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::int64_t shift = 0;
    std::uint32_t held = 0;  // 0: empty; else 1 + how often the shift was confirmed, at most 4
  };
  [[nodiscard]] Entry& entry(std::size_t level, std::uint64_t target);
  std::vector<Entry> entries_;
  std::array<Guess, kMaxGuesses> guesses_;
  std::int64_t last_ = 0;
};

}  // namespace pawl::payload
