#include <cstdlib>

#include "issuer/ek_argument.hpp"
#include "issuer/ek_store.hpp"
#include "issuer/messages.hpp"
#include "tpm/attestation_key.hpp"
#include "tpm/ek_public.hpp"

// Everything a peer without a certificate, or a file on the operator's disk, can bring to the
// issuer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const ByteView bytes(data, size);
  const auto text = as_text(bytes);
  if (const auto start = issuer::parse_start_request(text)) {
    const auto ek = tpm::PresentedEk::parse(start->ek_public);
    if (ek && !ek->vouched_by(ek->fingerprint())) std::abort();
    (void)static_cast<bool>(tpm::AttestationKey::parse(start->ak_public));
  }
  const auto finish = issuer::parse_finish_request(text);
  if (finish && finish->activated.size() == 0) std::abort();
  (void)static_cast<bool>(issuer::ek_fingerprint(bytes));
  if (const auto record = issuer::parse_ek_record(text)) {
    const auto again = issuer::parse_ek_record(issuer::write_ek_record(*record));
    if (!again || issuer::write_ek_record(*again) != issuer::write_ek_record(*record)) std::abort();
  }
  return 0;
}
