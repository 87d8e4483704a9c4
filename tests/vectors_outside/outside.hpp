#pragma once
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/json.hpp"

namespace pawl::outside {

/// Folder of data written by others, or nothing: then the test says "skipped:" and returns, which
/// ctest reports as such. With PAWL_REQUIRE=vectors it is an error instead.
inline std::optional<std::string> vectors() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing else runs yet
  const auto* folder = std::getenv("PAWL_VECTORS");
  if (folder != nullptr) return std::string(folder);
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  const auto* required = std::getenv("PAWL_REQUIRE");
  if (required != nullptr && std::string(required).find("vectors") != std::string::npos) {
    std::cerr << "PAWL_REQUIRE names vectors and PAWL_VECTORS is not set\n";
    std::exit(1);  // NOLINT(concurrency-mt-unsafe)
  }
  std::cout << "skipped: PAWL_VECTORS is not set\n";
  return std::nullopt;
}

inline Bytes read(const std::string& path) {
  PosixDisk disk;
  auto bytes = read_file(disk, path, std::size_t{1} << 26U);
  if (!bytes) {
    std::cerr << bytes.error().what() << '\n';
    std::abort();
  }
  return *std::move(bytes);
}

inline std::vector<std::string> list(const std::string& folder) {
  PosixDisk disk;
  auto names = disk.list(folder);
  PAWL_ASSERT(names);
  return *std::move(names);
}

inline json::Value read_json(const std::string& path) {
  const auto bytes = read(path);
  auto value = json::parse(as_text(bytes), {bytes.size(), 64, bytes.size()});
  PAWL_ASSERT(value);
  return *std::move(value);
}

inline const json::Value& member(const json::Value& value, std::string_view name) {
  const auto* found = value.object()->find(name);
  PAWL_ASSERT(found != nullptr);
  return *found;
}

inline const std::string& text(const json::Value& value, std::string_view name) {
  return *member(value, name).string();
}

inline Bytes hex(const json::Value& value, std::string_view name) {
  auto bytes = from_hex(text(value, name), std::size_t{1} << 20U);
  PAWL_ASSERT(bytes);
  return *std::move(bytes);
}

}  // namespace pawl::outside
