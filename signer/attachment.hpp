#pragma once
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "manifest/release.hpp"

namespace pawl::signer {

/// Whether a file is what its kind says: an SBOM of CycloneDX (JSON) or SPDX (JSON), provenance of
/// SLSA as an in-toto statement; notes are text. What a release binds by digest should be readable.
/// Provenance must have the digest of an image of the release among its subjects, and no other
/// digest for a subject named like one.
/// @return kMalformed naming what is missing, kHashMismatch
[[nodiscard]] Status check_attachment(const std::string& kind, ByteView file,
                                      const std::vector<manifest::Component>& components);

}  // namespace pawl::signer
