#include <algorithm>
#include <cstdlib>

#include "base/bytes.hpp"
#include "distributor/policy.hpp"

// First line a pattern, the rest an ID. A pattern without stars matches itself and nothing else;
// one with stars never reaches into another segment.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  const auto line = text.find('\n');
  const auto pattern = distributor::IdPattern::parse(text.substr(0, line));
  if (!pattern) return 0;
  const auto slashes = [](std::string_view path) {
    return std::count(path.begin(), path.end(), '/');
  };
  const bool plain = pattern->text().find('*') == std::string::npos;
  if (plain && !pattern->matches(pattern->text())) std::abort();
  if (line == std::string_view::npos) return 0;
  const auto id = identity::SpiffeId::parse(text.substr(line + 1));
  if (!id || !pattern->matches(id->path())) return 0;
  if (plain && id->path() != pattern->text()) std::abort();
  if (slashes(id->path()) != slashes(pattern->text())) std::abort();
  return 0;
}
