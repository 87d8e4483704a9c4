#include <cstdlib>

#include "base/bytes.hpp"
#include "distributor/messages.hpp"

// What is accepted is within the limits that the database and the answers rely on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl::distributor;
  const auto text = pawl::as_text({data, size});
  if (const auto check = parse_check(text); check) {
    if (size > kMaxCheckBytes || check->boot_id.size() > 64) std::abort();
    if (!check->etag.empty() && check->etag.size() != 64) std::abort();
    if (check->root.get() == 0) std::abort();
  }
  if (const auto records = parse_status(text); records) {
    std::uint64_t before = 0;
    if (records->empty() || records->size() > kMaxStatusRecords) std::abort();
    for (const auto& record : *records) {
      if (record.seq <= before || record.detail.size() > kMaxDetail) std::abort();
      if (step_of(step_name(record.step)) != record.step) std::abort();
      before = record.seq;
    }
  }
  return 0;
}
