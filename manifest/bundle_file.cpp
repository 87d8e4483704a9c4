#include "manifest/bundle_file.hpp"

#include "manifest/attack.hpp"

namespace pawl::manifest {
namespace {

Result<Bytes> read_head(File& file) {
  Bytes head(BundleTable::kPrefix);
  PAWL_TRY(const auto got, file.read_at(head, 0));
  head.resize(got);
  PAWL_TRY(const auto size, BundleTable::head_size(head));
  head.resize(size);
  PAWL_TRY(const auto all, file.read_at(head, 0));
  head.resize(all);
  return head;
}

Result<BundleTable> read_table(File& file) {
  PAWL_TRY(const auto head, read_head(file));
  PAWL_TRY(const auto size, file.size());
  return BundleTable::parse(head, size);
}

}  // namespace

BundleFile::BundleFile(std::unique_ptr<File> file, BundleTable table)
    : file_(std::move(file)), table_(std::move(table)) {}

Result<BundleFile> BundleFile::open(Disk& disk, const std::string& path) {
  PAWL_TRY(auto file, disk.open(path, OpenMode::kRead));
  auto table = read_table(*file);
  if (table) return BundleFile(std::move(file), *std::move(table));
  auto error = std::move(table).error();
  error.prefix(path);
  return error;
}

Status BundleFile::read_at(const BundleEntry& entry, std::span<std::uint8_t> out,
                           std::uint64_t offset) {
  if (offset > entry.length || out.size() > entry.length - offset) {
    return fail(Errc::kTransport, "bundle: " + printable(entry.name) + " has only " +
                                      std::to_string(entry.length) + " bytes");
  }
  PAWL_TRY(const auto got, file_->read_at(out, entry.offset + offset));
  if (got == out.size()) return Ok{};
  return fail(Errc::kTransport, "bundle: " + printable(entry.name) + " ends early");
}

Result<std::optional<Bytes>> BundleFile::read(BundlePart part, const std::string& name,
                                              std::size_t limit) {
  const auto* entry = table_.find(part, name);
  if (entry == nullptr) return std::optional<Bytes>();
  if (entry->length > limit) {
    return refuse(Attack::kEndless, Errc::kTooLarge,
                  "bundle: " + printable(name) + " has " + std::to_string(entry->length) +
                      " bytes, the limit is " + std::to_string(limit));
  }
  Bytes out(static_cast<std::size_t>(entry->length));
  PAWL_CHECK(read_at(*entry, out, 0));
  return std::optional(std::move(out));
}

Result<std::optional<Bytes>> BundleFile::metadata(const std::string& file, std::size_t limit) {
  return read(BundlePart::kMetadata, file, limit);
}

Result<std::optional<Bytes>> BundleFile::target(const std::string& path, std::size_t limit) {
  return read(BundlePart::kTarget, path, limit);
}

}  // namespace pawl::manifest
