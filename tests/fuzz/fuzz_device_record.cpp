#include <cstdlib>

#include "updater/device_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto parsed = updater::DeviceRecord::parse(as_text({data, size}));
  if (!parsed) return 0;
  // The bound PCRs are a set: written once and in order, and the same record again.
  const auto text = parsed->format();
  const auto again = updater::DeviceRecord::parse(text);
  if (!again || again->format() != text) std::abort();
  return 0;
}
