#pragma once
#include <string>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

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

}  // namespace pawl::signer
