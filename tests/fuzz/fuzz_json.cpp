#include <cstdlib>

#include "base/json.hpp"

// Whatever is accepted must survive being written and read again, and the canonical form must be
// the only spelling of its value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  if (const auto any = json::parse(text, {}); any) {
    const auto again = json::parse(json::write(*any), {});
    if (!again || *again != *any) std::abort();
  }
  if (const auto strict = json::parse(text, {}, json::Form::kCanonical); strict) {
    if (json::write(*strict) != text || !json::is_canonical(*strict)) std::abort();
  }
  (void)static_cast<bool>(json::split_object(text, {}, json::Form::kCanonical));
  return 0;
}
