#include "payload/shift_map.hpp"

#include <algorithm>

namespace pawl::payload {
namespace {

// Neighbourhoods from narrow to wide: log2 of their size in bytes, log2 of how many are kept.
struct Level {
  unsigned granule;
  unsigned slots;
};
constexpr std::array kLevels{Level{0, 13}, Level{6, 12}, Level{9, 12}, Level{12, 11},
                             Level{16, 10}};
constexpr std::uint32_t kMostHeld = 4;

constexpr std::array<std::size_t, kLevels.size() + 1> make_starts() {
  std::array<std::size_t, kLevels.size() + 1> starts{};
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    starts[i + 1] = starts[i] + (std::size_t{1} << kLevels[i].slots);
  }
  return starts;
}
constexpr auto kStarts = make_starts();

}  // namespace

ShiftMap::ShiftMap() : entries_(kStarts.back()) {}

void ShiftMap::reset() {
  std::fill(entries_.begin(), entries_.end(), Entry{});
  last_ = 0;
}

ShiftMap::Entry& ShiftMap::entry(std::size_t level, std::uint64_t target) {
  const auto key = target >> kLevels[level].granule;
  const auto hash = (key * 0x9e3779b97f4a7c15U) >> (64 - kLevels[level].slots);
  return entries_[kStarts[level] + hash];
}

std::span<const ShiftMap::Guess> ShiftMap::guess(std::uint64_t target) {
  std::size_t count = 0;
  const auto add = [&](std::int64_t shift, std::uint32_t trust) {
    for (std::size_t i = 0; i < count; ++i) {
      if (guesses_[i].shift == shift) return;
    }
    if (count < guesses_.size()) guesses_[count++] = {shift, trust};
  };
  for (std::size_t level = 0; level < kLevels.size(); ++level) {
    const auto& found = entry(level, target);
    if (found.held == 0 || found.key != target >> kLevels[level].granule) continue;
    add(found.shift, static_cast<std::uint32_t>(level) * kMostHeld + found.held - 1);
  }
  add(last_, static_cast<std::uint32_t>(kLevels.size()) * kMostHeld);
  add(0, static_cast<std::uint32_t>(kLevels.size()) * kMostHeld + 1);
  return std::span(guesses_).first(count);
}

void ShiftMap::learn(std::uint64_t target, std::int64_t shift) {
  for (std::size_t level = 0; level < kLevels.size(); ++level) {
    auto& found = entry(level, target);
    const auto key = target >> kLevels[level].granule;
    if (found.held != 0 && found.key == key && found.shift == shift) {
      found.held = std::min(found.held + 1, kMostHeld);
    } else {
      found = {key, shift, 1};
    }
  }
  last_ = shift;
}

}  // namespace pawl::payload
