#pragma once
#include "signer/ceremony_check.hpp"
#include "signer/release_build.hpp"
#include "signer/revision.hpp"

namespace pawl::signer {

/// The revision a complete ceremony makes of what is published: its own role as it was signed, and
/// every role below whose file would no longer verify under the keys it brings, to be signed again
/// with the keys at hand.
///
/// So a key leaves a role only after its successor has signed: first both are listed, then the role
/// is renewed with the new one, then the old one goes.
/// @return kLedger when that version is on disk already, or the errors of the disk
[[nodiscard]] Result<Revision> ceremony_revision(Disk& disk, const Ceremony& ceremony,
                                                 const CeremonyView& view,
                                                 const Repository& published, const Expiry& expiry,
                                                 UtcTime now);

/// What the release that a ceremony adds needs beside its role: payloads, manifest, proof.
/// @param built  the release in `directory`
/// @param proof  has to be the one that was signed (FORMAT 11.8.7)
/// @return kHashMismatch for another release or proof, kUsage when a proof is missing
[[nodiscard]] Result<Publication> ceremony_files(
    Disk& disk, const Ceremony& ceremony, const CeremonyView& view, const Repository& published,
    const BuiltRelease& built, const std::string& directory, const std::optional<Bytes>& proof);

/// Signs again what lies below a role whose keys changed and no longer verifies, and begins the
/// roles of new product lines.
[[nodiscard]] Status renew_below(Disk& disk, const Ceremony& ceremony, const CeremonyView& view,
                                 const Repository& published, Revision& out);

}  // namespace pawl::signer
