#include <cstdlib>

#include "updater/journal.hpp"

// Every accepted record is written as it was read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  const auto record = updater::Record::parse(text);
  if (record && record->format() != text) std::abort();
  return 0;
}
