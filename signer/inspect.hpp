#pragma once
#include <string>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "manifest/bundle_file.hpp"

namespace pawl::signer {

struct Inspection {
  std::string kind;  // "root", "targets", "release manifest", "payload index", "UKI", …
  json::Object facts;
  std::string text;  // for people, ends with a line feed
};

/// Largest file `inspect` reads.
inline constexpr std::size_t kMaxInspected = std::size_t{1} << 30U;

/// Says what a file is and what it holds, by its content alone. Verifies a root's own signatures;
/// other signatures cannot be judged without a repository, and the text says so.
/// @return kMalformed when it is nothing Pawl writes
[[nodiscard]] Result<Inspection> inspect_file(ByteView file);
/// The same of an offline bundle, whatever its size: only its table and its manifest are read.
[[nodiscard]] Result<Inspection> inspect_bundle(manifest::BundleFile& bundle);
/// Either, by the first bytes of the file at `path`, which its errors name.
[[nodiscard]] Result<Inspection> inspect_path(Disk& disk, const std::string& path);

}  // namespace pawl::signer
