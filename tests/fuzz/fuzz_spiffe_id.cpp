#include <cstdlib>

#include "base/bytes.hpp"
#include "identity/spiffe_id.hpp"

// An accepted ID is its own only spelling, and its parts make it up again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  const auto id = identity::SpiffeId::parse(text);
  if (!id) return 0;
  const auto domain = id->trust_domain().name();
  if (id->uri() != text || "spiffe://" + domain + std::string(id->path()) != text) std::abort();
  if (text.size() > identity::SpiffeId::kMaxBytes || text.find('%') != text.npos) std::abort();
  return 0;
}
