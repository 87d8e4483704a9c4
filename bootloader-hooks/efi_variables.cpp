#include "bootloader-hooks/efi_variables.hpp"

namespace pawl::boot {
namespace {

constexpr std::string_view kGlobal = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";
constexpr Bytes::value_type kAttributes = 7;  // non-volatile, boot service, runtime
constexpr std::size_t kAttributeBytes = 4;

}  // namespace

std::string Efivarfs::file(const std::string& name) const {
  return folder_ + "/" + name + std::string(kGlobal);
}

Result<std::vector<std::string>> Efivarfs::names() {
  PAWL_TRY(auto found, disk_.list(folder_));
  std::vector<std::string> out;
  for (auto& name : found) {
    if (!name.ends_with(kGlobal)) continue;
    name.resize(name.size() - kGlobal.size());
    out.push_back(std::move(name));
  }
  return out;
}

Result<std::optional<Bytes>> Efivarfs::get(const std::string& name) {
  PAWL_TRY(auto bytes, read_optional(disk_, file(name), kMaxBytes + kAttributeBytes));
  if (!bytes) return std::optional<Bytes>();
  if (bytes->size() < kAttributeBytes) {
    return fail(Errc::kBootloader, "EFI variable " + name + " has no attributes");
  }
  bytes->erase(bytes->begin(), bytes->begin() + kAttributeBytes);
  return bytes;
}

Status Efivarfs::set(const std::string& name, ByteView value) {
  Bytes bytes{kAttributes, 0, 0, 0};
  bytes.insert(bytes.end(), value.begin(), value.end());
  PAWL_TRY(const auto written, disk_.open(file(name), OpenMode::kCreatePublic));
  return written->write_at(bytes, 0);
}

Status Efivarfs::remove(const std::string& name) {
  return disk_.remove(file(name));
}

}  // namespace pawl::boot
