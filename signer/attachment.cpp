#include "signer/attachment.hpp"

#include "base/digest.hpp"
#include "base/json.hpp"

namespace pawl::signer {
namespace {

constexpr json::Limits kLimits{std::size_t{64} << 20U, 64, std::size_t{1} << 24U};

/// Empty when the member is absent or no text.
std::string text_of(const json::Object& object, std::string_view name) {
  const auto* const value = object.find(name);
  const auto* const text = value == nullptr ? nullptr : value->string();
  return text == nullptr ? std::string() : *text;
}

Status need(const std::string& kind, bool there, const std::string& what) {
  if (there) return Ok{};
  return fail(Errc::kMalformed, "not " + kind + ": " + what);
}

Status check_cyclonedx(const json::Object& file) {
  const std::string kind = "sbom-cyclonedx";
  PAWL_CHECK(need(kind, text_of(file, "bomFormat") == "CycloneDX", "bomFormat is not CycloneDX"));
  return need(kind, !text_of(file, "specVersion").empty(), "specVersion is missing");
}

Status check_spdx(const json::Object& file) {
  const bool second = text_of(file, "spdxVersion").starts_with("SPDX-");
  const bool third = text_of(file, "@context").starts_with("https://spdx.org/rdf/3");
  return need("sbom-spdx", second || third, "neither spdxVersion nor the context of SPDX 3");
}

Status check_provenance(const json::Object& file) {
  const std::string kind = "slsa-provenance";
  PAWL_CHECK(need(kind, text_of(file, "_type").starts_with("https://in-toto.io/Statement/v"),
                  "_type is not an in-toto statement"));
  PAWL_CHECK(need(kind, text_of(file, "predicateType").starts_with("https://slsa.dev/provenance/"),
                  "predicateType is not SLSA provenance"));
  const auto* const subjects = file.find("subject");
  const bool named =
      subjects != nullptr && subjects->array() != nullptr && !subjects->array()->empty();
  return need(kind, named, "no subject");
}

std::string sha256_of(const json::Value& subject) {
  const auto* const fields = subject.object();
  const auto* const digests = fields == nullptr ? nullptr : fields->find("digest");
  const auto* const known = digests == nullptr ? nullptr : digests->object();
  return known == nullptr ? std::string() : text_of(*known, "sha256");
}

/// One image at least was built as the provenance says, and none that it names otherwise.
Status check_subjects(const json::Object& file,
                      const std::vector<manifest::Component>& components) {
  bool any = false;
  for (const auto& subject : *file.find("subject")->array()) {
    const auto digest = sha256_of(subject);
    const auto name = subject.object() == nullptr ? "" : text_of(*subject.object(), "name");
    for (const auto& component : components) {
      const auto ours = to_hex(component.sha256);
      any = any || digest == ours;
      if (name != component.name || digest == ours) continue;
      auto why = "is of another " + name;
      why += ": sha256 " + printable(digest);
      why += ", the image has " + ours;
      return fail(Errc::kHashMismatch, std::move(why));
    }
  }
  if (any) return Ok{};
  return fail(Errc::kHashMismatch, "is of no image of this release")
      .with_hint("no subject has the sha256 of one: is the provenance of another build?");
}

}  // namespace

Status check_attachment(const std::string& kind, ByteView file,
                        const std::vector<manifest::Component>& components) {
  if (file.empty()) return fail(Errc::kMalformed, "is empty");
  const bool is_json = kind == "sbom-cyclonedx" || kind == "sbom-spdx" || kind == "slsa-provenance";
  if (!is_json) return Ok{};
  PAWL_TRY(const auto value, json::parse(as_text(file), kLimits));
  const auto* const object = value.object();
  PAWL_CHECK(need(kind, object != nullptr, "no JSON object"));
  if (kind == "sbom-cyclonedx") return check_cyclonedx(*object);
  if (kind == "sbom-spdx") return check_spdx(*object);
  PAWL_CHECK(check_provenance(*object));
  return check_subjects(*object, components);
}

}  // namespace pawl::signer
