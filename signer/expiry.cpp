#include "signer/expiry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/bytes.hpp"

namespace pawl::signer {
namespace {

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr std::array kUnits{Unit{'y', 31536000}, Unit{'w', 604800}, Unit{'d', 86400},
                            Unit{'h', 3600},     Unit{'m', 60},     Unit{'s', 1}};
constexpr std::int64_t kLongest = std::int64_t{50} * 365 * 86400;

}  // namespace

Result<Seconds> parse_duration(std::string_view text) {
  std::uint32_t count = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&, e = end](const Unit& u) {
    return last - e == 1 && *e == u.letter;
  });
  const auto seconds = unit == kUnits.end() ? 0 : std::int64_t{count} * unit->seconds;
  if (error != std::errc{} || seconds < 1 || seconds > kLongest) {
    return fail(Errc::kUsage, "not a duration: " + printable(text))
        .with_hint("a number and s, m, h, d, w or y, up to 50y: 7d");
  }
  return Seconds(seconds);
}

std::string duration_text(Seconds duration) {
  for (const auto& unit : kUnits) {
    if (unit.letter != 'y' && unit.letter != 'w' && duration.count() % unit.seconds == 0) {
      return std::to_string(duration.count() / unit.seconds) + unit.letter;
    }
  }
  return std::to_string(duration.count()) + "s";
}

Seconds& Expiry::of(std::string_view role) {
  if (role == "root") return root;
  if (role == "targets") return targets;
  if (role == "snapshot") return snapshot;
  if (role == "timestamp") return timestamp;
  return release;
}

Seconds Expiry::of(std::string_view role) const {
  auto copy = *this;
  return copy.of(role);
}

}  // namespace pawl::signer
