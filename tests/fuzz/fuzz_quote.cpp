#include <cstdlib>
#include <optional>

#include "tests/fakes/soft_attester.hpp"
#include "tpm/quote.hpp"

// The input is signed, so that it reaches the parser behind the signature; and it is tried as a
// public area and as a signature. Nothing but the quote itself may pass.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  static const fakes::SoftAttester device;
  static const auto ak = tpm::AttestationKey::parse(device.public_area());
  const ByteView input(data, size);
  (void)static_cast<bool>(tpm::AttestationKey::parse(input));
  (void)static_cast<bool>(tpm::verify_signature(*ak, as_bytes("x"), input));
  const tpm::QuoteEvidence evidence{Bytes(input.begin(), input.end()), device.sign(input), {}};
  const auto quote = tpm::verify_quote(*ak, evidence, {}, tpm::PcrSet{4});
  if (quote && !quote->selection.has(4)) std::abort();
  return 0;
}
