#include <cstdlib>

#include "payload/index.hpp"

// Whatever is accepted has exactly one spelling, and every window and frame lies inside.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto index = payload::Index::parse({data, size});
  if (!index) return 0;
  const auto bytes = index->serialise();
  if (as_text(bytes) != as_text({data, size})) std::abort();
  std::uint64_t image = 0;
  std::uint64_t container = 0;
  for (std::size_t window = 0; window < index->count(); ++window) {
    if (index->offset_of(window) != image || index->length_of(window) == 0) std::abort();
    if (index->record(window).frame_offset != container) std::abort();
    image += index->length_of(window);
    container += index->record(window).frame_length;
  }
  if (image != index->image_size() || container != index->container_size()) std::abort();
  return 0;
}
