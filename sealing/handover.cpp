#include "sealing/handover.hpp"

#include <string_view>

#include "base/reader.hpp"
#include "tpm/fault.hpp"

namespace pawl::sealing {
namespace {

constexpr std::string_view kMagic = "PAWLRUN1";

void write_branch(Writer& w, const tpm::Branch& branch) {
  w.u32_le(branch.bound.mask());
  w.u64_le(branch.limit);
  for (unsigned pcr = 0; pcr < tpm::kPcrCount; ++pcr) {
    if (branch.bound.has(pcr)) w.bytes(branch.pcrs[pcr].span());
  }
}

Result<tpm::Branch> read_branch(Reader& r) {
  tpm::Branch out;
  PAWL_TRY(const auto mask, r.u32_le());
  if (mask == 0 || mask >> tpm::kPcrCount != 0) {
    return fail(Errc::kMalformed, "handover: PCR selection out of range");
  }
  for (unsigned pcr = 0; pcr < tpm::kPcrCount; ++pcr) {
    if (((mask >> pcr) & 1U) != 0) out.bound.add(pcr);
  }
  PAWL_TRY(out.limit, r.u64_le());
  for (unsigned pcr = 0; pcr < tpm::kPcrCount; ++pcr) {
    if (out.bound.has(pcr)) PAWL_CHECK(r.into(out.pcrs[pcr]));
  }
  return out;
}

}  // namespace

Bytes serialise(const Handover& handover) {
  Writer w;
  w.bytes(as_bytes(kMagic));
  w.u64_le(handover.rotation);
  w.bytes(handover.srk.span());
  w.u8(static_cast<std::uint8_t>(handover.text.running));
  w.u8(static_cast<std::uint8_t>(handover.text.branches.size()));
  for (const auto& branch : handover.text.branches) write_branch(w, branch);
  return std::move(w).take();
}

Result<Handover> parse_handover(ByteView bytes) {
  if (bytes.size() > kMaxHandover) return fail(Errc::kTooLarge, "handover over 8 KiB");
  Reader r(bytes);
  PAWL_TRY(const auto magic, r.take(kMagic.size()));
  if (as_text(magic) != kMagic) return fail(Errc::kMalformed, "not a handover file");
  Handover out;
  PAWL_TRY(out.rotation, r.u64_le());
  PAWL_CHECK(r.into(out.srk));
  PAWL_TRY(const auto running, r.u8());
  PAWL_TRY(const auto count, r.u8());
  if (count == 0 || count > tpm::kMaxOrBranches || running >= count) {
    return fail(Errc::kMalformed,
                "handover: branch " + std::to_string(running) + " of " + std::to_string(count));
  }
  out.text.running = running;
  for (unsigned i = 0; i < count; ++i) {
    PAWL_TRY(auto branch, read_branch(r));
    out.text.branches.push_back(branch);
  }
  if (!r.empty()) return fail(Errc::kMalformed, "bytes after the handover");
  return out;
}

Status write_handover(Disk& disk, const std::string& path, const Handover& handover) {
  PAWL_CHECK(make_directories(disk, parent_of(path)));
  return replace_file(disk, path, serialise(handover));
}

Result<Handover> read_handover(Disk& disk, const std::string& path) {
  PAWL_TRY(const auto bytes, read_optional(disk, path, kMaxHandover));
  if (!bytes) {
    return tpm::fail_tpm(tpm::Fault::kNotProvisioned, "there is no " + path)
        .with_hint("pawl-updater boot writes it once the sealed state is open");
  }
  auto out = parse_handover(*bytes);
  if (out) return out;
  auto error = std::move(out).error();
  error.prefix(path);
  return error;
}

}  // namespace pawl::sealing
