#include <cstdlib>

#include "base/json.hpp"
#include "manifest/envelope.hpp"

// An accepted file is canonical in strict, and putting its parts together gives it back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  using namespace pawl::manifest;
  constexpr std::size_t kLimit = 65536;
  const ByteView file(data, size);
  const auto strict = UnverifiedEnvelope::split(file, kLimit, Profile::kStrict);
  if (strict) {
    const auto again = assemble_envelope(strict->signed_text(), strict->signatures());
    const auto parsed = UnverifiedEnvelope::split(again, kLimit * 2, Profile::kStrict);
    if (!parsed || parsed->signed_text() != strict->signed_text()) std::abort();
    if (strict->verify({})) std::abort();
  }
  const auto interop = UnverifiedEnvelope::split(file, kLimit, Profile::kInterop);
  if (strict && !interop) std::abort();
  return 0;
}
