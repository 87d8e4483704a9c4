#include "base/pe.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "tests/fakes/pe_builder.hpp"

using namespace pawl;
using fakes::PeBuilder;

namespace {

Bytes good() {
  return fakes::small_uki("kernel-1", "root=verity quiet", "initrd-1").build();
}

void put32(Bytes& b, std::size_t at, std::uint32_t v) {
  for (unsigned i = 0; i < 4; ++i) b[at + i] = static_cast<std::uint8_t>(v >> (8U * i));
}

std::size_t row(std::size_t n) {
  return PeBuilder::kTable + 40 * n;
}

/// The digest written out in another way: drop the skipped fields from a copy and hash the rest.
Sha256Digest by_erasing(Bytes file, std::size_t certificate) {
  file.resize(file.size() - certificate);
  const auto erase = [&](std::size_t at, std::ptrdiff_t n) {
    const auto from = file.begin() + static_cast<std::ptrdiff_t>(at);
    file.erase(from, from + n);
  };
  erase(PeBuilder::kSecurity, 8);
  erase(PeBuilder::kChecksum, 4);
  return sha256(file);
}

}  // namespace

TEST_CASE("Authenticode digest leaves out checksum, security entry and certificate", "[pe]") {
  const auto plain = good();
  const auto digest = pe::authenticode_sha256(plain);
  REQUIRE(digest);
  CHECK(*digest == by_erasing(plain, 0));

  auto checksum = plain;
  checksum[PeBuilder::kChecksum] ^= 0xffU;
  CHECK(*pe::authenticode_sha256(checksum) == *digest);

  auto builder = fakes::small_uki("kernel-1", "root=verity quiet", "initrd-1");
  builder.certificate = Bytes(24, 0x5a);
  const auto signed_image = builder.build();
  REQUIRE(signed_image != plain);
  CHECK(*pe::authenticode_sha256(signed_image) == *digest);  // signing does not move PCR 4
}

TEST_CASE("Authenticode digest covers every other byte (FORMAT 6.1.5)", "[pe]") {
  const auto plain = fakes::small_kernel("code");
  const auto digest = *pe::authenticode_sha256(plain);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (i >= PeBuilder::kChecksum && i < PeBuilder::kChecksum + 4) continue;
    if (i >= PeBuilder::kSecurity && i < PeBuilder::kSecurity + 8) continue;
    auto changed = plain;
    changed[i] ^= 1U;
    const auto now = pe::authenticode_sha256(changed);
    INFO("byte " << i);
    if (now) REQUIRE(*now != digest);
  }
}

TEST_CASE("Authenticode digest covers bytes after the last section", "[pe]") {
  auto builder = PeBuilder().add(".text", "loader");
  builder.tail = Bytes(20, 7);
  const auto image = builder.build();
  CHECK(*pe::authenticode_sha256(image) == by_erasing(image, 0));
}

TEST_CASE("PE images without a security directory have a digest", "[pe]") {
  auto builder = PeBuilder().add(".text", "old");
  builder.directories = 4;
  const auto layout = pe::parse_layout(builder.build());
  REQUIRE(layout);
  CHECK_FALSE(layout->certificate_entry.has_value());
}

// FORMAT 6.1.1 to 6.1.4
TEST_CASE("PE layout refuses what firmwares would read differently (FORMAT 6.1)", "[pe]") {
  struct Row {
    const char* why;
    std::function<void(Bytes&)> damage;
    const char* text;
  };
  const auto r = GENERATE(values<Row>({
      {"no MZ", [](Bytes& b) { b[0] = 'X'; }, "MZ"},
      {"header offset past the end", [](Bytes& b) { put32(b, 0x3c, 0x7fffffff); }, "outside"},
      {"no PE", [](Bytes& b) { b[PeBuilder::kHeader] = 'X'; }, "no PE signature"},
      {"no sections", [](Bytes& b) { b[PeBuilder::kHeader + 6] = 0; }, "0 sections"},
      {"97 sections", [](Bytes& b) { b[PeBuilder::kHeader + 6] = 97; }, "97 sections"},
      {"ROM image", [](Bytes& b) { b[PeBuilder::kOptional] = 0x07; }, "optional header"},
      {"short optional header", [](Bytes& b) { b[PeBuilder::kHeader + 20] = 100; }, "too short"},
      {"directories outside", [](Bytes& b) { b[PeBuilder::kHeader + 20] = 140; }, "do not fit"},
      {"headers too small", [](Bytes& b) { put32(b, PeBuilder::kOptional + 60, 64); }, "cover"},
      {"headers past the end", [](Bytes& b) { put32(b, PeBuilder::kOptional + 60, 1U << 30); },
       "cover"},
      {"gap before a section", [](Bytes& b) { put32(b, row(1) + 20, 4096); }, "end to end"},
      {"sections overlap", [](Bytes& b) { put32(b, row(1) + 20, 1024); }, "end to end"},
      {"last section too long", [](Bytes& b) { put32(b, row(4) + 16, 1U << 20); }, "past the end"},
      {"certificate not at the end",
       [](Bytes& b) {
         put32(b, PeBuilder::kSecurity, 1024);
         put32(b, PeBuilder::kSecurity + 4, 16);
       },
       "certificate"},
      {"certificate over the sections",
       [](Bytes& b) {
         put32(b, PeBuilder::kSecurity, 1024);
         put32(b, PeBuilder::kSecurity + 4, static_cast<std::uint32_t>(b.size() - 1024));
       },
       "past the end"},
  }));
  INFO(r.why);
  auto image = good();
  r.damage(image);
  const auto layout = pe::parse_layout(image);
  REQUIRE_FALSE(layout);
  CHECK(layout.error().code() == Errc::kMalformed);
  CHECK_THAT(layout.error().what(), Catch::Contains(r.text));
}

TEST_CASE("A PE image cut anywhere is refused", "[pe]") {
  const auto image = good();
  for (std::size_t n = 0; n < image.size(); ++n) {
    const auto layout = pe::parse_layout(ByteView(image).first(n));
    INFO(n << " bytes");
    REQUIRE_FALSE(layout);
    REQUIRE(layout.error().code() == Errc::kMalformed);
  }
}

// FORMAT 6.2.3, 6.2.4
TEST_CASE("A UKI yields the digests of a measured boot (FORMAT 6.2)", "[pe]") {
  const auto file = good();
  const auto uki = pe::measure_uki(file);
  REQUIRE(uki);
  CHECK(uki->pe_uki == by_erasing(file, 0));
  CHECK(uki->pe_kernel == by_erasing(fakes::small_kernel("kernel-1"), 0));
  CHECK(uki->initrd == sha256(as_bytes("initrd-1")));
  Bytes utf16;
  for (const char c : std::string("root=verity quiet\0", 18)) {
    utf16.push_back(static_cast<std::uint8_t>(c));
    utf16.push_back(0);
  }
  CHECK(uki->cmdline_utf16 == sha256(utf16));

  // The stub's order, not the order in the file; unknown sections (.text) are not measured.
  REQUIRE(uki->sections.size() == 4);
  CHECK(uki->sections[0].name == ".linux");
  CHECK(uki->sections[1].name == ".osrel");
  CHECK(uki->sections[2].name == ".cmdline");
  CHECK(uki->sections[3].name == ".initrd");
  Bytes pcr(32);
  for (const auto& s : uki->sections) {
    for (const auto& event : {sha256(as_bytes(s.name + '\0')), s.digest}) {
      pcr.insert(pcr.end(), event.bytes.begin(), event.bytes.end());
      const auto next = sha256(pcr);
      pcr.assign(next.bytes.begin(), next.bytes.end());
    }
  }
  CHECK(to_hex(uki->pcr11) == to_hex(pcr));
}

TEST_CASE("A UKI with a device tree measures it after the initrd", "[pe]") {
  auto builder = fakes::small_uki("k", "root=verity", "i");
  builder.add(".dtb", "tree");
  const auto uki = pe::measure_uki(builder.build());
  REQUIRE(uki);
  CHECK(uki->sections.back().name == ".dtb");
  CHECK(uki->sections.back().digest == sha256(as_bytes("tree")));
}

// FORMAT 6.2.1, 6.2.2, 6.2.4
TEST_CASE("A UKI is refused when its measurement would be ambiguous (FORMAT 6.2)", "[pe]") {
  struct Row {
    const char* why;
    std::function<Bytes()> image;
    const char* text;
  };
  const auto with_cmdline = [](std::string_view c) {
    return fakes::small_uki("k", c, "i").build();
  };
  const auto r = GENERATE_COPY(values<Row>({
      {"symbol table",
       [] {
         auto b = fakes::small_uki("k", "c", "i");
         b.symbol_table = 512;
         return b.build();
       },
       "symbol table"},
      {"tail",
       [] {
         auto b = fakes::small_uki("k", "c", "i");
         b.tail = Bytes(8);
         return b.build();
       },
       "after its last section"},
      {"no initrd",
       [] {
         return PeBuilder()
             .add(".linux", fakes::small_kernel("k"))
             .add(".osrel", "o")
             .add(".cmdline", "c")
             .build();
       },
       "no section .initrd"},
      {"no command line",
       [] {
         return PeBuilder()
             .add(".linux", fakes::small_kernel("k"))
             .add(".osrel", "o")
             .add(".initrd", "i")
             .build();
       },
       "no section .cmdline"},
      {"two command lines",
       [] {
         auto b = fakes::small_uki("k", "c", "i");
         b.add(".cmdline", "init=/bin/sh");
         return b.build();
       },
       "twice"},
      {"two device trees",
       [] {
         auto b = fakes::small_uki("k", "c", "i");
         b.add(".dtb", "1").add(".dtb", "2");
         return b.build();
       },
       "twice"},
      {"section longer in memory",
       [] {
         auto b = good();
         put32(b, row(2) + 8, 100000);
         return b;
       },
       "longer in memory"},
      {"kernel is no PE",
       [] {
         PeBuilder b;
         b.add(".osrel", "o").add(".cmdline", "c").add(".linux", "gzip").add(".initrd", "i");
         return b.build();
       },
       "MZ"},
      {"empty initrd", [] { return fakes::small_uki("k", "c", "").build(); }, "empty initrd"},
      {"empty command line", [=] { return with_cmdline(""); }, "empty"},
      {"blank at the end", [=] { return with_cmdline("root=x "); }, "blank"},
      {"blank at the start", [=] { return with_cmdline(" root=x"); }, "blank"},
      {"NUL at the end", [=] { return with_cmdline(std::string_view("root=x\0", 7)); },
       "printable"},
      {"initrd= first", [=] { return with_cmdline("initrd=x root=y"); }, "initrd"},
      {"initrd= later", [=] { return with_cmdline("root=y initrd=x"); }, "initrd"},
  }));
  INFO(r.why);
  const auto uki = pe::measure_uki(r.image());
  REQUIRE_FALSE(uki);
  CHECK(uki.error().code() == Errc::kMalformed);
  CHECK_THAT(uki.error().what(), Catch::Contains(r.text));
}

TEST_CASE("A command line over 4096 characters is refused", "[pe]") {
  const auto uki = pe::measure_uki(fakes::small_uki("k", std::string(4097, 'a'), "i").build());
  REQUIRE_FALSE(uki);
  CHECK(uki.error().code() == Errc::kTooLarge);
}
