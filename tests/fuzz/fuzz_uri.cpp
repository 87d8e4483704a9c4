#include <cstdlib>

#include "hsm/uri.hpp"

// Whatever is accepted has one canonical text that means the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto uri = hsm::Uri::parse(as_text({data, size}));
  if (!uri) return 0;
  const auto text = uri->text();
  const auto again = hsm::Uri::parse(text);
  // Percent-encoding may carry the canonical text over the limit of its input.
  if (!again && again.error().code() == Errc::kTooLarge) return 0;
  if (!again || *again != *uri || again->text() != text) std::abort();
  return 0;
}
