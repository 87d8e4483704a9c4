#include "payload/sites.hpp"

#include <cstdlib>

namespace pawl::payload {
namespace {

constexpr std::int64_t kFarthest = std::int64_t{1} << 26;  // bytes; farther operands are data
constexpr std::uint64_t kPageMask = 0xfff;
constexpr std::size_t kLookAhead = 8;  // instructions between ADRP and the use of its register

std::uint32_t word_at(ByteView bytes, std::size_t at) {
  return bytes[at] | static_cast<std::uint32_t>(bytes[at + 1]) << 8U |
         static_cast<std::uint32_t>(bytes[at + 2]) << 16U |
         static_cast<std::uint32_t>(bytes[at + 3]) << 24U;
}

std::int64_t signed_bits(std::uint32_t value, unsigned bits) {
  const auto shift = 32 - bits;
  return static_cast<std::int32_t>(value << shift) >> shift;
}

bool is_branch(std::uint32_t word) {
  return (word & 0x7c000000U) == 0x14000000U;
}
bool is_adrp(std::uint32_t word) {
  return (word & 0x9f000000U) == 0x90000000U;
}
bool is_add(std::uint32_t word) {
  return (word & 0xffc00000U) == 0x91000000U;
}
bool is_load_store(std::uint32_t word) {
  return (word & 0x3b000000U) == 0x39000000U;
}

std::int64_t adrp_pages(std::uint32_t word) {
  return signed_bits(((word >> 3U) & 0x1ffffcU) | ((word >> 29U) & 3U), 21);
}
std::uint32_t with_adrp_pages(std::uint32_t word, std::int64_t pages) {
  const auto bits = static_cast<std::uint32_t>(pages) & 0x1fffffU;
  return (word & 0x9f00001fU) | (bits & 3U) << 29U | (bits >> 2U) << 5U;
}
std::uint32_t low_imm(std::uint32_t word) {
  return (word >> 10U) & 0xfffU;
}

/// log2 of the unit of the 12-bit offset.
std::uint8_t low_scale(std::uint32_t word) {
  if (is_add(word)) return 0;
  const bool vector128 = (word & 0x04800000U) == 0x04800000U && (word >> 30U) == 0;
  return static_cast<std::uint8_t>(vector128 ? 4 : word >> 30U);
}

bool same_instruction(Site::Form form, std::uint32_t a, std::uint32_t b) {
  switch (form) {
    case Site::Form::kRel32:
      return true;
    case Site::Form::kBranch26:
      return ((a ^ b) & 0xfc000000U) == 0;
    case Site::Form::kPage21:
      return ((a ^ b) & 0x9f00001fU) == 0;
    case Site::Form::kLow12:
      return ((a ^ b) & 0xffc003ffU) == 0;
  }
  return false;
}

}  // namespace

std::uint32_t predict(const Site& site, std::uint32_t old_word, std::int64_t shift) {
  const auto target = site.target + static_cast<std::uint64_t>(shift);
  const auto distance = static_cast<std::int64_t>(target - site.place);
  switch (site.form) {
    case Site::Form::kRel32:
      return static_cast<std::uint32_t>(distance);
    case Site::Form::kBranch26:
      return (old_word & 0xfc000000U) | (static_cast<std::uint32_t>(distance >> 2U) & 0x3ffffffU);
    case Site::Form::kPage21:
      return with_adrp_pages(old_word, (static_cast<std::int64_t>(target >> 12U) -
                                        static_cast<std::int64_t>(site.place >> 12U)));
    case Site::Form::kLow12: {
      const auto offset = target & kPageMask;
      if ((offset & ((1U << site.scale) - 1)) != 0) return old_word;
      return (old_word & 0xffc003ffU) | static_cast<std::uint32_t>(offset >> site.scale) << 10U;
    }
  }
  return old_word;
}

std::optional<std::int64_t> shift_of(const Site& site, std::uint32_t old_word,
                                     std::uint32_t new_word) {
  if (!same_instruction(site.form, old_word, new_word)) return {};
  std::uint64_t target = 0;
  switch (site.form) {
    case Site::Form::kRel32:
      target = site.place + static_cast<std::uint64_t>(signed_bits(new_word, 32));
      break;
    case Site::Form::kBranch26:
      target = site.place + static_cast<std::uint64_t>(signed_bits(new_word, 26) * 4);
      break;
    case Site::Form::kPage21:
      return {};  // the page alone does not tell
    case Site::Form::kLow12:
      target = site.place + (std::uint64_t{low_imm(new_word)} << site.scale);
      break;
  }
  const auto shift = static_cast<std::int64_t>(target - site.target);
  if (shift > kFarthest || shift < -kFarthest) return {};
  return shift;
}

std::optional<Site> SiteFinder::at(std::size_t at, ByteView old, ByteView fresh) {
  if (at + 4 > extent_.length) return {};
  switch (isa_) {
    case Isa::kNone:
      return {};
    case Isa::kX86:
      return x86(at, old, fresh);
    case Isa::kArm64:
      return arm64(at, old);
  }
  return {};
}

bool SiteFinder::leaves(std::uint64_t target) const {
  return target - extent_.old_at >= extent_.length;
}

std::optional<Site> SiteFinder::x86(std::size_t at, ByteView old, ByteView fresh) const {
  if (fresh.size() < 2) return {};
  const auto opcode = fresh[fresh.size() - 1];
  const bool jump = opcode == 0xe8 || opcode == 0xe9;
  const bool branch = (opcode & 0xf0U) == 0x80 && fresh[fresh.size() - 2] == 0x0f;
  const bool memory = (opcode & 0xc7U) == 0x05;
  if (!jump && !branch && !memory) return {};
  const auto distance = signed_bits(word_at(old, at), 32);
  if (distance > kFarthest || distance < -kFarthest) return {};
  const auto target = extent_.old_at + at + 4 + static_cast<std::uint64_t>(distance);
  if (!leaves(target)) return {};
  Site site;
  site.kind = static_cast<std::uint8_t>(opcode == 0xe8 ? 0 : jump ? 1 : branch ? 2 : 3);
  if (memory) {
    const auto before = fresh[fresh.size() - 2];
    site.kind = static_cast<std::uint8_t>(before == 0x8d   ? 4
                                          : before == 0x8b ? 5
                                          : before == 0xff ? 6
                                                           : 3);
  }
  site.target = target;
  site.place = extent_.new_at + at + 4;
  return site;
}

std::optional<Site> SiteFinder::arm64(std::size_t at, ByteView old) {
  if (((extent_.old_at + at) & 3U) != 0 || ((extent_.new_at + at) & 3U) != 0) return {};
  const auto word = word_at(old, at);
  const auto here = extent_.old_at + at;
  Site site;
  site.place = extent_.new_at + at;
  if (is_branch(word)) {
    site.form = Site::Form::kBranch26;
    site.kind = static_cast<std::uint8_t>(8 + (word >> 31U));
    site.target = here + static_cast<std::uint64_t>(signed_bits(word, 26) * 4);
    if (!leaves(site.target)) return {};
    return site;
  }
  if (!is_adrp(word)) return arm64_low(word);
  const auto page = (here & ~kPageMask) + static_cast<std::uint64_t>(adrp_pages(word) * 4096);
  site.form = Site::Form::kPage21;
  site.kind = 10;
  site.target = page;
  for (std::size_t i = 1; i <= kLookAhead && at + 4 * i + 4 <= extent_.length; ++i) {
    const auto use = word_at(old, at + 4 * i);
    if ((!is_add(use) && !is_load_store(use)) || ((use >> 5U) & 31U) != (word & 31U)) continue;
    site.target = page + (std::uint64_t{low_imm(use)} << low_scale(use));
    site.kind = 11;
    break;
  }
  return site;
}

std::optional<Site> SiteFinder::arm64_low(std::uint32_t word) const {
  if (!is_add(word) && !is_load_store(word)) return {};
  const auto& page = pages_[(word >> 5U) & 31U];
  if (!page.known) return {};
  Site site;
  site.form = Site::Form::kLow12;
  site.kind = is_add(word) ? 12 : 13;
  site.scale = low_scale(word);
  site.target = page.old_page + (std::uint64_t{low_imm(word)} << site.scale);
  site.place = page.new_page;
  return site;
}

void SiteFinder::seen(const Site& site, std::size_t at, std::uint32_t old_word,
                      std::uint32_t new_word) {
  if (site.form != Site::Form::kPage21) return;
  auto& page = pages_[old_word & 31U];
  const auto old_here = (extent_.old_at + at) & ~kPageMask;
  const auto new_here = (extent_.new_at + at) & ~kPageMask;
  page.known = is_adrp(new_word);
  page.old_page = old_here + static_cast<std::uint64_t>(adrp_pages(old_word) * 4096);
  page.new_page = new_here + static_cast<std::uint64_t>(adrp_pages(new_word) * 4096);
}

}  // namespace pawl::payload
