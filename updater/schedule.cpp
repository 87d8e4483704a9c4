#include "updater/schedule.hpp"

#include <algorithm>
#include <string>

#include "base/digest.hpp"

namespace pawl::updater {
namespace {

constexpr std::int64_t kFirstLimit = 10;  // seconds
constexpr unsigned kDoublings = 20;

std::int64_t up_to(std::int64_t most, std::uint64_t random) {
  return static_cast<std::int64_t>(random % (static_cast<std::uint64_t>(most) + 1));
}

}  // namespace

Jitter::Jitter(std::string_view device_id, std::string_view boot_id) : state_(0) {
  const auto seed = sha256(as_bytes(std::string(device_id) + '\n' + std::string(boot_id)));
  for (std::size_t i = 0; i < sizeof(state_); ++i) state_ = state_ << 8 | seed.bytes[i];
}

// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t Jitter::next() {
  state_ += 0x9e3779b97f4a7c15U;
  auto z = state_;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
  z = (z ^ z >> 27) * 0x94d049bb133111ebU;
  return z ^ z >> 31;
}

Seconds first_wait(Seconds interval, std::uint64_t random) {
  return Seconds(up_to(interval.count(), random));
}

Seconds poll_wait(Seconds interval, std::optional<Seconds> asked, std::uint64_t random) {
  if (asked) return *asked + Seconds(up_to(asked->count() / 10, random));
  return interval / 2 + Seconds(up_to(interval.count(), random));
}

Seconds retry_wait(unsigned failures, Seconds interval, std::optional<Seconds> asked,
                   std::uint64_t random) {
  const auto doublings = std::min(failures - 1, kDoublings);
  const auto limit = std::clamp(kFirstLimit << doublings, std::int64_t{1}, interval.count());
  const Seconds wait(1 + up_to(limit - 1, random));
  return std::max(wait, asked.value_or(Seconds(0)));
}

}  // namespace pawl::updater
