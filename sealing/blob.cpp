#include "sealing/blob.hpp"

#include <algorithm>
#include <string_view>

#include "base/reader.hpp"

namespace pawl::sealing {
namespace {

constexpr std::string_view kMagic = "PAWLBLB1";

Result<Bytes> read_area(Reader& r, std::string_view what) {
  PAWL_TRY(const auto size, r.u16_le());
  if (size == 0 || size > tpm::kMaxBlob) {
    return fail(Errc::kTooLarge, "sealed object: " + std::string(what) + " area of " +
                                     std::to_string(size) + " bytes, the limit is 1 to " +
                                     std::to_string(tpm::kMaxBlob));
  }
  PAWL_TRY(const auto bytes, r.take(size));
  return Bytes(bytes.begin(), bytes.end());
}

void write_area(Writer& w, const Bytes& area) {
  w.u16_le(static_cast<std::uint16_t>(area.size()));
  w.bytes(area);
}

}  // namespace

Bytes serialise(const tpm::KeyBlob& blob) {
  Writer w;
  w.bytes(as_bytes(kMagic));
  write_area(w, blob.private_area);
  write_area(w, blob.public_area);
  return std::move(w).take();
}

Result<tpm::KeyBlob> parse_blob(ByteView bytes) {
  Reader r(bytes);
  PAWL_TRY(const auto magic, r.take(kMagic.size()));
  if (as_text(magic) != kMagic) return fail(Errc::kMalformed, "not a sealed object");
  tpm::KeyBlob out;
  PAWL_TRY(out.private_area, read_area(r, "private"));
  PAWL_TRY(out.public_area, read_area(r, "public"));
  if (!r.empty()) return fail(Errc::kMalformed, "bytes after a sealed object");
  return out;
}

}  // namespace pawl::sealing
