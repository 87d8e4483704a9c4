#include "signer/uki.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"

namespace pawl::signer {
namespace {

constexpr std::string_view kNoCredentials = "systemd.import_credentials=no";
constexpr std::string_view kKnownStub = "systemd-stub 252";
constexpr std::size_t kMaxStubName = 128;

/// Sections of systemd 252's stub and of the images made with it. `.pcrsig` and `.pcrpkey` are not
/// among them: the stub adds both to the initrd, whose digest is then not that of `.initrd`.
constexpr std::array<std::string_view, 15> kKnownSections{
    ".linux", ".osrel", ".cmdline", ".initrd", ".splash",  ".dtb",  ".uname", ".sbat",
    ".text",  ".reloc", ".data",    ".rodata", ".dynamic", ".rela", ".dynsym"};
constexpr std::string_view kMagic = ".sdmagic";

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

/// ".sdmagic" holds "#### LoaderInfo: systemd-stub 252.39-1~deb12u2 ####".
Result<std::string> stub_name(const pe::Layout& layout, ByteView image) {
  PAWL_TRY(const auto magic, pe::section_content(layout, image, kMagic));
  constexpr std::string_view kBefore = "#### LoaderInfo: ";
  constexpr std::string_view kAfter = " ####";
  const auto text = as_text(magic);
  const auto end = text.find(kAfter);
  if (!text.starts_with(kBefore) || end == std::string_view::npos || end < kBefore.size() ||
      end > kMaxStubName || !is_plain(text.substr(0, end))) {
    return fail(Errc::kMalformed, "UKI does not name its stub in .sdmagic");
  }
  return std::string(text.substr(kBefore.size(), end - kBefore.size()));
}

Status check_stub(const std::string& stub) {
  const auto rest = std::string_view(stub).substr(std::min(stub.size(), kKnownStub.size()));
  const bool version_ends = rest.empty() || rest.front() < '0' || rest.front() > '9';
  if (stub.starts_with(kKnownStub) && version_ends) return Ok{};
  return fail(Errc::kMalformed, "UKI stub '" + stub + "' is not " + std::string(kKnownStub))
      .with_hint("what another stub measures is not known; build the image with this one");
}

Status check_sections(const pe::Layout& layout) {
  for (const auto& section : layout.sections) {
    if (section.name == kMagic) continue;
    if (std::find(kKnownSections.begin(), kKnownSections.end(), section.name) ==
        kKnownSections.end()) {
      return fail(Errc::kMalformed, "UKI section " + printable(section.name) +
                                        " is not one whose measurement is known");
    }
  }
  return Ok{};
}

Status check_credentials(const std::string& line) {
  if ((" " + line + " ").find(" " + std::string(kNoCredentials) + " ") != std::string::npos) {
    return Ok{};
  }
  return fail(Errc::kMalformed, "UKI command line lacks " + std::string(kNoCredentials))
      .with_hint("without it systemd takes files from the boot partition that nobody signed");
}

}  // namespace

Result<std::vector<std::string>> parse_phases(std::string_view words) {
  if (words == "none") return std::vector<std::string>();
  if (words == "sysinit ready") return std::vector<std::string>{"sysinit", "ready"};
  if (words == "enter-initrd leave-initrd sysinit ready") {
    return std::vector<std::string>{"enter-initrd", "leave-initrd", "sysinit", "ready"};
  }
  return fail(Errc::kUsage, "unknown phases " + printable(words))
      .with_hint("'sysinit ready', 'enter-initrd leave-initrd sysinit ready' or 'none'");
}

Result<UkiReport> report_uki(ByteView image, const std::vector<std::string>& phases) {
  UkiReport out;
  PAWL_TRY(out.digests, pe::measure_uki(image));
  PAWL_TRY(const auto layout, pe::parse_layout(image));
  PAWL_TRY(out.stub, stub_name(layout, image));
  PAWL_CHECK(check_stub(out.stub));
  PAWL_CHECK(check_sections(layout));
  PAWL_TRY(const auto line, pe::section_content(layout, image, ".cmdline"));
  out.command_line = as_text(line);
  PAWL_CHECK(check_credentials(out.command_line));
  out.pcr11 = out.digests.pcr11;
  for (const auto& word : phases) {
    Sha256 pcr;
    pcr.update(out.pcr11.bytes);
    pcr.update(sha256(as_bytes(word)).bytes);
    out.pcr11 = pcr.finish();
  }
  return out;
}

}  // namespace pawl::signer
