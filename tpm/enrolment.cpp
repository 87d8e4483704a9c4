#include "tpm/enrolment.hpp"

#include <string_view>

#include "base/digest.hpp"
#include "base/reader.hpp"

namespace pawl::tpm {
namespace {

// With their closing zero: no text of one kind is the beginning of another.
constexpr std::string_view kQuoteContext("pawl-enroll-v1\0", 15);
constexpr std::string_view kPossessionContext("pawl-enroll-svid-v1\0", 20);

}  // namespace

Sha256Digest enrolment_challenge(const EnrolmentFacts& facts) {
  Writer w;
  w.bytes(as_bytes(kQuoteContext));
  w.bytes(facts.session.span());
  w.bytes(facts.ek.span());
  w.bytes(facts.ak.span());
  w.bytes(facts.svid_key.span());
  return sha256(w.view());
}

Bytes possession_message(const Sha256Digest& challenge) {
  Writer w;
  w.bytes(as_bytes(kPossessionContext));
  w.bytes(challenge.span());
  return std::move(w).take();
}

PcrSet enrolment_pcrs() {
  return PcrSet{0, 1, 2, 4, 7, 8, 9, 11, 12, 13};
}

}  // namespace pawl::tpm
