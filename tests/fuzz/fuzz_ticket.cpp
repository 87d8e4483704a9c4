#include <cstdlib>

#include "manifest/ticket.hpp"

// Whatever is accepted is written again as it was read: nothing is signed that is not shown.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  const auto value = manifest::Ticket::parse(text);
  if (value && value->serialise() != text) std::abort();
  return 0;
}
