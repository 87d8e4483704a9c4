#pragma once
#include <array>
#include <string>

#include "base/disk.hpp"
#include "bootloader-hooks/environment.hpp"

namespace pawl::boot {

/// One of the two copies of U-Boot's redundant environment. FORMAT 5.12.
/// Source: U-Boot 2023.01, include/env_internal.h (environment_t with CONFIG_SYS_REDUNDAND_ENV).
struct UBootCopy {
  static constexpr std::size_t kMinBytes = 128;
  static constexpr std::size_t kMaxBytes = 1 << 20;

  std::uint8_t flag = 0;  // counts stores, modulo 256
  Environment variables;

  /// @return kMalformed when the checksum or the list is wrong
  static Result<UBootCopy> parse(ByteView copy);
  /// @return kBootloader when the variables do not fit into `size`
  [[nodiscard]] Result<Bytes> format(std::size_t size) const;
};

/// U-Boot's own rule: the flag that follows the other one is newer, also over the wrap.
[[nodiscard]] bool is_newer(std::uint8_t flag, std::uint8_t than);

/// Where the copies lie, from the device's fw_env.config, which U-Boot's own tools read too.
struct UBootPlaces {
  static constexpr std::size_t kMaxConfig = 4096;
  struct Copy {
    std::string path;  // file or block device
    std::uint64_t offset = 0;
  };
  std::array<Copy, 2> copies;
  std::size_t size = 0;  // of each

  /// @return kTooLarge, kBootloader for anything but two copies of one size that do not overlap
  static Result<UBootPlaces> parse(std::string_view text);
};

}  // namespace pawl::boot
