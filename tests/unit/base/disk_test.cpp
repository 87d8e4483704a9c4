#include "base/disk.hpp"

#include <cerrno>
#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "fakes/temporary_folder.hpp"

using namespace pawl;
using fakes::TemporaryFolder;

TEST_CASE("disk: replace_file leaves the new content and no temporary file", "[base][disk]") {
  const TemporaryFolder folder;
  PosixDisk disk;
  const auto path = folder.file("record");
  REQUIRE(replace_file(disk, path, as_bytes("one")));
  REQUIRE(replace_file(disk, path, as_bytes("three")));
  CHECK(as_text(*read_file(disk, path, 100)) == "three");
  CHECK(disk.list(folder.file("."))->size() == 1);
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_read) ==
        std::filesystem::perms::none);
}

TEST_CASE("disk: only what is made public can be read by others, and the umask still counts",
          "[base][disk]") {
  const TemporaryFolder folder;
  PosixDisk disk;
  const auto mode_of = [&](const std::string& name) {
    return static_cast<unsigned>(std::filesystem::status(folder.file(name)).permissions());
  };
  const auto make = [&](const std::string& name, Visibility visibility) {
    REQUIRE(make_directories(disk, folder.file(name + "/below"), visibility));
    REQUIRE(replace_file(disk, folder.file(name + "/below/file"), as_bytes("x"), visibility));
  };
  const auto usual = ::umask(022);
  make("private", Visibility::kPrivate);
  make("public", Visibility::kPublic);
  REQUIRE(make_directories(disk, folder.file("default")));
  REQUIRE(replace_file(disk, folder.file("default/file"), as_bytes("x")));
  ::umask(027);
  make("narrow", Visibility::kPublic);
  ::umask(0);
  make("wide", Visibility::kPrivate);
  ::umask(usual);
  CHECK(mode_of("private") == 0700);
  CHECK(mode_of("private/below") == 0700);
  CHECK(mode_of("private/below/file") == 0600);
  CHECK(mode_of("public") == 0755);
  CHECK(mode_of("public/below") == 0755);
  CHECK(mode_of("public/below/file") == 0644);
  CHECK(mode_of("default") == 0700);
  CHECK(mode_of("default/file") == 0600);
  CHECK(mode_of("narrow/below") == 0750);
  CHECK(mode_of("narrow/below/file") == 0640);
  CHECK(mode_of("wide/below") == 0700);
  CHECK(mode_of("wide/below/file") == 0600);
}

TEST_CASE("disk: limits, absence and wrong kinds are told apart", "[base][disk]") {
  const TemporaryFolder folder;
  PosixDisk disk;
  const auto path = folder.file("f");
  CHECK(read_file(disk, path, 10).error().raw() == ENOENT);
  CHECK_FALSE(*read_optional(disk, path, 10));
  REQUIRE(replace_file(disk, path, as_bytes("0123456789")));
  CHECK(read_file(disk, path, 10));
  const auto large = read_file(disk, path, 9);
  CHECK(large.error().code() == Errc::kTooLarge);
  CHECK(large.error().what().find("10 bytes, the limit is 9") != std::string::npos);
  CHECK(disk.open(folder.file("absent"), OpenMode::kReadWrite).error().code() == Errc::kIo);
  CHECK_FALSE(*disk.exists(folder.file("f/below")));
  CHECK(disk.list(path).error().code() == Errc::kIo);
}

TEST_CASE("disk: a full device is kNoSpace with a hint", "[base][disk]") {
  PosixDisk disk;
  const auto full = disk.open("/dev/full", OpenMode::kReadWrite);
  REQUIRE(full);
  const auto s = (*full)->write_at(as_bytes("x"), 0);
  REQUIRE_FALSE(s);
  CHECK(s.error().code() == Errc::kNoSpace);
  CHECK_FALSE(s.error().hint().empty());
}

TEST_CASE("disk: a lock keeps the second one out until it is gone", "[base][disk]") {
  const TemporaryFolder folder;
  PosixDisk disk;
  {
    const auto held = disk.lock(folder.file("lock"));
    REQUIRE(held);
    CHECK(disk.lock(folder.file("lock")).error().code() == Errc::kBusy);
  }
  CHECK(disk.lock(folder.file("lock")));
}

TEST_CASE("disk: directories are made with their parents, files removed once", "[base][disk]") {
  const TemporaryFolder folder;
  PosixDisk disk;
  REQUIRE(make_directories(disk, folder.file("a/b/c")));
  REQUIRE(make_directories(disk, folder.file("a/b/c")));
  REQUIRE(replace_file(disk, folder.file("a/b/c/f"), {}));
  REQUIRE(remove_file(disk, folder.file("a/b/c/f")));
  REQUIRE(remove_file(disk, folder.file("a/b/c/f")));
  CHECK(disk.list(folder.file("a/b/c"))->empty());
  CHECK(*disk.free_bytes(folder.file("a")) > 0);
  CHECK(parent_of("a/b") == "a");
  CHECK(parent_of("/a") == "/");
  CHECK(parent_of("a") == ".");
}
