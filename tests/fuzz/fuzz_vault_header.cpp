#include <algorithm>
#include <cstdlib>

#include "vault/entry_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = pawl::vault::parse_entry_header({data, size});
  if (!parsed) return 0;
  const auto again = parsed->header.serialise();
  if (again.size() != parsed->size || !std::equal(again.begin(), again.end(), data)) std::abort();
  return 0;
}
