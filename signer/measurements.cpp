#include "signer/measurements.hpp"

#include "base/bytes.hpp"

namespace pawl::signer {
namespace {

constexpr unsigned kPcrImages = 4;
constexpr unsigned kPcrKernel = 9;
constexpr unsigned kPcrSections = 11;
constexpr unsigned kPcrOptions = 12;

}  // namespace

Result<manifest::Measurements> boot_record(std::string_view profile, const UkiReport& uki,
                                           const std::vector<std::string>& phases) {
  if (profile != "efi-uki" && profile != "grub-uki" && profile != "uboot-uki") {
    return fail(Errc::kUsage, "boot profile " + printable(profile) + " does not start a UKI")
        .with_hint("efi-uki, grub-uki or uboot-uki");
  }
  const auto& d = uki.digests;
  manifest::Measurements out;
  out.profile = profile;
  out.digests.push_back({"pe:uki", kPcrImages, d.pe_uki, 1});
  for (const auto& section : d.sections) {
    out.digests.push_back({"section:" + section.name, kPcrSections, section.digest, 1});
  }
  if (profile == "efi-uki") {
    out.digests.push_back({"cmdline-utf16", kPcrOptions, d.cmdline_utf16, 2});
  }
  out.digests.push_back({"pe:kernel", kPcrImages, d.pe_kernel, 1});
  out.digests.push_back({"cmdline-utf16", kPcrKernel, d.cmdline_utf16, 1});
  out.digests.push_back({"initrd", kPcrKernel, d.initrd, 1});
  out.pcr11 = uki.pcr11;
  out.phases = phases;
  return out;
}

}  // namespace pawl::signer
