#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

/// When to ask the server again. Pure: chance comes in as a number.
namespace pawl::updater {

/// A fixed sequence of numbers that differs from device to device and from boot to boot, so that
/// a fleet that starts at once does not ask at once. Not for secrets.
class Jitter {
 public:
  Jitter(std::string_view device_id, std::string_view boot_id);
  std::uint64_t next();

 private:
  std::uint64_t state_;
};

/// From the start of the program to the first poll: 0 s to `interval`.
[[nodiscard]] Seconds first_wait(Seconds interval, std::uint64_t random);
/// After an answer. @param asked  what the server wants: never less, at most a tenth more.
/// Without it half of `interval` to one and a half.
[[nodiscard]] Seconds poll_wait(Seconds interval, std::optional<Seconds> asked,
                                std::uint64_t random);
/// After an error: 1 s to a limit that doubles from 10 s up to `interval`, and never less than
/// `asked`. @param failures  in a row, 1 or more
[[nodiscard]] Seconds retry_wait(unsigned failures, Seconds interval, std::optional<Seconds> asked,
                                 std::uint64_t random);

}  // namespace pawl::updater
