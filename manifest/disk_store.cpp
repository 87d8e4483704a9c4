#include "manifest/disk_store.hpp"

#include "manifest/path.hpp"

namespace pawl::manifest {

DiskStore::DiskStore(Disk& disk, std::string directory, std::unique_ptr<DiskLock> lock)
    : disk_(disk), directory_(std::move(directory)), lock_(std::move(lock)) {}

Result<DiskStore> DiskStore::open(Disk& disk, std::string directory) {
  PAWL_CHECK(make_directories(disk, directory));
  PAWL_TRY(auto lock, disk.lock(directory + "/.lock"));
  PAWL_TRY(const auto names, disk.list(directory));
  for (const auto& name : names) {
    if (!name.ends_with(".tmp")) continue;
    auto left = directory;
    left.append("/").append(name);
    PAWL_CHECK(disk.remove(left));
  }
  return DiskStore(disk, std::move(directory), std::move(lock));
}

std::string DiskStore::path_of(const std::string& name) const {
  return directory_ + "/" + encode_role_name(name) + ".json";
}

Result<std::optional<Bytes>> DiskStore::load(const std::string& name, std::size_t limit) {
  auto bytes = read_optional(disk_, path_of(name), limit);
  if (bytes || bytes.error().code() == Errc::kNoSpace) return bytes;
  return std::optional<Bytes>();  // over its limit or unreadable: as good as absent
}

Status DiskStore::save(const std::string& name, ByteView bytes) {
  return replace_file(disk_, path_of(name), bytes);
}

Status DiskStore::drop(const std::string& name) {
  return remove_file(disk_, path_of(name));
}

}  // namespace pawl::manifest
