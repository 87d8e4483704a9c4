#pragma once
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl::signer {

/// Whether a file is what its kind says: an SBOM of CycloneDX (JSON) or SPDX (JSON), provenance of
/// SLSA as an in-toto statement; notes are text. What a release binds by digest should be readable.
/// @return kMalformed naming what is missing
[[nodiscard]] Status check_attachment(const std::string& kind, ByteView file);

}  // namespace pawl::signer
