#pragma once
#include <set>
#include <string>

#include "fakes/fake_device.hpp"
#include "tests/fakes/measured_boot.hpp"
#include "tests/fakes/swtpm.hpp"
#include "tpm/fault.hpp"
#include "updater/provision.hpp"
#include "updater/tpm_sealing.hpp"
#include "updater/unverified_records.hpp"

namespace pawl::fakes {

/// What the TPM said, and our own code for it; kNone and no code for a good result.
template <class T>
tpm::Fault fault(const T& result) {
  return result ? tpm::Fault::kNone : tpm::fault_of(result.error());
}
template <class T>
Errc code(const T& result) {
  return result ? Errc{} : result.error().code();
}

/// Releases with a real UKI, a verity root in its command line, and the boot record of both.
class MeasuredFactory final : public ReleaseFactory {
 protected:
  void shape(ReleaseImages& images) override {
    const auto root = sha256(images.rootfs);
    const auto& version = images.release.version;
    images.uki =
        small_uki("kernel " + version, "root=verity hash=" + to_hex(root), "initrd " + version)
            .build();
    ReleaseFactory::shape(images);
    images.release.components[0].install.kind = manifest::InstallKind::kErofsVerity;
    images.release.components[0].verity_root = root;
    const auto record = record_of(images.uki, {"sysinit", "ready"});
    manifest::Measurements measured;
    measured.profile = "efi-uki";
    for (const auto& c : record.components) {
      if (c.role != "pe:loader") measured.digests.push_back({c.role, c.pcr, c.digest, c.count});
    }
    measured.pcr11 = record.pcr11;
    measured.phases = record.phases;
    images.release.measurements = {measured};
  }
};

inline constexpr const char* kLog = "/sys/log";
inline constexpr const char* kCell = "/run/pawl/cell";

/// A device in memory with a real TPM emulator: the firmware measures the bytes that are in the
/// slot it starts, and the updater seals to what that leaves.
class SealedDevice final : public FakeDevice {
 public:
  SealedDevice(ReleaseFactory& factory, const std::string& version)
      : FakeDevice(factory, version),
        seal({disk, log, [this](const std::string& tcti) { return connect(tcti); }}, {"/var"},
             {machine.tcti(), kLog, kCell, "efi-uki"}) {
    config.boot.profile = "efi-uki";
    config.tpm.emplace();
    config.tpm->tcti = machine.tcti();
    config.tpm->event_log = kLog;
    config.tpm->handover = kCell;
    config.tpm->recovery_key.bytes = {9};  // the base point: a valid public key
    measure("a");
  }

  SwTpm machine;
  updater::TpmSealing seal;
  bool measures = true;   // false: firmware that extends nothing
  bool surprise = false;  // firmware loads a driver that nobody approved
  unsigned drivers = 0;   // that firmware always loads

  [[nodiscard]] updater::Device tpm_device() {
    auto out = device();
    return {out.config, out.dir,    out.disk, out.boot,  seal,         out.clock, out.fetcher,
            out.blobs,  out.health, out.host, out.hooks, out.progress, out.log};
  }
  std::string start() override {
    const auto slot = FakeDevice::start();
    if (disk.has(kCell)) (void)static_cast<bool>(disk.remove(kCell));  // /run is empty
    if (!slot.empty()) measure(slot);
    return slot;
  }
  /// Power cycle of the TPM, then what the boot of `slot` measures.
  void measure(const std::string& slot) {
    seal.close();
    machine.cut();
    machine.on();
    if (!measures) return;
    MeasuredBoot seen;
    for (unsigned i = 0; i < drivers; ++i) seen.measure(2, "driver " + std::to_string(i));
    if (surprise) seen.measure(2, "a driver");
    seen.firmware().uki(disk.content("/dev/esp/" + slot + ".efi"), Chain::kLoader);
    for (const auto* word : {"sysinit", "ready"}) seen.phase(word);
    auto tpm = machine.connect();
    PAWL_ASSERT(static_cast<bool>(tpm));
    for (const auto& e : seen.extended) extend(*tpm, e.pcr, e.digest);
    disk.put(kLog, seen.log.build());
  }
  /// The journal as it lies there.
  [[nodiscard]] updater::Record shown_record() {
    updater::UnverifiedRecords view;
    return *updater::Journal(disk, "/var/journal/record.json", view).load();
  }
  /// Whether a boot of `slot` with the UKI of `version` opens the state: the empty string, or the
  /// fault's name. Leaves the device as it was.
  [[nodiscard]] std::string opens(const std::string& slot, const std::string& version) {
    const auto path = "/dev/esp/" + slot + ".efi";
    const auto before = disk.content(path);
    const auto held = disk.has(kCell) ? std::optional(disk.content(kCell)) : std::nullopt;
    disk.put(path, factory().releases.at(version).uki);
    measure(slot);
    const auto opened = seal.open(slot == "a" ? boot::Slot::kA : boot::Slot::kB);
    seal.close();
    disk.put(path, before);
    if (held) disk.put(kCell, *held);
    const auto now = running();
    measure(now);
    return opened ? "" : std::string(tpm::fault_name(tpm::fault_of(opened.error())));
  }
  /// Cut the n-th command of the next connection; see Wire.
  void plan(const Wire::Plan& next) {
    wire_ = next;
    wire_->machine = &machine;
  }
  [[nodiscard]] unsigned commands_seen() const { return Wire::plan().seen; }

 private:
  /// Counting goes on from one connection to the next.
  Result<tpm::Context> connect(const std::string& tcti) {
    PAWL_TRY(auto out, tpm::Context::open(tcti));
    Wire::watch(out, wire_ ? *wire_ : Wire::Plan(Wire::plan()));
    wire_ = std::nullopt;
    return out;
  }
  std::optional<Wire::Plan> wire_;
};

}  // namespace pawl::fakes
