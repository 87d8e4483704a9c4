#include <algorithm>
#include <cstdlib>

#include "sealing/handover.hpp"

// Every accepted handover is written as it was read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = pawl::sealing::parse_handover({data, size});
  if (!parsed) return 0;
  const auto again = pawl::sealing::serialise(*parsed);
  if (again.size() != size || !std::equal(again.begin(), again.end(), data)) std::abort();
  return 0;
}
