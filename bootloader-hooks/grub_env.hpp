#pragma once
#include <string>

#include "base/bytes.hpp"
#include "bootloader-hooks/environment.hpp"

namespace pawl::boot {

/// One of the two GRUB environment blocks on the ESP. FORMAT 5.13.
/// Source: GRUB 2.06 manual, "Environment block"; grub-editenv.
struct GrubBlock {
  static constexpr std::size_t kBytes = 1024;
  static constexpr std::uint32_t kMaxGeneration = 999'999'999;

  std::uint32_t generation = 0;  // of pawl_generation: the higher one counts
  Environment variables;

  /// @return kMalformed for another length, head or spelling
  static Result<GrubBlock> parse(std::string_view text);
  /// Our variables come first, so that GRUB's own store changes one sector.
  /// @return kBootloader when they do not fit
  [[nodiscard]] Result<std::string> format() const;
};

}  // namespace pawl::boot
