#include "updater/enroll_tpm.hpp"

#include "base/base64.hpp"
#include "base/json.hpp"
#include "tpm/fault.hpp"

namespace pawl::updater {
namespace {

constexpr std::size_t kMaxFile = 8192;

Result<std::string> word(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr || value->string() == nullptr) {
    return fail(Errc::kMalformed, "attestation key file without " + std::string(name));
  }
  return *value->string();
}

Result<Bytes> area(const json::Object& object, std::string_view name) {
  PAWL_TRY(const auto text, word(object, name));
  return from_base64(text, Base64::kStandard, tpm::kMaxBlob);
}

Result<KeptAk> make_ak(Disk& disk, const std::string& path, tpm::Context& context) {
  PAWL_TRY(const auto srk, tpm::Attester::prepare(context));
  PAWL_TRY(auto attester, tpm::Attester::attach(context, srk));
  PAWL_TRY(auto key, attester.create_key());
  KeptAk made{srk, std::move(key)};
  PAWL_CHECK(make_directories(disk, parent_of(path)));
  PAWL_CHECK(replace_file(disk, path, as_bytes(write_ak(made))));
  return made;
}

Result<KeptAk> load_or_make(Disk& disk, const std::string& path, tpm::Context& context) {
  PAWL_TRY(const auto text, read_optional(disk, path, kMaxFile));
  if (!text) return make_ak(disk, path, context);
  auto kept = parse_ak(as_text(*text));
  if (kept) return kept;
  auto error = std::move(kept).error();
  error.prefix(path);
  return std::move(error).with_hint("make another key with: pawl-updater enroll --new-ak");
}

constexpr const char* kOtherTpm =
    "this TPM was cleared or replaced: make another key with pawl-updater enroll --new-ak, and "
    "have "
    "the old one removed with pawl-issuer ek rm";

}  // namespace

std::string write_ak(const KeptAk& ak) {
  json::Object out;
  out.set("format", 1);
  out.set("srk", to_hex(ak.srk));
  out.set("private", to_base64(ak.key.private_area, Base64::kStandard));
  out.set("public", to_base64(ak.key.public_area, Base64::kStandard));
  return json::write(out);
}

Result<KeptAk> parse_ak(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {kMaxFile, 2, 16}, json::Form::kCanonical));
  const auto* object = value.object();
  const auto* format = object == nullptr ? nullptr : object->find("format");
  if (format == nullptr || format->integer() == nullptr || *format->integer() != 1 ||
      object->size() != 4) {
    return fail(Errc::kMalformed, "attestation key file is not of format 1");
  }
  KeptAk out;
  PAWL_TRY(const auto srk, word(*object, "srk"));
  PAWL_TRY(out.srk, fixed_from_hex<tpm::Name>(srk));
  PAWL_TRY(out.key.private_area, area(*object, "private"));
  PAWL_TRY(out.key.public_area, area(*object, "public"));
  return out;
}

Result<std::unique_ptr<EnrolmentKeys>> TpmKeys::open(Disk& disk, const std::string& ak_file,
                                                     const std::string& tcti) {
  PAWL_TRY(auto opened, tpm::Context::open(tcti));
  auto context = std::make_unique<tpm::Context>(std::move(opened));
  PAWL_TRY(auto kept, load_or_make(disk, ak_file, *context));
  auto attester = tpm::Attester::attach(*context, kept.srk);
  if (!attester) return std::move(attester).error().with_hint(kOtherTpm);
  return std::unique_ptr<EnrolmentKeys>(
      new TpmKeys(std::move(context), *std::move(attester), std::move(kept.key)));
}

Result<Bytes> TpmKeys::endorsement_public() {
  return attester_.endorsement_public();
}

Result<std::optional<Bytes>> TpmKeys::endorsement_certificate() {
  auto certificate = attester_.endorsement_certificate();
  if (certificate) return std::optional(*std::move(certificate));
  if (tpm::fault_of(certificate.error()) == tpm::Fault::kNotProvisioned) {
    return std::optional<Bytes>();
  }
  return std::move(certificate).error();
}

Result<SecretBytes> TpmKeys::activate(const tpm::Credential& credential) {
  return attester_.activate(ak_, credential);
}

Result<tpm::QuoteEvidence> TpmKeys::quote(const Sha256Digest& extra_data, tpm::PcrSet set) {
  return attester_.quote(ak_, extra_data, set);
}

}  // namespace pawl::updater
