#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "payload/sites.hpp"

namespace pawl::payload {

/// Guesses whose instructions lie where in an image, from the ELF headers in it. A wrong guess
/// costs bytes of a delta, never correctness.
class ElfMap {
 public:
  explicit ElfMap(ByteView image);
  [[nodiscard]] Isa isa_at(std::uint64_t offset) const;

 private:
  struct Start {
    std::uint64_t offset = 0;
    Isa isa = Isa::kNone;
  };
  std::vector<Start> starts_;  // by offset
};

}  // namespace pawl::payload
