// Prints what the tpm room makes of one real boot, for the harness to compare:
//   e2e_pcrs explain LOG PCRS MANIFEST                   the events that firmware and loader made
//   e2e_pcrs predict LOG PCRS MANIFEST APPROVED TARGET   the bound PCRs of a boot of TARGET
// LOG is the kernel's event log, PCRS one line of hex digits per PCR from 0 on, MANIFEST the signed
// release that runs, APPROVED what `explain` printed for an earlier boot. Lines are `<pcr> <hex>`.
#include <iostream>
#include <span>
#include <sstream>
#include <vector>

#include "base/bytes.hpp"
#include "base/disk.hpp"
#include "manifest/release.hpp"
#include "tpm/prediction.hpp"

namespace pawl {
namespace {

constexpr std::string_view kProfile = "efi-uki";
constexpr std::size_t kMaxText = 65536;

Result<std::string> read_text(const std::string& path) {
  PosixDisk disk;
  PAWL_TRY(const auto bytes, read_file(disk, path, kMaxText));
  return std::string(as_text(bytes));
}

Result<tpm::PcrValues> read_pcrs(const std::string& path) {
  PAWL_TRY(const auto text, read_text(path));
  std::istringstream lines(text);
  tpm::PcrValues out{};
  for (auto& value : out) {
    std::string line;
    lines >> line;
    PAWL_TRY(value, fixed_from_hex<Sha256Digest>(line));
  }
  return out;
}

Result<std::vector<tpm::Event>> read_events(const std::string& path) {
  PAWL_TRY(const auto text, read_text(path));
  std::istringstream lines(text);
  std::vector<tpm::Event> out;
  tpm::Event event;
  for (std::string digest; lines >> event.pcr >> digest; out.push_back(event)) {
    PAWL_TRY(event.digest, fixed_from_hex<Sha256Digest>(digest));
  }
  return out;
}

Result<tpm::Boot> read_boot(const std::string& log, const std::string& pcrs) {
  PosixDisk disk;
  PAWL_TRY(const auto bytes, read_file(disk, log, tpm::kMaxEventLog));
  tpm::Boot boot;
  PAWL_TRY(boot.log, tpm::parse_event_log(bytes));
  PAWL_TRY(boot.live, read_pcrs(pcrs));
  boot.bound = tpm::efi_uki_pcrs(tpm::SecureBoot::kOff);
  return boot;
}

Result<tpm::Measurements> read_measurements(const std::string& manifest) {
  PAWL_TRY(const auto text, read_text(manifest));
  PAWL_TRY(const auto release, manifest::Release::parse(text));
  const auto* measured = release.measured(kProfile);
  if (measured == nullptr || !measured->pcr11) {
    return fail(Errc::kMalformed, "no boot record of profile " + std::string(kProfile));
  }
  tpm::Measurements out{{}, *measured->pcr11, measured->phases};
  for (const auto& digest : measured->digests) {
    out.components.push_back({digest.role, digest.pcr, digest.digest, digest.count});
  }
  return out;
}

Status explain(std::span<const std::string> args) {
  PAWL_TRY(const auto boot, read_boot(args[0], args[1]));
  PAWL_TRY(const auto running, read_measurements(args[2]));
  PAWL_TRY(const auto firmware, tpm::explain_boot(boot, running));
  for (const auto& event : firmware) std::cout << event.pcr << ' ' << to_hex(event.digest) << '\n';
  return Ok{};
}

Status predict(std::span<const std::string> args) {
  PAWL_TRY(const auto boot, read_boot(args[0], args[1]));
  PAWL_TRY(const auto running, read_measurements(args[2]));
  PAWL_TRY(const auto approved, read_events(args[3]));
  PAWL_TRY(const auto target, read_measurements(args[4]));
  PAWL_TRY(const auto values, tpm::predict(boot, running, target, approved));
  for (unsigned pcr = 0; pcr < tpm::kPcrCount; ++pcr) {
    if (boot.bound.has(pcr)) std::cout << pcr << ' ' << to_hex(values[pcr]) << '\n';
  }
  return Ok{};
}

Status run(std::span<const std::string> args) {
  if (args.size() == 4 && args[0] == "explain") return explain(args.subspan(1));
  if (args.size() == 6 && args[0] == "predict") return predict(args.subspan(1));
  return fail(Errc::kUsage,
              "want: explain LOG PCRS MANIFEST | "
              "predict LOG PCRS MANIFEST APPROVED TARGET");
}

}  // namespace
}  // namespace pawl

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const auto done = pawl::run(args);
  if (done) return 0;
  std::cerr << "e2e_pcrs: " << done.error().what() << '\n';
  return static_cast<int>(done.error().code());
}
