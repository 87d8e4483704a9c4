#include "updater/state_dir.hpp"

namespace pawl::updater {

Status StateDir::create(Disk& disk) const {
  for (const auto* below : {"/journal", "/installed", "/spool", "/tuf"}) {
    PAWL_CHECK(make_directories(disk, path + below));
  }
  return Ok{};
}

Result<std::optional<manifest::Floors>> FloorsFile::load() {
  using Loaded = std::optional<manifest::Floors>;
  PAWL_TRY(auto file, read_optional(disk_, path_, kMaxBytes));
  PAWL_TRY(const auto bytes, guard_.accept(kFloorsRecord, std::move(file)));
  if (!bytes) return Loaded();
  auto floors = manifest::Floors::parse(as_text(*bytes));
  if (floors) return Loaded(*std::move(floors));
  auto error = std::move(floors).error();
  error.prefix(path_);
  return error;
}

Status FloorsFile::save(const manifest::Floors& floors) {
  const auto text = floors.serialise();
  PAWL_TRY(const auto file, guard_.protect(kFloorsRecord, as_bytes(text)));
  return replace_file(disk_, path_, file);
}

}  // namespace pawl::updater
