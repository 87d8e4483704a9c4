#include <cstdlib>

#include "updater/spool.hpp"

// Every accepted spool is written as it was read, and can be acknowledged and added to.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  auto spool = updater::Spool::parse(text);
  if (!spool) return 0;
  if (spool->format() != text) std::abort();
  if (!spool->records.empty()) spool->acknowledge(spool->records.front().seq);
  spool->failed({}, fail(Errc::kIo, "x"), {});
  if (spool->records.size() > updater::Spool::kMostRecords) std::abort();
  return 0;
}
