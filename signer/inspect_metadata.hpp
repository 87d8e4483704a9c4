#pragma once
#include "signer/inspect.hpp"

namespace pawl::signer {

/// A TUF role file: versions, expiry, keys, thresholds, delegations, targets, who signed.
[[nodiscard]] Result<Inspection> inspect_metadata(ByteView file);
/// A release manifest.
[[nodiscard]] Result<Inspection> inspect_release(ByteView file);

}  // namespace pawl::signer
