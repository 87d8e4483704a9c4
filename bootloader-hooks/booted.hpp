#pragma once
#include <string>
#include <string_view>

#include "base/disk.hpp"
#include "bootloader-hooks/slot.hpp"

namespace pawl::boot {

/// Which slot this boot came from, as the firmware tells it. FORMAT 5.2.
struct Booted {
  static constexpr std::size_t kMaxBytes = 128;

  Slot slot = Slot::kA;
  std::string boot_id;  // 1 to 64 characters of [0-9A-Za-z-]

  /// Parses the marker `slot=b boot_id=0d1c...`. @return kTooLarge, kMalformed.
  static Result<Booted> parse(std::string_view text);
  friend bool operator==(const Booted&, const Booted&) = default;
};

/// @return kMalformed unless 1 to 64 characters of [0-9A-Za-z-].
[[nodiscard]] Status check_boot_id(std::string_view text);

/// The kernel's name for this boot, read from `path` (/proc/sys/kernel/random/boot_id).
[[nodiscard]] Result<std::string> read_boot_id(Disk& disk, const std::string& path);

/// A file whose size the kernel does not know in advance (proc, sysfs), at most `limit` bytes.
[[nodiscard]] Result<std::string> read_kernel_file(Disk& disk, const std::string& path,
                                                   std::size_t limit);

}  // namespace pawl::boot
