#include "updater/verify_slot.hpp"

#include <algorithm>

#include "base/digest.hpp"

namespace pawl::updater {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20U;

/// Calls `each(block, offset)` for the first `size` bytes of `file`; their SHA-256.
template <class F>
Result<Sha256Digest> over_blocks(File& file, std::uint64_t size, F each) {
  Sha256 hash;
  Bytes buffer(std::min<std::uint64_t>(kBlock, size));
  for (std::uint64_t at = 0; at < size; at += buffer.size()) {
    const auto want = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - at));
    PAWL_TRY(const auto got, file.read_at(want, at));
    if (got != want.size()) {
      return fail(Errc::kHashMismatch, "ends after " + std::to_string(at + got) + " bytes");
    }
    hash.update(want);
    PAWL_CHECK(each(ByteView(want), at));
  }
  return hash.finish();
}

Status check_digest(const Sha256Digest& is, const manifest::Component& component,
                    const std::string& path) {
  if (is == component.sha256) return Ok{};
  return fail(Errc::kHashMismatch,
              path + " does not hold component " + component.name + " of this release");
}

Status verify_component(Disk& disk, const manifest::Component& component, const std::string& path,
                        Progress& progress) {
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kRead));
  auto digest = over_blocks(*file, component.size, [&](ByteView block, std::uint64_t at) -> Status {
    progress.update("verify " + component.name, at + block.size(), component.size);
    return Ok{};
  });
  progress.finish();
  if (!digest) {
    auto error = std::move(digest).error();
    error.prefix(path);
    return error;
  }
  return check_digest(*digest, component, path);
}

/// Writes the blocks of `to` that differ.
Status copy_blocks(File& from, File& to, const manifest::Component& component, Progress& progress) {
  Bytes there(kBlock);
  PAWL_TRY(const auto digest,
           over_blocks(from, component.size, [&](ByteView block, std::uint64_t at) -> Status {
             const auto old = std::span(there).first(block.size());
             PAWL_TRY(const auto got, to.read_at(old, at));
             if (got != block.size() || !std::equal(block.begin(), block.end(), old.begin())) {
               PAWL_CHECK(to.write_at(block, at));
             }
             progress.update("copy " + component.name, at + block.size(), component.size);
             return Ok{};
           }));
  progress.finish();
  PAWL_CHECK(check_digest(digest, component, "the running slot"));
  PAWL_CHECK(to.sync());
  return to.drop_cache();
}

Status copy_component(Disk& disk, const manifest::Component& component, const Place& from,
                      const Place& to, Progress& progress) {
  PAWL_TRY(const auto source, disk.open(from.path, OpenMode::kRead));
  if (to.kind == PlaceKind::kSlot) {
    PAWL_TRY(const auto target, disk.open(to.path, OpenMode::kReadWrite));
    PAWL_CHECK(copy_blocks(*source, *target, component, progress));
    return verify_component(disk, component, to.path, progress);
  }
  const auto partial = to.path + ".tmp";
  {
    PAWL_TRY(const auto target, disk.open(partial, OpenMode::kCreate));
    PAWL_CHECK(copy_blocks(*source, *target, component, progress));
  }
  PAWL_CHECK(verify_component(disk, component, partial, progress));
  PAWL_CHECK(disk.rename(partial, to.path));
  return disk.sync_directory(parent_of(to.path));
}

}  // namespace

Status verify_slot(Disk& disk, const manifest::Release& release, const Layout& layout,
                   Progress& progress) {
  for (const auto& component : release.components) {
    PAWL_TRY(const auto place, layout.place_of(component));
    PAWL_CHECK(verify_component(disk, component, place.path, progress));
  }
  return Ok{};
}

Status copy_slot(Disk& disk, const manifest::Release& release, const Layout& from, const Layout& to,
                 Progress& progress) {
  for (const auto& component : release.components) {
    PAWL_TRY(const auto source, from.place_of(component));
    PAWL_TRY(const auto target, to.place_of(component));
    PAWL_CHECK(copy_component(disk, component, source, target, progress));
  }
  return Ok{};
}

}  // namespace pawl::updater
