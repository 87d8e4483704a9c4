#include <cstdlib>

#include "sealing/records.hpp"

// Nothing that was not made with the key opens; the unverified view never leaves the input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  struct Zeros final : Random {
    void fill(std::span<std::uint8_t> out) override {
      for (auto& b : out) b = 0;
    }
  } random;
  static const auto key = *sealing::RecordKey::create(random);
  const ByteView file(data, size);
  const auto opened = key.unwrap("journal", file);
  if (opened) {
    const auto again = key.wrap("journal", opened->payload, opened->follows);
    if (!again || as_text(*again) != as_text(file)) std::abort();
  }
  if (sealing::unverified_payload(file).size() > size) std::abort();
  return 0;
}
