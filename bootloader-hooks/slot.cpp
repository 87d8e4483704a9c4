#include "bootloader-hooks/slot.hpp"

#include "base/bytes.hpp"

namespace pawl::boot {

Result<Slot> parse_slot(std::string_view text) {
  if (text == "a") return Slot::kA;
  if (text == "b") return Slot::kB;
  return fail(Errc::kMalformed, "slot must be a or b, not " + printable(text));
}

}  // namespace pawl::boot
