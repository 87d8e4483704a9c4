#include <cstdlib>

#include "manifest/policy.hpp"

// Whatever is accepted is written and read again without a change.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto value = manifest::Policy::parse(as_text({data, size}));
  if (!value) return 0;
  const auto again = manifest::Policy::parse(value->serialise());
  if (!again || *again != *value) std::abort();
  return 0;
}
