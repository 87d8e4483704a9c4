#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "distributor/messages.hpp"
#include "distributor/store.hpp"
#include "manifest/ports.hpp"

namespace pawl::distributor {

/// What a repository offers: verified metadata from its first root on, read as a device would.
struct Catalog {
  std::string meta;  // SHA-256 of timestamp.json, hexadecimal; empty: nothing published
  MetadataVersion timestamp{0};
  std::map<std::string, std::vector<Offer>, std::less<>> products;  // highest counter first

  /// The release with the highest counter that is not withheld; null when there is none.
  [[nodiscard]] const Offer* newest(const std::string& product,
                                    const std::set<Withheld>& withheld) const;
  [[nodiscard]] const Offer* find(const std::string& product, const std::string& version) const;
};

/// Reads a repository through `files`. An empty one gives an empty catalog.
/// @return what manifest::Updater says of metadata that do not verify
[[nodiscard]] Result<Catalog> read_catalog(manifest::Fetcher& files, Clock& clock);

/// SHA-256 of timestamp.json as it is now, hexadecimal; empty when there is none.
[[nodiscard]] Result<std::string> meta_of(manifest::Fetcher& files);

}  // namespace pawl::distributor
