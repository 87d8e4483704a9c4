#pragma once
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "fakes/child.hpp"
#include "fakes/temporary_folder.hpp"

namespace pawl::fakes {

/// Runs a line of shell that must succeed; what it printed.
inline std::string shell(const std::string& line) {
  const auto done = run_child({"/bin/sh", "-c", line});
  INFO(line << "\n" << done.out);
  REQUIRE(done.status == 0);
  return done.out;
}

inline void write_text(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A script as it is shipped.
inline std::string shipped(const std::string& name) {
  return read_text(std::string(PAWL_SOURCE_DIR) + "/bootloader-hooks/" + name);
}

}  // namespace pawl::fakes
