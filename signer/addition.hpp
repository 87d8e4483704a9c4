#pragma once
#include <optional>
#include <string>

#include "signer/publication.hpp"
#include "signer/release_build.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// What `release add` will publish, before anything is signed.
struct ReleaseAddition {
  std::string role;           // rel-<product>
  manifest::Targets targets;  // of that role, with the release
  Publication files;          // blobs, then the manifest that names them
  bool changed = true;        // false: this very release is listed already
};

/// Compares the release with what the product has published (FORMAT 11.3).
/// @param directory  where `built` was loaded from
/// @param proof      its transparency proof (FORMAT 2.6.8); a listed release keeps the one it has
///                   when none is given, and gets this one when it is another
/// @return the errors of check_addition; nothing is written
[[nodiscard]] Result<ReleaseAddition> plan_addition(Disk& disk, const Repository& repository,
                                                    const BuiltRelease& built,
                                                    const std::string& directory,
                                                    const std::optional<Bytes>& proof = {});

}  // namespace pawl::signer
