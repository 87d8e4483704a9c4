#include "updater/enroll_messages.hpp"

#include "base/base64.hpp"
#include "base/json.hpp"

namespace pawl::updater {
namespace {

constexpr json::Limits kLimits{std::size_t{512} * 1024, 8, 4096};
constexpr std::size_t kMaxCredential = 1024;

std::string text64(ByteView bytes) {
  return to_base64(bytes, Base64::kStandard);
}

Result<json::Object> object_of(std::string_view body) {
  PAWL_TRY(auto value, json::parse(body, kLimits));
  if (value.object() == nullptr) return fail(Errc::kMalformed, "the issuer's answer is no object");
  return std::move(*value.object());
}

Result<std::string> text_of(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr || value->string() == nullptr) {
    return fail(Errc::kMalformed, "the issuer's answer has no " + std::string(name));
  }
  return *value->string();
}

Result<Bytes> bytes_of(const json::Object& object, std::string_view name) {
  PAWL_TRY(const auto text, text_of(object, name));
  return from_base64(text, Base64::kStandard, kMaxCredential);
}

}  // namespace

std::string BegunEnrolment::format() const {
  json::Object out;
  out.set("binding", "quote");
  out.set("ek_public", text64(ek_public));
  if (ek_certificate) out.set("ek_certificates", json::Array{text64(*ek_certificate)});
  out.set("ak_public", text64(ak_public));
  out.set("svid_public", text64(svid_public));
  return json::write(out);
}

Result<StartedEnrolment> StartedEnrolment::parse(std::string_view body) {
  PAWL_TRY(const auto object, object_of(body));
  StartedEnrolment out;
  PAWL_TRY(const auto session, text_of(object, "session"));
  PAWL_TRY(out.session, fixed_from_hex<tpm::EnrolmentSession>(session));
  PAWL_TRY(out.credential.id_object, bytes_of(object, "credential"));
  PAWL_TRY(out.credential.encrypted_secret, bytes_of(object, "secret"));
  return out;
}

std::string ProvenEnrolment::format() const {
  json::Object pcrs;
  for (unsigned pcr = 0; pcr < tpm::kPcrCount; ++pcr) {
    if (tpm::enrolment_pcrs().has(pcr)) pcrs.set(std::to_string(pcr), to_hex(quote.pcrs[pcr]));
  }
  json::Object out;
  out.set("session", to_hex(session));
  out.set("activated", text64(activated));
  out.set("quote", text64(quote.attest));
  out.set("quote_signature", text64(quote.signature));
  out.set("pcrs", std::move(pcrs));
  out.set("svid_signature", text64(svid_signature));
  return json::write(out);
}

Result<FinishedEnrolment> FinishedEnrolment::parse(std::string_view body) {
  PAWL_TRY(const auto object, object_of(body));
  FinishedEnrolment out;
  PAWL_TRY(out.svid_chain_pem, text_of(object, "svid_chain_pem"));
  const auto* bundle = object.find("bundle");
  if (bundle == nullptr || bundle->object() == nullptr) {
    return fail(Errc::kMalformed, "the issuer's answer has no bundle");
  }
  out.bundle = json::write(*bundle);
  return out;
}

}  // namespace pawl::updater
