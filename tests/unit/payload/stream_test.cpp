#include "payload/stream.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/memory_file.hpp"

using namespace pawl;
using namespace pawl::payload;
using fakes::MemoryFile;

TEST_CASE("a file source reads within its size only", "[payload]") {
  MemoryFile file(Bytes{1, 2, 3, 4, 5});
  auto source = FileSource::open(file, 4);
  REQUIRE(source);
  CHECK(source->size() == 4);
  Bytes out(2);
  REQUIRE(source->read_at(out, 2));
  CHECK(out == Bytes{3, 4});
  CHECK(source->read_at(out, 3).error().code() == Errc::kIo);
  CHECK(source->read_at(out, ~std::uint64_t{0}).error().code() == Errc::kIo);
  CHECK(FileSource::open(file)->size() == 5);
  CHECK(FileSource::open(file, 6).error().code() == Errc::kIo);
}

TEST_CASE("a file that shrinks under a source is an error", "[payload]") {
  MemoryFile file(Bytes(10));
  auto source = FileSource::open(file);
  file.content().resize(5);
  Bytes out(10);
  CHECK(source->read_at(out, 0).error().code() == Errc::kIo);
}

TEST_CASE("frames in a file end with the file", "[payload]") {
  MemoryFile file(Bytes{1, 2, 3});
  FileFrames frames(file);
  Bytes out(2);
  REQUIRE(frames.fetch(out, 1));
  CHECK(out == Bytes{2, 3});
  CHECK(frames.fetch(out, 2).error().code() == Errc::kIo);
}

TEST_CASE("a file sink appends", "[payload]") {
  MemoryFile file(Bytes{});
  FileSink sink(file);
  REQUIRE(sink.append(Bytes{1, 2}));
  REQUIRE(sink.append(Bytes{3}));
  CHECK(file.content() == Bytes{1, 2, 3});
  file.fail_after(0);
  CHECK(sink.append(Bytes{4}).error().code() == Errc::kIo);
}
