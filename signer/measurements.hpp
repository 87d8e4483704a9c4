#pragma once
#include <string>
#include <string_view>

#include "manifest/release.hpp"
#include "signer/uki.hpp"

namespace pawl::signer {

/// The boot record of a release for one profile (FORMAT 6): every digest of the UKI in the order
/// it is measured, how often, and PCR 11 after the last phase word.
/// @param profile  efi-uki, grub-uki or uboot-uki; systemd-boot measures the command line twice
/// @return kUsage for another profile
[[nodiscard]] Result<manifest::Measurements> boot_record(std::string_view profile,
                                                         const UkiReport& uki,
                                                         const std::vector<std::string>& phases);

}  // namespace pawl::signer
