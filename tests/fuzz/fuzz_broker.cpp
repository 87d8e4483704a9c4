#include "hsm/broker_wire.hpp"

// The parent reads what the process of a vendor's module sends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto payload = hsm::wire::open_reply({data, size});
  if (!payload) return 0;
  Reader token(*payload);
  (void)static_cast<bool>(hsm::wire::take_token(token));
  Reader survey(*payload);
  (void)static_cast<bool>(hsm::wire::take_survey(survey));
  Reader key(*payload);
  (void)static_cast<bool>(hsm::wire::take_key(key));
  return 0;
}
