#include "base/progress.hpp"
#include "manifest/release.hpp"
#include "signer/inspect.hpp"

namespace pawl::signer {
namespace {

std::string line(std::string_view name, const std::string& value) {
  constexpr std::size_t kColumn = 20;
  std::string out = "  " + std::string(name);
  out.resize(std::max(out.size() + 1, kColumn), ' ');
  return out + value + "\n";
}

Result<manifest::Release> manifest_in(manifest::BundleFile& bundle,
                                      const manifest::BundleEntry& entry) {
  Bytes bytes(static_cast<std::size_t>(entry.length));
  PAWL_CHECK(bundle.read_at(entry, bytes, 0));
  return manifest::Release::parse(as_text(bytes));
}

}  // namespace

Result<Inspection> inspect_bundle(manifest::BundleFile& bundle) {
  const auto& table = bundle.table();
  Inspection out;
  out.kind = "offline bundle";
  out.facts.set("product", table.product());
  out.facts.set("version", table.version());
  out.facts.set("size", static_cast<std::int64_t>(table.file_size()));
  out.text = line("release", table.product() + " " + table.version()) +
             line("size", format_size(table.file_size()));
  json::Array metadata;
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;
  for (const auto& entry : table.entries()) {
    if (entry.part == manifest::BundlePart::kMetadata) {
      metadata.emplace_back(entry.name);
      out.text += line("metadata", entry.name + ", " + format_size(entry.length));
    } else if (entry.part == manifest::BundlePart::kTarget) {
      PAWL_TRY(const auto release, manifest_in(bundle, entry));
      const auto counter = release.release_counter.get();
      const auto security = release.security_version.get();
      out.facts.set("manifest", entry.name);
      out.facts.set("release_counter", static_cast<std::int64_t>(counter));
      out.facts.set("security_version", static_cast<std::int64_t>(security));
      out.text += line("manifest", "release counter " + std::to_string(counter) +
                                       ", security version " + std::to_string(security));
    } else {
      ++blobs;
      bytes += entry.length;
    }
  }
  out.facts.set("metadata", std::move(metadata));
  out.facts.set("blobs", static_cast<std::int64_t>(blobs));
  out.facts.set("blob_bytes", static_cast<std::int64_t>(bytes));
  out.text += line("blobs", std::to_string(blobs) + ", " + format_size(bytes)) +
              line("signatures", "not checked: pawl-updater install --bundle --dry-run does that");
  return out;
}

}  // namespace pawl::signer
