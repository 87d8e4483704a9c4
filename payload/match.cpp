#include "payload/match.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace pawl::payload {
namespace {

constexpr std::size_t kStep = 2;
constexpr std::size_t kKey = 16;    // bytes hashed
constexpr std::size_t kLooks = 32;  // candidates tried per position
constexpr std::size_t kGain = 8;    // a switch must match this many bytes more
constexpr std::size_t kLongEnough = 1 << 16;
constexpr std::size_t kLeastCopy = 16;  // shorter copies cost more than their bytes

std::uint64_t word(const std::uint8_t* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);  // only hashed and compared: byte order does not matter
  return value;
}

std::uint64_t hash_key(const std::uint8_t* at) {
  return (word(at) * 0x9e3779b97f4a7c15U ^ std::rotl(word(at + 8) * 0xd6e8feb86659fd93U, 29)) *
         0xff51afd7ed558ccdU;
}

bool is_dull(const std::uint8_t* at) {
  return word(at) == word(at + 8) && word(at) == std::rotl(word(at), 8);
}

std::size_t same_length(ByteView a, std::size_t i, ByteView b, std::size_t k, std::size_t most) {
  const auto limit = std::min({most, a.size() - i, b.size() - k});
  std::size_t n = 0;
  while (n + 8 <= limit && word(&a[i + n]) == word(&b[k + n])) n += 8;
  while (n < limit && a[i + n] == b[k + n]) ++n;
  return n;
}

std::size_t distance(std::size_t a, std::size_t b) {
  return a > b ? a - b : b - a;
}

}  // namespace

Matcher::Matcher(ByteView old)
    : shift_(64 - static_cast<unsigned>(std::clamp(
                      static_cast<int>(std::bit_width(old.size() / kStep)) - 1, 10, 30))) {
  heads_.resize(std::size_t{1} << (64 - shift_));
  next_.resize(old.size() / kStep + 1);
  for (std::size_t at = 0; at + kKey <= old.size(); at += kStep) {
    if (is_dull(&old[at])) continue;
    auto& head = heads_[hash_key(&old[at]) >> shift_];
    next_[at / kStep] = head;
    head = static_cast<std::uint32_t>(at / kStep + 1);
  }
}

Matcher::Found Matcher::longest(ByteView old, ByteView image, std::size_t at,
                                std::size_t near) const {
  Found best;
  if (at + kKey > image.size() || is_dull(&image[at])) return best;
  auto link = heads_[hash_key(&image[at]) >> shift_];
  for (std::size_t look = 0; link != 0 && look < kLooks; ++look) {
    const auto place = std::size_t{link - 1} * kStep;
    link = next_[link - 1];
    const auto length = same_length(old, place, image, at, kLongEnough);
    if (length < kKey || length < best.length) continue;
    if (length == best.length && distance(place, near) >= distance(best.old_at, near)) continue;
    best = {length, place};
  }
  return best;
}

/// One pass over one window. Keeps an alignment (old position for new position) while it matches
/// well enough, and changes it where another one matches longer.
class Matcher::Scan {
 public:
  Scan(const Matcher& matcher, ByteView old, ByteView image, std::size_t begin, std::size_t end)
      : matcher_(matcher), old_(old), image_(image), end_(end), begin_(begin), at_(begin) {}

  std::vector<CopyOp> run() {
    while (at_ < end_) {
      if (aligned_ && skip_equal()) continue;
      const auto found = matcher_.longest(old_, image_, at_, old_of(at_));
      if (found.length > 0 && better(found)) {
        change(found.old_at);
      } else {
        ++at_;
      }
    }
    if (aligned_) close(forward(end_));
    return std::move(ops_);
  }

 private:
  [[nodiscard]] std::size_t old_of(std::size_t at) const {
    return aligned_ ? at - start_ + old_start_ : at;
  }

  bool skip_equal() {
    const auto here = old_of(at_);
    if (here >= old_.size()) return false;
    const auto same = same_length(old_, here, image_, at_, end_ - at_);
    if (same < kKey) return false;
    at_ += same;
    return true;
  }

  /// Matches more than the present alignment does over the same bytes.
  [[nodiscard]] bool better(const Found& found) const {
    if (!aligned_) return true;
    const auto here = old_of(at_);
    if (here == found.old_at) return false;
    std::size_t score = kGain;
    for (std::size_t i = 0; i < found.length && score < found.length; ++i) {
      if (here + i < old_.size() && old_[here + i] == image_[at_ + i]) ++score;
    }
    return score < found.length;
  }

  /// How far the present copy is worth extending towards `limit`: most of its bytes equal.
  [[nodiscard]] std::size_t forward(std::size_t limit) const {
    std::int64_t score = 0;
    std::int64_t best = 0;
    std::size_t length = 0;
    for (std::size_t i = 0; start_ + i < limit && old_start_ + i < old_.size(); ++i) {
      score += old_[old_start_ + i] == image_[start_ + i] ? 1 : -1;
      if (score > best) best = score, length = i + 1;
    }
    return length;
  }

  [[nodiscard]] std::size_t backward(std::size_t old_at, std::size_t floor) const {
    std::int64_t score = 0;
    std::int64_t best = 0;
    std::size_t length = 0;
    for (std::size_t i = 1; i <= at_ - floor && i <= old_at; ++i) {
      score += old_[old_at - i] == image_[at_ - i] ? 1 : -1;
      if (score > best) best = score, length = i;
      if (score < best - 4096) break;
    }
    return length;
  }

  void change(std::size_t old_at) {
    std::size_t front = 0;
    if (aligned_) front = forward(at_);
    auto back = backward(old_at, aligned_ ? start_ : begin_);
    if (aligned_ && start_ + front > at_ - back) split_overlap(front, back, old_at);
    if (aligned_) close(front);
    begin_ = aligned_ ? start_ + front : begin_;
    start_ = at_ - back;
    old_start_ = old_at - back;
    aligned_ = true;
    at_ += kKey;  // known to match
  }

  /// Both copies reach into the same bytes: cut where together they match most.
  void split_overlap(std::size_t& front, std::size_t& back, std::size_t old_at) const {
    const auto low = at_ - back;
    const auto high = start_ + front;
    std::int64_t score = 0;
    std::int64_t best = 0;
    std::size_t cut = 0;
    for (std::size_t i = 0; low + i < high; ++i) {
      const auto at = low + i;
      if (old_[old_start_ + (at - start_)] == image_[at]) ++score;
      if (old_[old_at - (at_ - at)] == image_[at]) --score;
      if (score > best) best = score, cut = i + 1;
    }
    front = low + cut - start_;
    back -= cut;
  }

  void close(std::size_t length) {
    if (length >= kLeastCopy) ops_.push_back({start_, length, old_start_, Isa::kNone});
  }

  const Matcher& matcher_;
  ByteView old_;
  ByteView image_;
  std::size_t end_;
  std::size_t begin_;  // nothing before this may be claimed
  std::size_t at_;
  std::size_t start_ = 0;  // of the present copy, in the image
  std::size_t old_start_ = 0;
  bool aligned_ = false;
  std::vector<CopyOp> ops_;
};

std::vector<CopyOp> Matcher::match(ByteView old, ByteView image, std::size_t begin,
                                   std::size_t end) const {
  auto ops = Scan(*this, old, image, begin, end).run();
  for (auto& op : ops) op.new_at -= begin;
  return ops;
}

}  // namespace pawl::payload
