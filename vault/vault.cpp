#include "vault/vault.hpp"

#include <algorithm>
#include <set>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "vault/index_file.hpp"

namespace pawl::vault {
namespace {

constexpr std::string_view kWrapPurpose = "pawl-vault-wrap-v1";

/// A wrap is bound to the header of its data file and to its epoch (FORMAT 7.3.2).
Bytes wrap_binding(const EntryHeader& header, std::uint64_t epoch) {
  Writer w;
  w.bytes(header.serialise());
  w.u64_le(epoch);
  return std::move(w).take();
}

}  // namespace

std::string Vault::data_path(const FileId& file) const {
  return config_.directory + "/data/" + to_hex(file);
}

EntryHeader Vault::header_of(std::string_view name, std::uint32_t segment, std::uint64_t version,
                             std::uint8_t chunk_log2) const {
  EntryHeader header;
  header.store = store_;
  header.device = sha256(as_bytes(config_.device));
  header.name = name;
  header.version = version;
  header.segment = segment;
  header.chunk_log2 = chunk_log2;
  return header;
}

Result<Wrap> Vault::wrap(const SecretBytes& data_key, const EntryHeader& header,
                         std::uint64_t epoch, const SecretBytes& epoch_key) const {
  PAWL_TRY(const auto key, derive(epoch_key, kWrapPurpose));
  Wrap out;
  out.nonce = random_nonce(parts_.random);
  const auto sealed = seal(key, out.nonce, data_key.span(), wrap_binding(header, epoch));
  std::copy(sealed.begin(), sealed.end(), out.sealed.bytes.begin());
  return out;
}

Result<SecretBytes> Vault::unwrap(const Segment& segment, const EntryHeader& header) const {
  PAWL_TRY(const auto key, derive(epoch_key_, kWrapPurpose));
  PAWL_TRY(auto data_key, SecretBytes::allocate(kKeySize));
  PAWL_CHECK(open_into(data_key.mutable_span(), key, segment.wrap.nonce, segment.wrap.sealed.bytes,
                       wrap_binding(header, epoch_)));
  return data_key;
}

Status Vault::flip(Index next, std::uint64_t epoch, const SecretBytes& epoch_key) {
  next.generation = index_.generation + 1;
  next.anchored = anchor_.index;
  PAWL_TRY(const auto file, seal_index(next, store_, epoch, epoch_key, parts_.random));
  PAWL_CHECK(replace_file(parts_.disk, config_.directory + "/index", file));
  current_ = {next.generation, sha256(file)};
  index_ = std::move(next);
  return Ok{};
}

Status Vault::write_anchor(std::uint64_t epoch, const SecretBytes& epoch_key) {
  const AnchorValue value{current_, epoch_key_hash(epoch, epoch_key)};
  PAWL_CHECK(parts_.anchor.write(value));
  anchor_ = value;
  anchored_since_open_ = true;
  return Ok{};
}

Status Vault::commit(Index next) {
  PAWL_CHECK(flip(std::move(next), epoch_, epoch_key_));
  if (anchored_since_open_ && config_.anchoring == Anchoring::kFirstWrite) return Ok{};
  return write_anchor(epoch_, epoch_key_);
}

Status Vault::anchor_now() {
  if (anchor_.index == current_) return Ok{};
  return write_anchor(epoch_, epoch_key_);
}

Status Vault::collect(const std::vector<Segment>& dropped) {
  for (const auto& segment : dropped) PAWL_CHECK(parts_.disk.remove(data_path(segment.file)));
  return Ok{};  // a removal that a power cut undoes is collected at the next open
}

Status Vault::put(std::string_view name, ByteView value) {
  PAWL_TRY(auto writer, replace(name));
  PAWL_CHECK(writer.write(value));
  return writer.finish();
}

Result<EntryWriter> Vault::replace(std::string_view name) {
  return begin(name, {});
}

Result<EntryWriter> Vault::append(std::string_view name) {
  const auto at = index_.entries.find(name);
  return begin(name, at == index_.entries.end() ? std::vector<Segment>() : at->second);
}

Result<EntryWriter> Vault::begin(std::string_view name, std::vector<Segment> before) {
  PAWL_CHECK(check_name(name));
  if (before.size() >= kMaxSegments) {
    return fail(Errc::kTooLarge, "entry " + printable(name) + " has " +
                                     std::to_string(before.size()) + " segments, the limit is " +
                                     std::to_string(kMaxSegments))
        .with_hint("write the entry again as a whole");
  }
  if (index_.entries.size() >= kMaxEntries && !index_.entries.contains(name)) {
    return fail(Errc::kTooLarge,
                "the vault has " + std::to_string(kMaxEntries) + " entries, its limit");
  }
  Segment fresh;
  parts_.random.fill(fresh.file.bytes);
  fresh.version = index_.generation + 1;
  fresh.chunk_log2 = kChunkLog2;
  auto header =
      header_of(name, static_cast<std::uint32_t>(before.size()), fresh.version, fresh.chunk_log2);
  PAWL_TRY(auto key, random_key(parts_.random));
  PAWL_TRY(auto segment,
           SegmentWriter::create(parts_.disk, data_path(fresh.file), header, std::move(key)));
  return EntryWriter(*this, std::string(name), std::move(before), fresh, std::move(header),
                     std::move(segment));
}

Status EntryWriter::seal_segment() {
  PAWL_TRY(fresh_.size, segment_.finish());
  PAWL_TRY(fresh_.wrap, vault_.wrap(segment_.key(), header_, vault_.epoch_, vault_.epoch_key_));
  return Ok{};
}

std::vector<Segment> Vault::place(Index& next, EntryWriter& writer) {
  auto& segments = next.entries[writer.name_];
  std::vector<Segment> dropped;
  for (const auto& old : segments) {
    const auto& kept = writer.before_;
    if (std::find(kept.begin(), kept.end(), old) == kept.end()) dropped.push_back(old);
  }
  segments = writer.before_;
  segments.push_back(writer.fresh_);
  return dropped;
}

Status EntryWriter::finish() {
  auto& vault = vault_;
  PAWL_CHECK(seal_segment());
  PAWL_CHECK(vault.parts_.disk.sync_directory(vault.config_.directory + "/data"));
  Index next = vault.index_;
  const auto dropped = Vault::place(next, *this);
  PAWL_CHECK(vault.commit(std::move(next)));
  return vault.collect(dropped);
}

Status Vault::put_all(std::span<const NamedValue> values) {
  Index next = index_;
  std::vector<Segment> dropped;
  std::set<std::string_view> names;
  for (const auto& [name, value] : values) {
    if (!names.insert(name).second) {
      return fail(Errc::kUsage, "entry " + printable(name) + " is given twice");
    }
    PAWL_TRY(auto writer, begin(name, {}));
    PAWL_CHECK(writer.write(value));
    PAWL_CHECK(writer.seal_segment());
    const auto replaced = place(next, writer);
    dropped.insert(dropped.end(), replaced.begin(), replaced.end());
  }
  PAWL_CHECK(parts_.disk.sync_directory(config_.directory + "/data"));
  PAWL_CHECK(commit(std::move(next)));
  return collect(dropped);
}

Result<EntryReader> Vault::read(std::string_view name) {
  const auto at = index_.entries.find(name);
  if (at == index_.entries.end()) {
    return fail(Errc::kUsage, "the vault has no entry " + printable(name));
  }
  std::vector<SegmentReader> segments;
  for (std::uint32_t i = 0; i < at->second.size(); ++i) {
    const auto& segment = at->second[i];
    const auto header = header_of(name, i, segment.version, segment.chunk_log2);
    PAWL_TRY(auto key, unwrap(segment, header));
    PAWL_TRY(auto reader, SegmentReader::open(parts_.disk, data_path(segment.file), header,
                                              segment.size, std::move(key)));
    segments.push_back(std::move(reader));
  }
  return EntryReader(std::move(segments));
}

EntryReader::EntryReader(std::vector<SegmentReader> segments) : segments_(std::move(segments)) {
  for (const auto& segment : segments_) size_ += segment.size();
}

Status EntryReader::read_at(std::span<std::uint8_t> out, std::uint64_t offset) {
  if (offset > size_ || out.size() > size_ - offset) {
    return fail(Errc::kUsage, "read of " + std::to_string(out.size()) + " bytes at " +
                                  std::to_string(offset) + " passes the end at " +
                                  std::to_string(size_));
  }
  for (auto& segment : segments_) {
    if (offset > segment.size() || (offset == segment.size() && segment.size() != 0)) {
      offset -= segment.size();
      continue;
    }
    const auto n =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), segment.size() - offset));
    PAWL_CHECK(segment.read_at(out.first(n), offset));
    out = out.subspan(n);
    offset = 0;
    if (out.empty()) return Ok{};
  }
  return Ok{};
}

Result<SecretBytes> Vault::get(std::string_view name, std::size_t limit) {
  PAWL_TRY(auto reader, read(name));
  if (reader.size() > limit) {
    return fail(Errc::kTooLarge, "entry " + printable(name) + " has " +
                                     std::to_string(reader.size()) + " bytes, the limit is " +
                                     std::to_string(limit));
  }
  PAWL_TRY(auto value, SecretBytes::allocate(static_cast<std::size_t>(reader.size())));
  PAWL_CHECK(reader.read_at(value.mutable_span(), 0));
  return value;
}

Status Vault::remove(std::string_view name) {
  const auto at = index_.entries.find(name);
  if (at == index_.entries.end()) {
    return fail(Errc::kUsage, "the vault has no entry " + printable(name));
  }
  const auto dropped = at->second;
  Index next = index_;
  next.entries.erase(next.entries.find(name));
  PAWL_CHECK(commit(std::move(next)));
  return collect(dropped);
}

std::vector<EntryInfo> Vault::list() const {
  std::vector<EntryInfo> out;
  for (const auto& [name, segments] : index_.entries) {
    EntryInfo info{name, 0, segments.back().version, segments.size()};
    for (const auto& segment : segments) info.size += segment.size;
    out.push_back(std::move(info));
  }
  return out;
}

VaultStatus Vault::status() const {
  return {std::string(parts_.protector.name()), current_.generation, anchor_.index.generation,
          epoch_, index_.entries.size()};
}

}  // namespace pawl::vault
