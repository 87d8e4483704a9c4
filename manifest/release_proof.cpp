#include "manifest/release_proof.hpp"

#include "manifest/attack.hpp"
#include "manifest/fields.hpp"

namespace pawl::manifest {

Result<std::optional<BlobReference>> proof_of(const TargetInfo& target) {
  const Fields custom(target.custom, "target custom");
  if (!custom.has("proof")) return std::optional<BlobReference>();
  PAWL_TRY(const auto proof, classified(custom.object("proof")));
  BlobReference out;
  PAWL_TRY(out.sha256, classified(proof.sha256("sha256")));
  PAWL_TRY(const auto size, classified(proof.integer("size", 1, kMaxProofBytes)));
  out.size = static_cast<std::uint64_t>(size);
  return std::optional(out);
}

void set_proof(TargetInfo& target, const BlobReference& proof) {
  json::Object reference;
  reference.set("sha256", to_hex(proof.sha256));
  reference.set("size", static_cast<std::int64_t>(proof.size));
  target.custom.set("proof", std::move(reference));
}

}  // namespace pawl::manifest
