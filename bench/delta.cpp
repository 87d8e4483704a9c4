// The delta codec as a program, for bench/delta to time beside its peers:
//   bench_delta encode OLD NEW OUT [THREADS]    writes OUT.index and OUT.container
//   bench_delta apply OLD OUT NEW               writes NEW
// Prints one line: the bytes a device downloads, or the windows written.
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.hpp"
#include "base/progress.hpp"
#include "payload/build_delta.hpp"
#include "payload/install.hpp"

namespace {

using namespace pawl;
using namespace pawl::payload;
using Args = std::vector<std::string>;

constexpr std::size_t kMaxImage = std::size_t{1} << 32U;

Status encode(const Args& args) {
  PosixDisk disk;
  NoProgress progress;
  unsigned threads = 2;
  if (args.size() > 3) {
    std::from_chars(args[3].data(), args[3].data() + args[3].size(), threads);
  }
  PAWL_TRY(const auto base, read_file(disk, args[0], kMaxImage));
  PAWL_TRY(const auto image, read_file(disk, args[1], kMaxImage));
  PAWL_TRY(const auto container, disk.open(args[2] + ".container", OpenMode::kCreate));
  FileSink sink(*container);
  PAWL_TRY(const auto delta,
           build_delta(base, image, sink, {kMaxWindowLog2, 19, threads}, progress));
  const auto index = delta.built.index.serialise();
  PAWL_TRY(const auto file, disk.open(args[2] + ".index", OpenMode::kCreate));
  PAWL_CHECK(file->write_at(index, 0));
  const auto bytes = std::to_string(index.size() + delta.built.index.container_size());
  (void)std::puts(bytes.c_str());
  return Ok{};
}

Status apply(const Args& args) {
  PosixDisk disk;
  NoProgress progress;
  PAWL_TRY(const auto bytes, read_file(disk, args[1] + ".index", kMaxIndexSize));
  PAWL_TRY(const auto index, Index::parse(bytes));
  PAWL_TRY(const auto old, disk.open(args[0], OpenMode::kRead));
  PAWL_TRY(auto base, FileSource::open(*old));
  PAWL_TRY(const auto container, disk.open(args[1] + ".container", OpenMode::kRead));
  FileFrames frames(*container);
  PAWL_TRY(const auto target, disk.open(args[2], OpenMode::kCreate));
  PAWL_TRY(const auto report,
           install({{index, frames}, &base, {}, TargetSize::kGrows}, *target, progress));
  std::printf("%zu\n", report.written);
  return Ok{};
}

Status run(const Args& args) {
  const Args rest(args.begin() + (args.empty() ? 0 : 1), args.end());
  if (rest.size() >= 3 && args[0] == "encode") return encode(rest);
  if (rest.size() == 3 && args[0] == "apply") return apply(rest);
  return fail(Errc::kUsage, "bench_delta encode OLD NEW OUT [THREADS] | apply OLD OUT NEW");
}

}  // namespace

int main(int argc, char** argv) {
  const auto status = run(Args(argv + 1, argv + argc));
  if (status) return 0;
  (void)std::fprintf(stderr, "bench_delta: %s\n", status.error().what().c_str());
  return static_cast<int>(status.error().code());
}
