#include "issuer/messages.hpp"

#include <charconv>

#include <openssl/crypto.h>

#include "base/base64.hpp"
#include "base/json.hpp"

namespace pawl::issuer {
namespace {

constexpr json::Limits kLimits{std::size_t{64} * 1024, 4, 256};
constexpr std::size_t kMaxPublicKey = 512;     // DER of a P-256 key has 91
constexpr std::size_t kMaxActivated = 64;      // the secret has 32
constexpr std::size_t kMaxDerSignature = 128;  // ECDSA on P-256 has at most 72

Error wrong(std::string_view name, std::string_view why) {
  return fail(Errc::kMalformed, "member " + std::string(name) + " " + std::string(why));
}

Result<std::string_view> text_of(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr || value->string() == nullptr) return wrong(name, "is not a text");
  return std::string_view(*value->string());
}

Result<Bytes> bytes_of(std::string_view name, std::string_view text, std::size_t limit) {
  auto bytes = from_base64(text, Base64::kStandard, limit);
  if (!bytes) {
    auto error = std::move(bytes).error();
    error.prefix("member " + std::string(name));
    return error;
  }
  if (bytes->empty()) return wrong(name, "is empty");
  return bytes;
}

Result<Bytes> bytes_member(const json::Object& object, std::string_view name, std::size_t limit) {
  PAWL_TRY(const auto text, text_of(object, name));
  return bytes_of(name, text, limit);
}

Result<std::vector<Bytes>> certificates_member(const json::Object& object) {
  constexpr std::string_view kName = "ek_certificates";
  std::vector<Bytes> out;
  const auto* value = object.find(kName);
  if (value == nullptr) return out;
  if (value->array() == nullptr) return wrong(kName, "is not an array");
  if (value->array()->size() > tpm::kMaxChain + 1) {
    return fail(Errc::kTooLarge, "more than 9 EK certificates");
  }
  for (const auto& entry : *value->array()) {
    if (entry.string() == nullptr) return wrong(kName, "holds something that is no text");
    PAWL_TRY(auto der, bytes_of(kName, *entry.string(), tpm::kMaxCertificate));
    out.push_back(std::move(der));
  }
  return out;
}

Status set_pcr(tpm::PcrValues& pcrs, const json::Member& member) {
  unsigned number = 0;
  const auto* const end = member.name.data() + member.name.size();
  const auto parsed = std::from_chars(member.name.data(), end, number);
  const bool plain = parsed.ec == std::errc() && parsed.ptr == end &&
                     member.name == std::to_string(number) && number < tpm::kPcrCount;
  if (!plain || member.value.string() == nullptr) return wrong("pcrs", "names no PCR of 0 to 23");
  PAWL_TRY(pcrs[number], fixed_from_hex<Sha256Digest>(*member.value.string()));
  return Ok{};
}

Result<tpm::PcrValues> pcrs_member(const json::Object& object) {
  const auto* value = object.find("pcrs");
  if (value == nullptr || value->object() == nullptr) return wrong("pcrs", "is not an object");
  tpm::PcrValues out{};
  for (const auto& member : value->object()->members()) PAWL_CHECK(set_pcr(out, member));
  return out;
}

Result<json::Object> object_of(std::string_view body) {
  PAWL_TRY(auto value, json::parse(body, kLimits));
  if (value.object() == nullptr) return fail(Errc::kMalformed, "body is not a JSON object");
  return std::move(*value.object());
}

}  // namespace

Result<StartRequest> parse_start_request(std::string_view body) {
  PAWL_TRY(const auto object, object_of(body));
  PAWL_TRY(const auto binding, text_of(object, "binding"));
  if (binding != "quote") return wrong("binding", "is not \"quote\": " + printable(binding));
  StartRequest out;
  PAWL_TRY(out.ek_public, bytes_member(object, "ek_public", tpm::kMaxPublicArea));
  PAWL_TRY(out.ek_certificates, certificates_member(object));
  PAWL_TRY(out.ak_public, bytes_member(object, "ak_public", tpm::kMaxPublicArea));
  PAWL_TRY(out.svid_public, bytes_member(object, "svid_public", kMaxPublicKey));
  return out;
}

Result<FinishRequest> parse_finish_request(std::string_view body) {
  PAWL_TRY(const auto object, object_of(body));
  PAWL_TRY(const auto session, text_of(object, "session"));
  PAWL_TRY(const auto id, fixed_from_hex<tpm::EnrolmentSession>(session));
  PAWL_TRY(auto activated, bytes_member(object, "activated", kMaxActivated));
  auto secret = SecretBytes::copy_of(activated);
  OPENSSL_cleanse(activated.data(), activated.size());
  PAWL_TRY(auto kept, std::move(secret));
  FinishRequest out{id, std::move(kept), {}, {}};
  PAWL_TRY(out.quote.attest, bytes_member(object, "quote", tpm::kMaxAttest));
  PAWL_TRY(out.quote.signature, bytes_member(object, "quote_signature", tpm::kMaxSignature));
  PAWL_TRY(out.quote.pcrs, pcrs_member(object));
  PAWL_TRY(out.svid_signature, bytes_member(object, "svid_signature", kMaxDerSignature));
  return out;
}

std::string write_start_answer(const StartAnswer& answer) {
  json::Object out;
  out.set("schema", 1);
  out.set("session", to_hex(answer.session));
  out.set("credential", to_base64(answer.credential.id_object, Base64::kStandard));
  out.set("secret", to_base64(answer.credential.encrypted_secret, Base64::kStandard));
  out.set("expires_s", std::int64_t{answer.expires.count()});
  return json::write(out);
}

std::string write_finish_answer(const FinishAnswer& answer) {
  json::Object out;
  out.set("schema", 1);
  out.set("id", answer.id);
  out.set("svid_chain_pem", answer.svid_chain_pem);
  out.set("bundle", answer.bundle);
  out.set("not_after", format_utc(answer.not_after));
  return json::write(out);
}

}  // namespace pawl::issuer
