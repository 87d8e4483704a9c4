#include <cstdlib>

#include "base/pe.hpp"

// Whatever is measured must stay inside the file, and an accepted UKI has all its parts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const ByteView file(data, size);
  if (const auto layout = pe::parse_layout(file); layout) {
    if (layout->sections_end + layout->certificate_size > size) std::abort();
    (void)pe::authenticode_sha256(*layout, file);
    for (const auto& s : layout->sections)
      (void)static_cast<bool>(pe::section_content(*layout, file, s.name));
  }
  if (const auto uki = pe::measure_uki(file); uki && uki->sections.size() < 4) std::abort();
  return 0;
}
