#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"

namespace pawl::payload {

/// Whose instructions a copied extent holds; coded with each copy (FORMAT 4.7.6).
enum class Isa : std::uint8_t { kNone = 0, kX86 = 1, kArm64 = 2 };

/// A copied extent: old bytes, where they were, and where they go. Addresses are image offsets.
struct Extent {
  std::uint64_t old_at = 0;
  std::uint64_t new_at = 0;
  std::size_t length = 0;
};

/// A 4-byte instruction operand in a copied extent whose value follows from where its target went.
struct Site {
  enum class Form : std::uint8_t { kRel32, kBranch26, kPage21, kLow12 };
  Form form = Form::kRel32;
  std::uint8_t kind = 0;     // for statistics: which instruction; below kSiteKinds
  std::uint8_t scale = 0;    // kLow12: log2 of the operand's unit
  std::uint64_t target = 0;  // old address pointed at
  std::uint64_t place = 0;   // new address the operand is relative to; kLow12: the new page
};
inline constexpr std::uint32_t kSiteKinds = 16;

/// The new word at `site` when its target moved by `shift`; `old_word` when it cannot be expressed.
[[nodiscard]] std::uint32_t predict(const Site& site, std::uint32_t old_word, std::int64_t shift);
/// By how much the target moved, given the new word; absent when the instruction changed or the
/// word does not tell.
[[nodiscard]] std::optional<std::int64_t> shift_of(const Site& site, std::uint32_t old_word,
                                                   std::uint32_t new_word);

/// Finds sites from bytes that the decoder has too: all of the old extent, the new bytes before.
class SiteFinder {
 public:
  SiteFinder(Isa isa, const Extent& extent) : isa_(isa), extent_(extent) {}
  /// @param at     offset in the extent; calls have rising offsets
  /// @param old    the extent's old bytes
  /// @param fresh  new bytes up to and not including the one at `at`: at least 2, or nothing is
  /// found
  [[nodiscard]] std::optional<Site> at(std::size_t at, ByteView old, ByteView fresh);
  /// Tells the finder what a site turned out to be.
  void seen(const Site& site, std::size_t at, std::uint32_t old_word, std::uint32_t new_word);

 private:
  [[nodiscard]] std::optional<Site> x86(std::size_t at, ByteView old, ByteView fresh) const;
  [[nodiscard]] std::optional<Site> arm64(std::size_t at, ByteView old);
  [[nodiscard]] std::optional<Site> arm64_low(std::uint32_t word) const;
  [[nodiscard]] bool leaves(std::uint64_t target) const;
  struct Page {
    bool known = false;
    std::uint64_t old_page = 0;
    std::uint64_t new_page = 0;
  };
  Isa isa_;
  Extent extent_;
  Page pages_[32];  // by register: what the last ADRP loaded
};

}  // namespace pawl::payload
