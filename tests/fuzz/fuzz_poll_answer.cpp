#include <cstdlib>

#include "updater/poll.hpp"
#include "updater/spool.hpp"

// What the updater reads from a server: answers to the poll and to the status.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  const auto answer = updater::PollAnswer::parse(text);
  if (answer && !answer->meta.empty() && answer->meta.size() != 64) std::abort();
  if (answer && answer->poll_after < Seconds(0)) std::abort();
  const auto seq = updater::parse_acknowledged(text);
  if (seq) {
    updater::Spool spool;
    spool.observe({}, {});
    spool.acknowledge(*seq);
    if (spool.next <= *seq) std::abort();
  }
  return 0;
}
