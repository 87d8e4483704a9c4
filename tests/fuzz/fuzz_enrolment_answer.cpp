#include "updater/enroll_messages.hpp"
#include "updater/enroll_tpm.hpp"

// What an issuer sends to a device, and the key file on the device's own disk.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  (void)static_cast<bool>(updater::StartedEnrolment::parse(text));
  (void)static_cast<bool>(updater::FinishedEnrolment::parse(text));
  (void)static_cast<bool>(updater::parse_ak(text));
  return 0;
}
