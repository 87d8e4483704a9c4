#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pawl::signer {

inline constexpr std::size_t kMaxSpreadBytes = 65536;

/// How many devices run each release of a product, as a distributor exports it (FORMAT 11.6).
struct Spread {
  struct Row {
    std::string version;
    std::uint64_t devices = 0;
  };
  std::string product;
  std::vector<Row> rows;

  /// @return kTooLarge, kMalformed
  static Result<Spread> parse(std::string_view text);
  /// The fewest versions that together hold at least `percent` of the devices, most devices first;
  /// at most `limit`, whatever they cover. Versions that no device runs are left out.
  [[nodiscard]] std::vector<std::string> cover(unsigned percent, std::size_t limit) const;
};

}  // namespace pawl::signer
