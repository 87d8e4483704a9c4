#pragma once
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/pe.hpp"
#include "tests/fakes/event_log_builder.hpp"
#include "tests/fakes/pe_builder.hpp"
#include "tpm/prediction.hpp"

namespace pawl::fakes {

/// A release: the bytes of its UKI and the boot record a signer would make of them.
struct BootRelease {
  Bytes uki;
  tpm::Measurements record;
};

inline Bytes loader_image() {
  return PeBuilder().add(".text", "systemd-boot").build();
}

inline tpm::Measurements record_of(const Bytes& uki, std::vector<std::string> phases) {
  const auto d = *pe::measure_uki(uki);
  tpm::Measurements m;
  m.components = {{"pe:loader", 4, *pe::authenticode_sha256(loader_image()), 1},
                  {"pe:uki", 4, d.pe_uki, 1},
                  {"pe:kernel", 4, d.pe_kernel, 1},
                  {"cmdline-utf16", 9, d.cmdline_utf16, 1},
                  {"cmdline-utf16", 12, d.cmdline_utf16, 2},
                  {"initrd", 9, d.initrd, 1}};
  for (const auto& s : d.sections) m.components.push_back({"section:" + s.name, 11, s.digest, 1});
  m.pcr11 = d.pcr11;
  for (const auto& word : phases) tpm::extend(m.pcr11, sha256(as_bytes(word)));
  m.phases = std::move(phases);
  return m;
}

/// `name` makes kernel, command line and initrd of this release unlike those of any other.
inline BootRelease boot_release(const std::string& name,
                                std::vector<std::string> phases = {"sysinit", "ready"}) {
  BootRelease r;
  r.uki = small_uki("kernel-" + name, "root=verity hash=" + name, "initrd-" + name).build();
  r.record = record_of(r.uki, std::move(phases));
  return r;
}

enum class Chain { kLoader, kDirect };

/// What EDK2 firmware 1, a loader and the systemd stub measure when this UKI is started. Written
/// from the order real machines show, not from the predictor.
struct MeasuredBoot {
  EventLogBuilder log;
  std::vector<tpm::Event> extended;

  MeasuredBoot& measure(unsigned pcr, const Sha256Digest& digest) {
    log.event(pcr, digest);
    extended.push_back({pcr, digest});
    return *this;
  }
  MeasuredBoot& measure(unsigned pcr, std::string_view text) {
    return measure(pcr, sha256(as_bytes(text)));
  }
  /// Phase words reach the TPM but not the firmware's log.
  MeasuredBoot& phase(std::string_view word) {
    extended.push_back({11, sha256(as_bytes(word))});
    return *this;
  }
  MeasuredBoot& firmware() {
    measure(0, "firmware 1").measure(7, "SecureBoot=0");
    measure(4, "Calling EFI Application from Boot Option");
    for (unsigned pcr = 0; pcr < 8; ++pcr) measure(pcr, std::string_view("\0\0\0\0", 4));
    return *this;
  }
  MeasuredBoot& uki(const Bytes& file, Chain chain) {
    const auto d = *pe::measure_uki(file);
    if (chain == Chain::kLoader) measure(4, *pe::authenticode_sha256(loader_image()));
    measure(4, d.pe_uki);
    if (chain == Chain::kLoader) measure(12, d.cmdline_utf16);
    for (const auto& s : d.sections) {
      measure(11, sha256(as_bytes(s.name + '\0')));
      measure(11, s.digest);
    }
    if (chain == Chain::kLoader) measure(12, d.cmdline_utf16);
    measure(4, d.pe_kernel).measure(9, d.cmdline_utf16).measure(9, d.initrd);
    return *this;
  }
  [[nodiscard]] tpm::PcrValues pcrs() const {
    tpm::PcrValues out{};
    for (const auto& e : extended) {
      Bytes both(out[e.pcr].bytes.begin(), out[e.pcr].bytes.end());
      both.insert(both.end(), e.digest.bytes.begin(), e.digest.bytes.end());
      out[e.pcr] = sha256(both);
    }
    return out;
  }
};

inline MeasuredBoot boot_of(const BootRelease& r, Chain chain = Chain::kLoader) {
  MeasuredBoot b;
  b.firmware().uki(r.uki, chain);
  for (const auto& word : r.record.phases) b.phase(word);
  return b;
}

inline tpm::Boot as_boot(const MeasuredBoot& b) {
  return {*tpm::parse_event_log(b.log.build()), b.pcrs(), tpm::efi_uki_pcrs(tpm::SecureBoot::kOff)};
}

}  // namespace pawl::fakes
