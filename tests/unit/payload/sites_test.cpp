#include "payload/sites.hpp"

#include <catch2/catch.hpp>

#include "base/reader.hpp"

using namespace pawl;
using namespace pawl::payload;

namespace {

constexpr std::uint32_t kBl = 0x94000000;
constexpr std::uint32_t kAdrpX3 = 0x90000003;
constexpr std::uint32_t kAddX3X3 = 0x91000063;
constexpr std::uint32_t kLdrX3X3 = 0xf9400063;

Bytes words(std::initializer_list<std::uint32_t> list) {
  Writer out;
  for (const auto word : list) out.u32_le(word);
  return std::move(out).take();
}

}  // namespace

TEST_CASE("a call that leaves its extent is a site (FORMAT 4.7.7)", "[payload]") {
  const Extent extent{0x1000, 0x1100, 64};
  Bytes old(64, 0x90);
  const Bytes before{0x90, 0xe8};
  const auto at = [&](std::uint32_t operand, Bytes fresh = {0x90, 0xe8}) {
    SiteFinder finder(Isa::kX86, extent);
    const auto bytes = words({operand});
    std::copy(bytes.begin(), bytes.end(), old.begin() + 10);
    return finder.at(10, old, fresh);
  };
  const auto site = at(0x500);
  REQUIRE(site);
  CHECK(site->target == 0x1000 + 10 + 4 + 0x500);
  CHECK(predict(*site, 0x500, 0) == 0x500 - 0x100);  // the caller moved, the target did not
  CHECK(predict(*site, 0x500, 0x100) == 0x500);
  CHECK(shift_of(*site, 0x500, 0x500) == 0x100);
  CHECK_FALSE(at(20));                   // stays inside
  CHECK_FALSE(at(0x04000001));           // farther than 64 MiB
  CHECK_FALSE(at(0x500, {0x90, 0x90}));  // another instruction
  CHECK(at(0x500, {0x0f, 0x85}));        // jne
  CHECK_FALSE(at(0x500, {0x90, 0x85}));  // not without 0f
  CHECK(at(0x500, {0x8d, 0x3d}));        // lea rdi, [rip+x]
  CHECK_FALSE(at(0x500, {0xe8}));        // too little is known
  CHECK_FALSE(SiteFinder(Isa::kNone, extent).at(10, old, before));
  CHECK_FALSE(SiteFinder(Isa::kX86, extent).at(61, old, before));  // runs past the extent
}

TEST_CASE("an arm64 branch is a site where it is aligned (FORMAT 4.7.7)", "[payload]") {
  const auto old = words({kBl | 0x100, kBl | 0x3ffff00});
  const auto site = SiteFinder(Isa::kArm64, {0x1000, 0x2000, 8}).at(0, old, {});
  REQUIRE(site);
  CHECK(site->target == 0x1400);
  CHECK(predict(*site, kBl | 0x100, 0x1000) == (kBl | 0x100));
  CHECK(predict(*site, kBl | 0x100, 0) == (kBl | 0x3fffd00));
  CHECK(shift_of(*site, kBl | 0x100, kBl | 0x100) == 0x1000);
  CHECK_FALSE(shift_of(*site, kBl | 0x100, 0x14000100));  // became a jump
  CHECK(SiteFinder(Isa::kArm64, {0x1000, 0x2000, 8}).at(4, old, {})->target == 0x1004 - 0x400);
  CHECK_FALSE(SiteFinder(Isa::kArm64, {0x1000, 0x2002, 8}).at(0, old, {}));
  CHECK_FALSE(SiteFinder(Isa::kArm64, {0x1002, 0x2000, 8}).at(0, old, {}));
}

TEST_CASE("an arm64 page and its offset are sites of one target (FORMAT 4.7.7)", "[payload]") {
  // adrp x3, +2 pages; add x3, x3, 0x123; ldr x3, [x3, 8 * 5]
  const std::uint32_t adrp = kAdrpX3 | 1U << 30U | 0U << 5U;
  const auto old = words({adrp, kAddX3X3 | 0x123U << 10U, kLdrX3X3 | 5U << 10U});
  SiteFinder finder(Isa::kArm64, {0x5000, 0x9000, 12});
  const auto page = finder.at(0, old, {});
  REQUIRE(page);
  CHECK(page->target == 0x5000 + 2 * 4096 + 0x123);
  // The target moved 0xf00 up, so over the next page; the code moved 4 pages up.
  const auto word = predict(*page, adrp, 0xf00);
  CHECK(word == (kAdrpX3 | 3U << 29U | 0x7ffffU << 5U));  // 3 pages on, 4 pages back
  CHECK_FALSE(finder.at(4, old, {}));                     // nothing is known of x3 yet
  finder.seen(*page, 0, adrp, word);
  const auto low = finder.at(4, old, {});
  REQUIRE(low);
  CHECK(low->target == page->target);
  CHECK(predict(*low, kAddX3X3 | 0x123U << 10U, 0xf00) == (kAddX3X3 | 0x023U << 10U));
  CHECK(shift_of(*low, kAddX3X3 | 0x123U << 10U, kAddX3X3 | 0x023U << 10U) == 0xf00);
  const auto load = finder.at(8, old, {});
  REQUIRE(load);
  CHECK(load->scale == 3);
  CHECK(load->target == 0x7028);
  CHECK(predict(*load, kLdrX3X3 | 5U << 10U, 0x10) == (kLdrX3X3 | 7U << 10U));
  CHECK(predict(*load, kLdrX3X3 | 5U << 10U, 0x11) == (kLdrX3X3 | 5U << 10U));  // not a multiple
  finder.seen(*page, 0, adrp, 0xd503201f);                                      // became a nop
  CHECK_FALSE(finder.at(4, old, {}));
}
