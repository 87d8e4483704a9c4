#include "vault/entry_header.hpp"

#include <algorithm>

#include "base/reader.hpp"

namespace pawl::vault {
namespace {

constexpr std::string_view kMagic = "PAWLENT1";

bool name_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || std::string_view("._-/@:+").find(c) < 7;
}

}  // namespace

Status check_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) {
    return fail(Errc::kUsage, "entry name of " + std::to_string(name.size()) +
                                  " bytes, the limit is 1 to " + std::to_string(kMaxName));
  }
  if (!std::all_of(name.begin(), name.end(), name_character)) {
    return fail(Errc::kUsage, "entry name " + printable(name) +
                                  " has a character outside A-Z a-z 0-9 . _ - / @ : +");
  }
  return Ok{};
}

Bytes EntryHeader::serialise() const {
  Writer w;
  w.bytes(as_bytes(kMagic));
  w.bytes(store.bytes);
  w.bytes(device.bytes);
  w.u64_le(version);
  w.u32_le(segment);
  w.u8(cipher);
  w.u8(chunk_log2);
  w.u16_le(static_cast<std::uint16_t>(name.size()));
  w.bytes(as_bytes(name));
  return std::move(w).take();
}

Result<ParsedHeader> parse_entry_header(ByteView file) {
  Reader r(file);
  ParsedHeader out;
  auto& h = out.header;
  PAWL_TRY(const auto magic, r.take(kMagic.size()));
  if (as_text(magic) != kMagic) return fail(Errc::kMalformed, "not a vault data file");
  PAWL_CHECK(r.into(h.store));
  PAWL_CHECK(r.into(h.device));
  PAWL_TRY(h.version, r.u64_le());
  PAWL_TRY(h.segment, r.u32_le());
  PAWL_TRY(h.cipher, r.u8());
  if (h.cipher != kCipherXChaCha20Poly1305) {
    return fail(Errc::kMalformed, "unknown cipher " + std::to_string(h.cipher));
  }
  PAWL_TRY(h.chunk_log2, r.u8());
  if (h.chunk_log2 < kMinChunkLog2 || h.chunk_log2 > kMaxChunkLog2) {
    return fail(Errc::kMalformed,
                "chunk size 2^" + std::to_string(h.chunk_log2) + " is outside 2^12 to 2^20");
  }
  PAWL_TRY(const auto length, r.u16_le());
  PAWL_TRY(const auto name, r.take(length));
  if (!check_name(as_text(name))) return fail(Errc::kMalformed, "bad entry name in a data file");
  h.name = as_text(name);
  out.size = file.size() - r.left();
  return out;
}

}  // namespace pawl::vault
