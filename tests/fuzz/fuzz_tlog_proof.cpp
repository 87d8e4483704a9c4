#include <cstdlib>

#include "manifest/transparency.hpp"

// Nothing is proved under a key that signs nothing, and a checkpoint keeps its text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  using namespace pawl::manifest;
  const auto text = as_text({data, size});
  LogPolicy policy;
  policy.log.name = "example.com/log";
  if (verify_release_proof(text, {}, policy)) std::abort();
  if (const auto note = Note::parse(text); note && note->signed_by(policy.log)) std::abort();
  const auto head = Checkpoint::parse(text);
  if (head && !text.starts_with(head->serialise())) std::abort();
  return 0;
}
