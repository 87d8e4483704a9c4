#include "bootloader-hooks/booted.hpp"

#include <algorithm>

namespace pawl::boot {
namespace {

constexpr std::size_t kMaxBootId = 64;

bool allowed(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

}  // namespace

Status check_boot_id(std::string_view text) {
  if (text.empty() || text.size() > kMaxBootId || !std::all_of(text.begin(), text.end(), allowed)) {
    return fail(Errc::kMalformed,
                "boot id must be 1 to 64 letters, digits or dashes, not " + printable(text));
  }
  return Ok{};
}

Result<Booted> Booted::parse(std::string_view text) {
  constexpr std::string_view kSlot = "slot=";
  constexpr std::string_view kBootId = " boot_id=";
  if (text.size() > kMaxBytes) return fail(Errc::kTooLarge, "booted marker over 128 bytes");
  if (!text.ends_with('\n')) return fail(Errc::kMalformed, "booted marker: no end of line");
  text.remove_suffix(1);
  if (!text.starts_with(kSlot)) return fail(Errc::kMalformed, "booted marker: expected slot=");
  text.remove_prefix(kSlot.size());
  Booted out;
  PAWL_TRY(out.slot, parse_slot(text.substr(0, 1)));
  text.remove_prefix(1);
  if (!text.starts_with(kBootId)) {
    return fail(Errc::kMalformed, "booted marker: expected boot_id=");
  }
  text.remove_prefix(kBootId.size());
  PAWL_CHECK(check_boot_id(text));
  out.boot_id = text;
  return out;
}

Result<std::string> read_kernel_file(Disk& disk, const std::string& path, std::size_t limit) {
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kRead));
  Bytes buffer(limit + 1);
  PAWL_TRY(const auto n, file->read_at(buffer, 0));
  if (n > limit) return fail(Errc::kTooLarge, path + " is over " + std::to_string(limit));
  return std::string(as_text(ByteView(buffer).first(n)));
}

Result<std::string> read_boot_id(Disk& disk, const std::string& path) {
  PAWL_TRY(auto text, read_kernel_file(disk, path, kMaxBootId + 1));
  if (text.ends_with('\n')) text.pop_back();
  PAWL_CHECK(check_boot_id(text));
  return text;
}

}  // namespace pawl::boot
