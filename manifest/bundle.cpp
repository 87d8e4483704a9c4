#include "manifest/bundle.hpp"

#include <algorithm>
#include <set>

#include "base/reader.hpp"
#include "manifest/attack.hpp"
#include "manifest/fields.hpp"
#include "manifest/path.hpp"
#include "manifest/release.hpp"

namespace pawl::manifest {
namespace {

constexpr std::string_view kMagic = "PAWLBND1";
constexpr std::size_t kMaxEntries = 4096;
constexpr std::size_t kMaxName = 384;
constexpr std::uint64_t kMaxMetadata = std::uint64_t{256} * 1024;
constexpr std::size_t kRecord = 1 + 2 + 8;  // without the name
constexpr std::string_view kManifestSuffix = ".manifest.json";

Error malformed(std::string what) {
  return refuse(Attack::kMalformed, Errc::kMalformed, "bundle: " + std::move(what));
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && made_of(text, "0123456789abcdef", 64);
}

/// The names a repository directory has (FORMAT 11.1.1), role names percent-encoded.
bool is_metadata_name(std::string_view name) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%-";
  return made_of(name, kAlphabet, 160) && !name.starts_with('.') && name.ends_with(".json");
}

struct Limit {
  bool named_well = false;
  std::uint64_t least = 1;
  std::uint64_t most = 0;
};

Limit limit_of(const BundleEntry& entry) {
  switch (entry.part) {
    case BundlePart::kMetadata:
      return {is_metadata_name(entry.name), 1, kMaxMetadata};
    case BundlePart::kTarget:
      return {safe_target_path(entry.name), 1, kMaxReleaseBytes};
    case BundlePart::kBlob:
      return {is_digest(entry.name), 0, kMaxComponentSize};
  }
  return {};
}

Status check_entry(const BundleEntry& entry) {
  const auto limit = limit_of(entry);
  if (!limit.named_well) return malformed(printable(entry.name) + " is no name of such a part");
  if (entry.length >= limit.least && entry.length <= limit.most) return Ok{};
  return refuse(Attack::kEndless, Errc::kTooLarge,
                "bundle: " + printable(entry.name) + " has " + std::to_string(entry.length) +
                    " bytes, the limits are " + std::to_string(limit.least) + " and " +
                    std::to_string(limit.most));
}

Result<BundleEntry> read_entry(Reader& in) {
  BundleEntry out;
  PAWL_TRY(const auto part, in.u8());
  if (part < 1 || part > 3) return malformed("unknown part " + std::to_string(part));
  out.part = static_cast<BundlePart>(part);
  PAWL_TRY(const auto name_length, in.u16_le());
  if (name_length > kMaxName) return malformed("a name of " + std::to_string(name_length));
  PAWL_TRY(out.length, in.u64_le());
  PAWL_TRY(const auto name, in.take(name_length));
  out.name = as_text(name);
  return out;
}

}  // namespace

Result<std::size_t> BundleTable::head_size(ByteView prefix) {
  Reader in(prefix);
  PAWL_TRY(const auto magic, in.take(kMagic.size()));
  if (as_text(magic) != kMagic) return malformed("not a bundle of format 1");
  PAWL_TRY(const auto count, in.u32_le());
  PAWL_TRY(const auto length, in.u32_le());
  if (count == 0 || count > kMaxEntries || length > kMaxTable) {
    return refuse(Attack::kEndless, Errc::kTooLarge,
                  "bundle: a table of " + std::to_string(count) + " files in " +
                      std::to_string(length) + " bytes");
  }
  if (!in.empty()) return malformed("bytes after the prefix");
  return kPrefix + length;
}

Result<BundleTable> BundleTable::parse(ByteView head, std::uint64_t file_size) {
  if (head.size() < kPrefix) return malformed("ends early");
  PAWL_TRY(const auto size, head_size(head.first(kPrefix)));
  if (size != head.size()) return malformed("the table ends early");
  Reader in(head.subspan(kMagic.size()));
  PAWL_TRY(const auto count, in.u32_le());
  PAWL_CHECK(in.take(4));
  BundleTable out;
  for (std::uint32_t i = 0; i < count; ++i) {
    PAWL_TRY(auto entry, read_entry(in));
    out.entries_.push_back(std::move(entry));
  }
  if (!in.empty()) return malformed("bytes after the table");
  PAWL_CHECK(out.check());
  if (out.file_size() != file_size) {
    return malformed("has " + std::to_string(file_size) + " bytes, its table says " +
                     std::to_string(out.file_size()))
        .with_hint("the copy is not complete: copy it again");
  }
  return out;
}

Result<BundleTable> BundleTable::build(std::vector<BundleEntry> entries) {
  if (entries.empty() || entries.size() > kMaxEntries) return malformed("no files, or too many");
  BundleTable out;
  out.entries_ = std::move(entries);
  PAWL_CHECK(out.check());
  return out;
}

/// The rules of FORMAT 14.2; works out the offsets. Sums cannot overflow: 4096 times 2^40.
Status BundleTable::check() {
  std::uint64_t at = kPrefix;
  for (const auto& entry : entries_) at += kRecord + entry.name.size();
  if (at > kPrefix + kMaxTable) return malformed("the table is too long");
  std::set<std::pair<BundlePart, std::string_view>> seen;
  const BundleEntry* before = nullptr;
  for (auto& entry : entries_) {
    PAWL_CHECK(check_entry(entry));
    if (before != nullptr && entry.part < before->part) return malformed("parts are out of order");
    if (!seen.emplace(entry.part, entry.name).second) {
      return malformed(printable(entry.name) + " is there twice");
    }
    if (entry.part == BundlePart::kTarget) PAWL_CHECK(take_release(entry));
    entry.offset = at;
    at += entry.length;
    before = &entry;
  }
  if (version_.empty()) return malformed("carries no release manifest");
  return Ok{};
}

/// releases/<product>/<version>/<sha256>.manifest.json, once.
Status BundleTable::take_release(const BundleEntry& entry) {
  std::vector<std::string> parts(1);
  for (const char c : entry.name) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const auto& file = parts.back();
  if (parts.size() != 4 || parts[0] != "releases" || !file.ends_with(kManifestSuffix) ||
      !is_digest(std::string_view(file).substr(0, file.size() - kManifestSuffix.size()))) {
    return malformed(printable(entry.name) + " is no release manifest");
  }
  if (!version_.empty()) return malformed("carries two release manifests");
  product_ = parts[1];
  version_ = parts[2];
  return Ok{};
}

Bytes BundleTable::serialise() const {
  std::size_t length = 0;
  for (const auto& entry : entries_) length += kRecord + entry.name.size();
  Writer out;
  out.bytes(as_bytes(kMagic));
  out.u32_le(static_cast<std::uint32_t>(entries_.size()));
  out.u32_le(static_cast<std::uint32_t>(length));
  for (const auto& entry : entries_) {
    out.u8(static_cast<std::uint8_t>(entry.part));
    out.u16_le(static_cast<std::uint16_t>(entry.name.size()));
    out.u64_le(entry.length);
    out.bytes(as_bytes(entry.name));
  }
  return std::move(out).take();
}

std::uint64_t BundleTable::file_size() const {
  return entries_.back().offset + entries_.back().length;
}

const BundleEntry* BundleTable::find(BundlePart part, std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const BundleEntry& e) {
    return e.part == part && e.name == name;
  });
  return found == entries_.end() ? nullptr : &*found;
}

}  // namespace pawl::manifest
