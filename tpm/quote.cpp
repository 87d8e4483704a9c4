#include "tpm/quote.hpp"

#include <algorithm>
#include <string>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/digest.hpp"
#include "base/handle.hpp"
#include "base/reader.hpp"

namespace pawl::tpm {
namespace {

constexpr std::uint32_t kGenerated = 0xff544347;  // TPM_GENERATED_VALUE
constexpr std::uint16_t kAttestQuote = 0x8018;
constexpr std::uint16_t kEcdsa = 0x0018;
constexpr std::uint16_t kSha256 = 0x000b;

using EcdsaSig = Handle<ECDSA_SIG, &ECDSA_SIG_free>;
using MdContext = Handle<EVP_MD_CTX, &EVP_MD_CTX_free>;
using BigNumber = Handle<BIGNUM, &BN_free>;

Result<ByteView> sized(Reader& r, std::size_t limit) {
  PAWL_TRY(const auto size, r.u16_be());
  if (size > limit) return fail(Errc::kMalformed, "TPM field over its limit");
  return r.take(size);
}

Result<EcdsaSig> parse_signature(ByteView bytes) {
  if (bytes.size() > kMaxSignature) return fail(Errc::kTooLarge, "TPM signature over 256 bytes");
  Reader in(bytes);
  PAWL_TRY(const auto algorithm, in.u16_be());
  PAWL_TRY(const auto hash, in.u16_be());
  if (algorithm != kEcdsa || hash != kSha256) {
    return fail(Errc::kMalformed, "TPM signature is not ECDSA with SHA-256");
  }
  PAWL_TRY(const auto r, sized(in, 32));
  PAWL_TRY(const auto s, sized(in, 32));
  if (!in.empty()) return fail(Errc::kMalformed, "bytes after the TPM signature");
  BigNumber rn(BN_bin2bn(r.data(), static_cast<int>(r.size()), nullptr));
  BigNumber sn(BN_bin2bn(s.data(), static_cast<int>(s.size()), nullptr));
  EcdsaSig sig(ECDSA_SIG_new());
  PAWL_ASSERT(rn && sn && sig);
  PAWL_ASSERT(ECDSA_SIG_set0(sig.get(), rn.get(), sn.get()) == 1);
  (void)rn.release();  // owned by sig now
  (void)sn.release();
  return sig;
}

/// One bank, SHA-256.
Result<PcrSet> parse_selection(Reader& r) {
  PAWL_TRY(const auto count, r.u32_be());
  if (count != 1) return fail(Errc::kMalformed, "quote selects other than one PCR bank");
  PAWL_TRY(const auto hash, r.u16_be());
  if (hash != kSha256) return fail(Errc::kMalformed, "quote is not over the SHA-256 bank");
  PAWL_TRY(const auto size, r.u8());
  if (size > 4) return fail(Errc::kMalformed, "quote selection over 4 bytes");
  PAWL_TRY(const auto bits, r.take(size));
  PcrSet set;
  for (unsigned pcr = 0; pcr < 8U * size; ++pcr) {
    if (((unsigned{bits[pcr / 8]} >> (pcr % 8)) & 1U) == 0) continue;
    if (pcr >= kPcrCount) return fail(Errc::kMalformed, "quote selects a PCR above 23");
    set.add(pcr);
  }
  return set;
}

struct Attest {
  Quote quote;
  ByteView extra_data;
  ByteView pcr_digest;
};

Result<Attest> parse_attest(ByteView bytes) {
  Reader r(bytes);
  PAWL_TRY(const auto magic, r.u32_be());
  PAWL_TRY(const auto type, r.u16_be());
  if (magic != kGenerated || type != kAttestQuote) {
    return fail(Errc::kMalformed, "statement is not a quote made by a TPM");
  }
  PAWL_CHECK(sized(r, 66));  // qualified signer
  Attest out;
  PAWL_TRY(out.extra_data, sized(r, 64));
  PAWL_TRY(out.quote.clock_ms, r.u64_be());
  PAWL_TRY(out.quote.reset_count, r.u32_be());
  PAWL_TRY(out.quote.restart_count, r.u32_be());
  PAWL_CHECK(r.u8());  // safe
  PAWL_TRY(out.quote.firmware_version, r.u64_be());
  PAWL_TRY(out.quote.selection, parse_selection(r));
  PAWL_TRY(out.pcr_digest, sized(r, 64));
  if (!r.empty()) return fail(Errc::kMalformed, "bytes after the quote");
  return out;
}

bool same(ByteView a, ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

Status verify_signature(const AttestationKey& ak, ByteView message, ByteView signature) {
  PAWL_TRY(const auto sig, parse_signature(signature));
  std::uint8_t* der = nullptr;
  const int size = i2d_ECDSA_SIG(sig.get(), &der);
  PAWL_ASSERT(size > 0);
  const Bytes encoded(der, der + size);
  OPENSSL_free(der);
  const MdContext context(EVP_MD_CTX_new());
  PAWL_ASSERT(context != nullptr);
  if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, ak.key()) != 1 ||
      EVP_DigestVerify(context.get(), encoded.data(), encoded.size(), message.data(),
                       message.size()) != 1) {
    return fail(Errc::kBadSignature, "statement is not signed by the attestation key");
  }
  return Ok{};
}

Result<Quote> verify_quote(const AttestationKey& ak, const QuoteEvidence& evidence,
                           const Sha256Digest& extra_data, PcrSet needed) {
  if (evidence.attest.size() > kMaxAttest) return fail(Errc::kTooLarge, "quote over 1 KiB");
  PAWL_CHECK(verify_signature(ak, evidence.attest, evidence.signature));
  PAWL_TRY(const auto attest, parse_attest(evidence.attest));
  if (!same(attest.extra_data, extra_data.span())) {
    return fail(Errc::kHashMismatch, "quote answers another challenge");
  }
  const auto selection = attest.quote.selection;
  if (!selection.covers(needed)) {
    return fail(Errc::kPeer,
                "quote covers PCRs " + to_string(selection) + ", needed are " + to_string(needed));
  }
  if (!same(attest.pcr_digest, pcr_composite(selection, evidence.pcrs).span())) {
    return fail(Errc::kHashMismatch, "PCR values are not those of the quote");
  }
  return attest.quote;
}

}  // namespace pawl::tpm
