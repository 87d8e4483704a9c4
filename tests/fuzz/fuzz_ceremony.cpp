#include <cstddef>
#include <cstdint>

#include "signer/ceremony_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto ceremony = signer::Ceremony::parse({reinterpret_cast<const char*>(data), size});
  if (!ceremony) return 0;
  PAWL_ASSERT(signer::Ceremony::parse(ceremony->serialise()));
  (void)signer::check_ceremony(*ceremony, std::nullopt);
  return 0;
}
