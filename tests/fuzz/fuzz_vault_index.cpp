#include <cstdlib>

#include "vault/index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto index = pawl::vault::parse_index({data, size});
  if (!index) return 0;
  const auto again = pawl::vault::serialise(*index);
  if (again != pawl::Bytes(data, data + size)) std::abort();  // one form per index
  return 0;
}
