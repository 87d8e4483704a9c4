#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/pe.hpp"
#include "base/result.hpp"

/// What a unified kernel image will leave in the PCRs, and whether that can be told for sure.
namespace pawl::signer {

struct UkiReport {
  pe::UkiDigests digests;
  Sha256Digest pcr11;        // after the last phase word
  std::string command_line;  // printable ASCII
  std::string stub;          // "systemd-stub 252.39-1~deb12u2"
};

/// The phase words of one boot (FORMAT 6): "sysinit ready", "none", ….
/// @return kUsage for a list no known system produces
[[nodiscard]] Result<std::vector<std::string>> parse_phases(std::string_view words);

/// Measures a UKI for a release (FORMAT 11.4). Beyond pe::measure_uki it refuses what only the
/// signer can still correct: a stub whose measurements are not known, sections the stub would turn
/// into further initrd files, sections nobody knows, and a command line without
/// `systemd.import_credentials=no`.
/// @param image   the whole file
/// @param phases  from parse_phases
/// @return kMalformed with a hint, or the error of pe::measure_uki
[[nodiscard]] Result<UkiReport> report_uki(ByteView image, const std::vector<std::string>& phases);

}  // namespace pawl::signer
