#include "signer/spread.hpp"

#include <algorithm>
#include <numeric>

#include "manifest/fields.hpp"

namespace pawl::signer {
namespace {

constexpr std::size_t kMaxRows = 1024;
constexpr std::size_t kMaxVersion = 64;  // characters, as in a manifest
constexpr std::int64_t kMaxDevices = 1'000'000'000'000;

}  // namespace

Result<Spread> Spread::parse(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {kMaxSpreadBytes, 4, 8 * kMaxRows}));
  PAWL_TRY(const auto fields, manifest::Fields::of(value, "version spread"));
  PAWL_CHECK(fields.literal("_type", "pawl.spread"));
  PAWL_CHECK(fields.integer("format", 1, 1));
  Spread out;
  PAWL_TRY(out.product, fields.text("product", kMaxVersion));
  PAWL_TRY(const auto* const rows, fields.array("versions", kMaxRows));
  for (const auto& entry : *rows) {
    PAWL_TRY(const auto row, manifest::Fields::of(entry, "version spread: versions"));
    Row read;
    PAWL_TRY(read.version, row.text("version", kMaxVersion));
    PAWL_TRY(const auto devices, row.integer("devices", 0, kMaxDevices));
    read.devices = static_cast<std::uint64_t>(devices);
    const auto same = [&](const Row& other) { return other.version == read.version; };
    if (std::any_of(out.rows.begin(), out.rows.end(), same)) {
      return row.bad("version", "comes twice");
    }
    out.rows.push_back(std::move(read));
  }
  return out;
}

std::vector<std::string> Spread::cover(unsigned percent, std::size_t limit) const {
  auto sorted = rows;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Row& a, const Row& b) { return a.devices > b.devices; });
  const auto all =
      std::accumulate(rows.begin(), rows.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const Row& row) { return sum + row.devices; });
  std::vector<std::string> out;
  std::uint64_t covered = 0;
  for (const auto& row : sorted) {
    if (out.size() == limit || row.devices == 0 || covered * 100 >= all * percent) break;
    covered += row.devices;
    out.push_back(row.version);
  }
  return out;
}

}  // namespace pawl::signer
