#include <cstdlib>

#include "manifest/bundle.hpp"

// The first 8 bytes are the size of the file, the rest its head. Whatever is accepted fills the
// file exactly, part after part, and is written again to the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  if (size < 8) return 0;
  std::uint64_t file_size = 0;
  for (std::size_t i = 8; i > 0; --i) file_size = (file_size << 8U) | data[i - 1];
  const ByteView head(data + 8, size - 8);
  const auto table = manifest::BundleTable::parse(head, file_size);
  if (!table) return 0;
  std::uint64_t at = head.size();
  for (const auto& entry : table->entries()) {
    if (entry.offset != at || table->find(entry.part, entry.name) != &entry) std::abort();
    at += entry.length;
  }
  const auto again = table->serialise();
  if (at != file_size || !std::equal(again.begin(), again.end(), head.begin(), head.end())) {
    std::abort();
  }
  return 0;
}
