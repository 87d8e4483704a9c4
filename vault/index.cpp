#include "vault/index.hpp"

#include "base/reader.hpp"

namespace pawl::vault {
namespace {

void write_segment(Writer& w, const Segment& segment) {
  w.bytes(segment.file.bytes);
  w.u64_le(segment.version);
  w.u64_le(segment.size);
  w.u8(segment.chunk_log2);
  w.bytes(segment.wrap.nonce.bytes);
  w.bytes(segment.wrap.sealed.bytes);
}

Result<Segment> read_segment(Reader& r) {
  Segment segment;
  PAWL_CHECK(r.into(segment.file));
  PAWL_TRY(segment.version, r.u64_le());
  PAWL_TRY(segment.size, r.u64_le());
  PAWL_TRY(segment.chunk_log2, r.u8());
  if (segment.chunk_log2 < kMinChunkLog2 || segment.chunk_log2 > kMaxChunkLog2) {
    return fail(Errc::kMalformed, "vault index: chunk size outside 2^12 to 2^20");
  }
  PAWL_CHECK(r.into(segment.wrap.nonce));
  PAWL_CHECK(r.into(segment.wrap.sealed));
  return segment;
}

Result<std::vector<Segment>> read_segments(Reader& r) {
  PAWL_TRY(const auto count, r.u32_le());
  if (count == 0 || count > kMaxSegments) {
    return fail(Errc::kMalformed, "vault index: " + std::to_string(count) +
                                      " segments in one entry, the limit is 1 to " +
                                      std::to_string(kMaxSegments));
  }
  std::vector<Segment> segments;
  for (std::uint32_t i = 0; i < count; ++i) {
    PAWL_TRY(auto segment, read_segment(r));
    segments.push_back(segment);
  }
  return segments;
}

}  // namespace

Bytes serialise(const Index& index) {
  Writer w;
  w.u64_le(index.anchored.generation);
  w.bytes(index.anchored.hash.bytes);
  w.u64_le(index.renewals);
  w.u32_le(static_cast<std::uint32_t>(index.entries.size()));
  for (const auto& [name, segments] : index.entries) {
    w.u16_le(static_cast<std::uint16_t>(name.size()));
    w.bytes(as_bytes(name));
    w.u32_le(static_cast<std::uint32_t>(segments.size()));
    for (const auto& segment : segments) write_segment(w, segment);
  }
  return std::move(w).take();
}

Result<Index> parse_index(ByteView plain) {
  if (plain.size() > kMaxIndexBytes) return fail(Errc::kTooLarge, "vault index over 32 MiB");
  Reader r(plain);
  Index index;
  PAWL_TRY(index.anchored.generation, r.u64_le());
  PAWL_CHECK(r.into(index.anchored.hash));
  PAWL_TRY(index.renewals, r.u64_le());
  PAWL_TRY(const auto count, r.u32_le());
  if (count > kMaxEntries) {
    return fail(Errc::kTooLarge, "vault index: " + std::to_string(count) +
                                     " entries, the limit is " + std::to_string(kMaxEntries));
  }
  std::string last;
  for (std::uint32_t i = 0; i < count; ++i) {
    PAWL_TRY(const auto length, r.u16_le());
    PAWL_TRY(const auto raw, r.take(length));
    std::string name(as_text(raw));
    if (!check_name(name)) return fail(Errc::kMalformed, "vault index: bad entry name");
    if (i > 0 && name <= last) return fail(Errc::kMalformed, "vault index: names not sorted");
    PAWL_TRY(auto segments, read_segments(r));
    last = name;
    index.entries.emplace_hint(index.entries.end(), std::move(name), std::move(segments));
  }
  if (!r.empty()) return fail(Errc::kMalformed, "vault index: bytes after the last entry");
  return index;
}

}  // namespace pawl::vault
