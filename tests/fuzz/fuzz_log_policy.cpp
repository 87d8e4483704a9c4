#include <cstdlib>

#include "signer/log_policy.hpp"

// Whatever is accepted can stand in policy.json.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto value = signer::parse_log_policy(as_text({data, size}));
  if (!value) return 0;
  const auto again = manifest::LogPolicy::parse(json::Value(value->to_json()));
  if (!again || *again != *value) std::abort();
  return 0;
}
