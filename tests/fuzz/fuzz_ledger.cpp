#include <cstddef>
#include <cstdint>

#include "signer/ledger.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ledger = signer::Ledger::parse(text);
  if (!ledger) return 0;
  PAWL_ASSERT(ledger->text() == text);
  return 0;
}
