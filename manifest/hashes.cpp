#include "manifest/hashes.hpp"

#include <sodium.h>

#include "base/digest.hpp"
#include "manifest/attack.hpp"
#include "manifest/fields.hpp"

namespace pawl::manifest {
namespace {

Sha512Digest sha512(ByteView bytes) {
  Sha512Digest out;
  crypto_hash_sha512(out.bytes.data(), bytes.data(), bytes.size());
  return out;
}

}  // namespace

Status FileHashes::check(ByteView bytes, const std::string& what) const {
  const auto wrong = [&](const std::string& why) {
    return refuse(Attack::kArbitrary, Errc::kHashMismatch, what + " " + why);
  };
  if (unknown) return wrong("is listed under a digest algorithm that is not known");
  if (!sha256 && !sha512) return wrong("is listed without a digest");
  if (sha256 && pawl::sha256(bytes) != *sha256) return wrong("does not have the signed SHA-256");
  if (sha512 && manifest::sha512(bytes) != *sha512)
    return wrong("does not have the signed SHA-512");
  return Ok{};
}

std::string FileHashes::file_prefix() const {
  if (sha256) return to_hex(*sha256);
  return sha512 ? to_hex(*sha512) : "";
}

Result<FileHashes> parse_hashes(const json::Object& object, const std::string& where,
                                Profile profile) {
  const Fields fields(object, where);
  FileHashes out;
  for (const auto& member : object.members()) {
    const auto* hex = member.value.string();
    if (hex == nullptr) return fields.bad(member.name, "is not a string");
    if (member.name == "sha256") {
      PAWL_TRY(out.sha256, fixed_from_hex<Sha256Digest>(*hex));
    } else if (member.name == "sha512" && profile == Profile::kInterop) {
      PAWL_TRY(out.sha512, fixed_from_hex<Sha512Digest>(*hex));
    } else if (profile == Profile::kStrict) {
      return fields.bad(member.name, "is not a digest algorithm of the strict profile");
    } else {
      out.unknown = true;
    }
  }
  if (object.empty()) return fail(Errc::kMalformed, where + " is empty");
  return out;
}

json::Object hashes_to_json(const FileHashes& hashes) {
  json::Object out;
  if (hashes.sha256) out.set("sha256", to_hex(*hashes.sha256));
  if (hashes.sha512) out.set("sha512", to_hex(*hashes.sha512));
  return out;
}

}  // namespace pawl::manifest
