#include "payload/copy_add.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "payload/bit_model.hpp"
#include "payload/difference_model.hpp"
#include "payload/literal_model.hpp"
#include "payload/shift_map.hpp"

namespace pawl::payload {
namespace {

constexpr std::size_t kQuiet = 40;  // equal bytes that end an active stretch
constexpr std::size_t kWord = 4;
constexpr std::size_t kPointer = 8;
constexpr std::uint64_t kPointerLimit = std::uint64_t{1} << 30;

std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63U);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

template <class Unsigned>
Unsigned get(ByteView bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = sizeof(Unsigned); i > 0; --i) value = value << 8U | bytes[at + i - 1];
  return static_cast<Unsigned>(value);
}
template <class Unsigned>
void put(std::span<std::uint8_t> bytes, std::size_t at, Unsigned value) {
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * i));
  }
}

/// A stretch of a copy in which every byte is coded; in the quiet before it, none.
struct Stretch {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Error bad_frame(const std::string& what) {
  return fail(Errc::kMalformed, "copy-add frame: " + what);
}

}  // namespace

struct CopyAddCodec::Models {
  void reset() {
    literal_length = copy_length = offset = quiet_length = active_length = NumberModel{};
    isa.fill({});
    site_hits.fill({});
    site_same.fill({});
    pointer_hits.fill({});
    site_history.fill(0);
    pointer_history = 0;
    shifts.reset();
    pointers.reset();
    literals.reset();
    differences.reset();
  }
  NumberModel literal_length;
  NumberModel copy_length;
  NumberModel offset;
  NumberModel quiet_length;
  NumberModel active_length;
  std::array<std::array<Slot, 4>, 3> isa{};
  std::array<Slot, kSiteKinds * ShiftMap::kTrusts * 4 * 8> site_hits{};
  std::array<Slot, kSiteKinds * 2> site_same{};
  std::array<Slot, ShiftMap::kTrusts * 4 * 4> pointer_hits{};
  std::array<std::uint32_t, kSiteKinds> site_history{};  // last outcomes by kind
  std::uint32_t pointer_history = 0;
  ShiftMap shifts;
  ShiftMap pointers;
  LiteralModel literals;
  DifferenceModel differences;
};

/// One pass over one window, either way. `fresh_` holds the window: complete when encoding, filled
/// as it goes when decoding.
class CopyAddCodec::Run {
 public:
  Run(Models& models, BitCoder& coder, const WindowPlace& place, Source& base,
      std::span<std::uint8_t> old)
      : m_(models), coder_(coder), place_(place), base_(base), old_(old) {}

  /// @param ops  null when decoding
  Status run(const std::span<const CopyOp>* ops) {
    const auto size = place_.history.size() - place_.start;
    std::size_t next = 0;
    std::uint64_t expected = place_.image_at;  // old address if nothing moved
    for (std::size_t at = 0; at < size;) {
      CopyOp op{size, 0, 0, Isa::kNone};
      if (ops != nullptr && next < ops->size()) op = (*ops)[next++];
      const auto literals = m_.literal_length.code(coder_, op.new_at - at);
      if (literals > size - at) return bad_frame("literals run past the window");
      code_literals(at, static_cast<std::size_t>(literals));
      at += static_cast<std::size_t>(literals);
      expected += literals;
      if (at == size) break;
      PAWL_TRY(op, code_op(op, at, expected));
      if (op.length > size - at) return bad_frame("a copy runs past the window");
      PAWL_CHECK(copy(op, ops != nullptr));
      at += op.length;
      expected = op.old_at + op.length;
    }
    return Ok{};
  }

 private:
  void code_literals(std::size_t at, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto where = place_.start + at + i;
      place_.history[where] = m_.literals.code(coder_, place_.history, where);
    }
  }

  Result<CopyOp> code_op(const CopyOp& op, std::size_t at, std::uint64_t expected) {
    CopyOp coded;
    coded.new_at = at;
    const auto length = m_.copy_length.code(coder_, op.length - 1);
    const auto moved =
        m_.offset.code(coder_, zigzag(static_cast<std::int64_t>(op.old_at - expected)));
    auto& slots = m_.isa[static_cast<std::size_t>(isa_)];
    const bool some = code_bit(coder_, op.isa != Isa::kNone, slots[0]);
    const bool arm = some && code_bit(coder_, op.isa == Isa::kArm64, slots[1]);
    isa_ = !some ? Isa::kNone : arm ? Isa::kArm64 : Isa::kX86;
    coded.isa = isa_;
    coded.old_at = expected + static_cast<std::uint64_t>(unzigzag(moved));
    if (length >= old_.size()) return bad_frame("a copy is longer than a window");
    coded.length = static_cast<std::size_t>(length) + 1;
    return coded;
  }

  Status copy(const CopyOp& op, bool encoding) {
    const auto old = old_.first(op.length);
    PAWL_CHECK(base_.read_at(old, op.old_at));
    SiteFinder finder(op.isa, {op.old_at, place_.image_at + op.new_at, op.length});
    Stretch stretch;
    for (std::size_t at = 0; at < op.length;) {
      if (at >= stretch.end) {
        const auto plan = encoding ? find_stretch(finder, op, at, old) : Stretch{};
        PAWL_TRY(stretch, code_stretch(at, op.length, plan));
      }
      if (const auto site = finder.at(at, old, known(op, at)); site) {
        code_site(*site, finder, op, at, old);
        at += kWord;
      } else if (at < stretch.begin) {
        fresh(op)[at] = old[at];
        ++at;
      } else {
        at += code_active(op, at, old);
      }
    }
    return Ok{};
  }

  [[nodiscard]] ByteView known(const CopyOp& op, std::size_t at) const {
    return ByteView(place_.history).first(place_.start + op.new_at + at);
  }
  [[nodiscard]] std::span<std::uint8_t> fresh(const CopyOp& op) const {
    return place_.history.subspan(place_.start + op.new_at, op.length);
  }

  /// The end of the copy counts as the start of a last, empty stretch.
  Result<Stretch> code_stretch(std::size_t at, std::size_t length, const Stretch& plan) {
    const auto quiet = m_.quiet_length.code(coder_, plan.begin - at);
    if (quiet > length - at) return bad_frame("a quiet stretch runs past its copy");
    const auto begin = at + static_cast<std::size_t>(quiet);
    if (begin == length) return Stretch{length, length};
    const auto active = m_.active_length.code(coder_, plan.end - plan.begin - 1);
    if (active >= length - begin) return bad_frame("an active stretch runs past its copy");
    return Stretch{begin, begin + static_cast<std::size_t>(active) + 1};
  }

  std::size_t code_active(const CopyOp& op, std::size_t at, ByteView old) {
    if (is_pointer(op, at, old)) {
      code_pointer(op, at, old);
      return kPointer;
    }
    code_difference(op, at, old);
    return 1;
  }

  void code_difference(const CopyOp& op, std::size_t at, ByteView old) {
    const Lanes lanes{old, fresh(op), place_.image_at + op.new_at};
    fresh(op)[at] = m_.differences.code(coder_, lanes, at);
  }

  /// An aligned 64-bit number that may be an address or a file offset.
  [[nodiscard]] bool is_pointer(const CopyOp& op, std::size_t at, ByteView old) const {
    if (((place_.image_at + op.new_at + at) & 7U) != 0 || at + kPointer > old.size()) return false;
    const auto value = get<std::uint64_t>(old, at);
    const auto high = value >> 32U;
    return high == 0xffffffffU || (value >= 4096 && value < kPointerLimit);
  }

  void code_pointer(const CopyOp& op, std::size_t at, ByteView old) {
    const auto bytes = fresh(op);
    const auto was = get<std::uint64_t>(old, at);
    const auto is = get<std::uint64_t>(bytes, at);
    std::uint32_t rank = 0;
    for (const auto& guess : m_.pointers.guess(was)) {
      const auto value = was + static_cast<std::uint64_t>(guess.shift);
      auto& slot = m_.pointer_hits[(guess.trust * 4 + rank) * 4 + (m_.pointer_history & 3U)];
      if (code_bit(coder_, value == is, slot)) {
        put(bytes, at, value);
        m_.pointers.learn(was, guess.shift);
        m_.pointer_history = m_.pointer_history << 1U | 1U;
        return;
      }
      ++rank;
    }
    m_.pointer_history <<= 1U;
    for (std::size_t i = 0; i < kPointer; ++i) code_difference(op, at + i, old);
    const auto shift = static_cast<std::int64_t>(get<std::uint64_t>(bytes, at) - was);
    if (shift < (1 << 26) && shift > -(1 << 26)) m_.pointers.learn(was, shift);
  }

  void code_site(const Site& site, SiteFinder& finder, const CopyOp& op, std::size_t at,
                 ByteView old) {
    const auto bytes = fresh(op);
    const auto was = get<std::uint32_t>(old, at);
    if (!guess_site(site, bytes, at, was)) {
      for (std::size_t i = 0; i < kWord; ++i) code_difference(op, at + i, old);
    }
    const auto word = get<std::uint32_t>(bytes, at);
    if (const auto shift = shift_of(site, was, word); shift) m_.shifts.learn(site.target, *shift);
    finder.seen(site, at, was, word);
  }

  /// Offers the words that the guesses give, then the old word.
  bool guess_site(const Site& site, std::span<std::uint8_t> bytes, std::size_t at,
                  std::uint32_t was) {
    const auto is = get<std::uint32_t>(bytes, at);
    auto& history = m_.site_history[site.kind];
    std::array<std::uint32_t, ShiftMap::kMaxGuesses> tried{};
    std::size_t rank = 0;
    for (const auto& guess : m_.shifts.guess(site.target)) {
      const auto word = predict(site, was, guess.shift);
      if (std::find(tried.begin(), tried.begin() + static_cast<std::ptrdiff_t>(rank), word) !=
          tried.begin() + static_cast<std::ptrdiff_t>(rank)) {
        continue;
      }
      const auto context =
          ((site.kind * ShiftMap::kTrusts + guess.trust) * 4 + rank) * 8 + (history & 7U);
      tried[rank++] = word;
      const bool hit = code_bit(coder_, word == is, m_.site_hits[context]);
      history = history << 1U | static_cast<std::uint32_t>(hit);
      if (!hit) continue;
      put(bytes, at, word);
      return true;
    }
    const auto end = tried.begin() + static_cast<std::ptrdiff_t>(rank);
    if (std::find(tried.begin(), end, was) != end) return false;
    if (!code_bit(coder_, was == is, m_.site_same[site.kind])) return false;
    put(bytes, at, was);
    return true;
  }

  /// Encoder: walks on from `at` as copy() will, to where bytes outside sites begin to differ and
  /// to where they have not differed for kQuiet bytes.
  Stretch find_stretch(SiteFinder finder, const CopyOp& op, std::size_t at, ByteView old) const {
    const ByteView bytes = fresh(op);
    Stretch found{op.length, op.length};
    std::size_t plain = at;  // no site since here
    while (at < op.length && (found.begin == op.length || at < found.end + kQuiet)) {
      if (const auto site = finder.at(at, old, known(op, at)); site) {
        finder.seen(*site, at, get<std::uint32_t>(old, at), get<std::uint32_t>(bytes, at));
        at += kWord;
        plain = at;
        continue;
      }
      if (found.begin == op.length && bytes[at] != old[at]) {
        const auto back = (place_.image_at + op.new_at + at) & (kPointer - 1);
        if (at - plain >= back && is_pointer(op, at - back, old)) at -= back;
        found = {at, at + 1};
      }
      const bool pointer = found.begin != op.length && is_pointer(op, at, old);
      const std::size_t step = pointer ? kPointer : 1;
      if (!std::equal(&bytes[at], &bytes[at] + step, &old[at])) found.end = at + step;
      at += step;
    }
    return found;
  }

  Models& m_;
  BitCoder& coder_;
  WindowPlace place_;
  Source& base_;
  std::span<std::uint8_t> old_;
  Isa isa_ = Isa::kNone;
};

CopyAddCodec::CopyAddCodec() : models_(std::make_unique<Models>()) {}
CopyAddCodec::~CopyAddCodec() = default;

Status CopyAddCodec::decode(Bytes frame, const WindowPlace& place, Source& base,
                            std::span<std::uint8_t> old) {
  models_->reset();
  BitDecoder coder(std::move(frame));
  PAWL_CHECK(Run(*models_, coder, place, base, old).run(nullptr));
  if (!coder.ended()) return bad_frame("its end is not where the window's is");
  return Ok{};
}

Result<Bytes> CopyAddCodec::encode(std::span<const CopyOp> ops, const WindowPlace& place,
                                   Source& base, std::span<std::uint8_t> old) {
  models_->reset();
  BitEncoder coder;
  PAWL_CHECK(Run(*models_, coder, place, base, old).run(&ops));
  return coder.finish();
}

}  // namespace pawl::payload
