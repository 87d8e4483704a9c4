#include "payload/elf_map.hpp"

#include <algorithm>
#include <array>

namespace pawl::payload {
namespace {

constexpr std::array<std::uint8_t, 6> kElf64Little{0x7f, 'E', 'L', 'F', 2, 1};
constexpr std::size_t kMachineAt = 18;
constexpr std::size_t kStep = 4;  // headers in images and archives are aligned at least so
constexpr unsigned kMachineX86 = 62;
constexpr unsigned kMachineArm64 = 183;

}  // namespace

ElfMap::ElfMap(ByteView image) {
  for (std::size_t at = 0; at + kMachineAt + 2 <= image.size(); at += kStep) {
    if (!std::equal(kElf64Little.begin(), kElf64Little.end(), &image[at])) continue;
    const unsigned machine = image[at + kMachineAt] | unsigned{image[at + kMachineAt + 1]} << 8U;
    const auto isa = machine == kMachineX86     ? Isa::kX86
                     : machine == kMachineArm64 ? Isa::kArm64
                                                : Isa::kNone;
    starts_.push_back({at, isa});
  }
}

Isa ElfMap::isa_at(std::uint64_t offset) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset,
                                      [](std::uint64_t o, const Start& s) { return o < s.offset; });
  return after == starts_.begin() ? Isa::kNone : std::prev(after)->isa;
}

}  // namespace pawl::payload
