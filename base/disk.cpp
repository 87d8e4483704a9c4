#include "base/disk.hpp"

#include <cerrno>

namespace pawl {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<Bytes> read_file(Disk& disk, const std::string& path, std::size_t limit) {
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kRead));
  PAWL_TRY(const auto size, file->size());
  if (size > limit) {
    return fail(Errc::kTooLarge, path + " has " + std::to_string(size) + " bytes, the limit is " +
                                     std::to_string(limit));
  }
  Bytes out(static_cast<std::size_t>(size));
  PAWL_TRY(const auto n, file->read_at(out, 0));
  out.resize(n);
  return out;
}

Result<std::optional<Bytes>> read_optional(Disk& disk, const std::string& path, std::size_t limit) {
  auto bytes = read_file(disk, path, limit);
  if (bytes) return std::optional<Bytes>(*std::move(bytes));
  if (bytes.error().code() == Errc::kIo && bytes.error().raw() == ENOENT) {
    return std::optional<Bytes>();
  }
  return std::move(bytes).error();
}

Status replace_file(Disk& disk, const std::string& path, ByteView bytes, Visibility visibility) {
  const auto temporary = path + ".tmp";
  const auto mode = visibility == Visibility::kPublic ? OpenMode::kCreatePublic : OpenMode::kCreate;
  {
    PAWL_TRY(const auto file, disk.open(temporary, mode));
    PAWL_CHECK(file->write_at(bytes, 0));
    PAWL_CHECK(file->sync());
  }
  PAWL_CHECK(disk.rename(temporary, path));
  return disk.sync_directory(parent_of(path));
}

Status remove_file(Disk& disk, const std::string& path) {
  PAWL_TRY(const bool there, disk.exists(path));
  if (!there) return Ok{};
  PAWL_CHECK(disk.remove(path));
  return disk.sync_directory(parent_of(path));
}

Status make_directories(Disk& disk, const std::string& path, Visibility visibility) {
  PAWL_TRY(const bool there, disk.exists(path));
  if (there) return Ok{};
  const auto parent = parent_of(path);
  PAWL_CHECK(make_directories(disk, parent, visibility));
  PAWL_CHECK(disk.make_directory(path, visibility));
  return disk.sync_directory(parent);
}

}  // namespace pawl
