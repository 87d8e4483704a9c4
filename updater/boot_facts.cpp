#include "updater/boot_facts.hpp"

#include "tpm/fault.hpp"

namespace pawl::updater {
namespace {

using tpm::Fault;

// Every PCR that a bound set may have, and no more: each read is a snapshot of at most eight.
constexpr tpm::PcrSet kReadPcrs{2, 4, 7, 9, 11, 12, 13};
constexpr std::size_t kStep = std::size_t{64} * 1024;

/// A pseudo file: its size says nothing, so it is read to its end.
Result<Bytes> read_to_end(Disk& disk, const std::string& path, std::size_t limit) {
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kRead));
  Bytes out;
  for (;;) {
    const auto at = out.size();
    out.resize(at + kStep);
    PAWL_TRY(const auto got, file->read_at(std::span(out).subspan(at), at));
    out.resize(at + got);
    if (out.size() > limit) return fail(Errc::kTooLarge, path + ": over 4 MiB");
    if (got < kStep) return out;
  }
}

}  // namespace

Result<tpm::Measurements> boot_record(const manifest::Release& release,
                                      const std::string& profile) {
  const auto* measured = release.measured(profile);
  if (measured == nullptr || !measured->pcr11) {
    return tpm::fail_tpm(Fault::kUnpredictable, "release " + release.version +
                                                    " has no boot record for profile " + profile);
  }
  tpm::Measurements out;
  for (const auto& digest : measured->digests) {
    out.components.push_back({digest.role, digest.pcr, digest.digest, digest.count});
  }
  out.pcr11 = *measured->pcr11;
  out.phases = measured->phases;
  return out;
}

std::optional<sealing::SlotRelease> stored_slot(Disk& disk, const StateDir& dir, Slot slot,
                                                const std::string& profile) {
  const auto bytes = read_file(disk, dir.installed(slot), manifest::kMaxReleaseBytes);
  if (!bytes) return std::nullopt;
  const auto release = manifest::Release::parse(as_text(*bytes));
  if (!release) return std::nullopt;
  sealing::SlotRelease out{{}, release->security_version};
  if (auto record = boot_record(*release, profile)) out.measured = *std::move(record);
  return out;
}

Result<sealing::BootFacts> read_boot(Disk& disk, const std::string& event_log,
                                     const tpm::Context& tpm) {
  sealing::BootFacts out;
  PAWL_TRY(out.live, tpm.read_pcrs(kReadPcrs));
  PAWL_TRY(const bool there, disk.exists(event_log));
  if (!there) return out;
  PAWL_TRY(const auto bytes, read_to_end(disk, event_log, tpm::kMaxEventLog));
  auto log = tpm::parse_event_log(bytes);
  if (!log) {
    auto error = std::move(log).error();
    error.prefix(event_log);
    return error;
  }
  out.log = *std::move(log);
  return out;
}

Status check_verity(const manifest::Release& release) {
  const auto* rootfs = release.component(manifest::SlotRole::kRootfs);
  if (rootfs != nullptr && rootfs->verity_root) return Ok{};
  return tpm::fail_tpm(Fault::kUnpredictable, "the root file system of release " + release.version +
                                                  " is not protected by verity");
}

}  // namespace pawl::updater
