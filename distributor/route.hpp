#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pawl::distributor {

/// What a request target names. Files are named by their place in the repository directory.
enum class RouteKind : std::uint8_t { kMetadata, kTargets, kBlob };

struct Route {
  RouteKind kind = RouteKind::kMetadata;
  std::string file;  // below metadata/, targets/ or blobs/
};

/// Reads a request target (FORMAT 12.2). Nothing is decoded: a percent sign, a query, an absolute
/// form or any byte outside the grammar is refused, so a name is never a way out of the repository.
/// @return kTooLarge over 512 bytes, kMalformed for everything that names nothing.
[[nodiscard]] Result<Route> parse_route(std::string_view target);

}  // namespace pawl::distributor
