#include <cstdlib>

#include "base/digest.hpp"
#include "payload/install.hpp"
#include "tests/fakes/memory_file.hpp"
#include "tests/fakes/payload_streams.hpp"

// Two bytes: the length of an index; then the index, then the container. Whatever reaches the
// target must be a whole window of the index.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  using namespace pawl::payload;
  constexpr std::uint64_t kLargest = 1 << 20;  // keeps a run short
  static fakes::MemorySource base(fakes::sample_bytes(65536, 2));
  if (size < 2) return 0;
  const std::size_t length = data[0] | static_cast<std::size_t>(data[1]) << 8U;
  if (length > size - 2) return 0;
  const auto index = Index::parse({data + 2, length});
  if (!index || index->image_size() > kLargest) return 0;
  fakes::MemoryFrames frames(Bytes(data + 2 + length, data + size));
  fakes::MemoryFile target(Bytes(static_cast<std::size_t>(index->image_size()), 0xee));
  NoProgress progress;
  const auto report = install({{*index, frames}, &base, {}}, target, progress);
  for (const auto& write : target.writes()) {
    const auto window = static_cast<std::size_t>(write.offset >> index->window_log2());
    if (!window_matches(write.bytes, index->record(window))) std::abort();
  }
  if (report && !verify_image(*index, target, progress)) std::abort();
  return 0;
}
