#include "updater/provision.hpp"

#include "base/digest.hpp"
#include "manifest/disk_store.hpp"
#include "sealing/blob.hpp"
#include "sealing/records.hpp"
#include "sealing/recovery.hpp"
#include "tpm/fault.hpp"
#include "tpm/provision.hpp"
#include "updater/boot_facts.hpp"
#include "updater/device_record.hpp"
#include "updater/releases.hpp"
#include "updater/unverified_records.hpp"

namespace pawl::updater {
namespace {

using sealing::Measured;
using tpm::Fault;

constexpr std::string_view kSecureBootVariable =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
constexpr unsigned kMaxWraps = 1000;

/// The variable is four bytes of attributes and one that is 1 while Secure Boot is on.
Result<tpm::SecureBoot> secure_boot(Disk& disk) {
  PAWL_TRY(const auto bytes, read_optional(disk, std::string(kSecureBootVariable), 16));
  const bool on = bytes && bytes->size() == 5 && bytes->back() == 1;
  return on ? tpm::SecureBoot::kOn : tpm::SecureBoot::kOff;
}

/// What goes to the disk while the TPM is taken into use: everything before the TPM is given away.
class Keeper final : public tpm::ProvisionKeeper {
 public:
  struct Files {
    const sealing::RecordKey& key;
    const Bytes& floors;  // the record's file
    Record journal;
    DeviceRecord device;  // base is filled in here
  };
  Keeper(Device& device, const vault::RecoveryKey& recovery_key, Files files)
      : device_(device), recovery_key_(recovery_key), files_(std::move(files)) {}

  Status keep_provisioned(const tpm::Provisioned& made) override {
    const auto& dir = device_.dir;
    files_.device.base = made.base;
    PAWL_CHECK(make_directories(device_.disk, dir.path + "/seal"));
    PAWL_CHECK(put(dir.floors(), files_.floors));
    PAWL_CHECK(put_record(dir.journal(), kJournalRecord, files_.journal.format()));
    PAWL_CHECK(put_record(dir.device_record(), kDeviceRecord, files_.device.format()));
    PAWL_CHECK(put(dir.seal("records.blob"), sealing::serialise(made.sealed)));
    return put(dir.seal("srk.name"), made.srk.span());
  }
  Status keep_recovery(const tpm::RecoverySecrets& secrets) override {
    PAWL_TRY(const auto wrap, sealing::wrap_recovery(secrets, recovery_key_));
    for (unsigned n = 1; n <= kMaxWraps; ++n) {
      const auto path = device_.dir.seal("recovery-" + std::to_string(n) + ".wrap");
      PAWL_TRY(const bool there, device_.disk.exists(path));
      if (!there) return put(path, wrap);
    }
    return fail(Errc::kNoSpace, device_.dir.seal("") + " holds 1000 recovery wraps");
  }

 private:
  Status put(const std::string& path, ByteView bytes) {
    return replace_file(device_.disk, path, bytes);
  }
  Status put_record(const std::string& path, std::string_view name, std::string_view text) {
    PAWL_TRY(const auto file, files_.key.wrap(name, as_bytes(text), {}));
    return put(path, file);
  }
  Device& device_;
  const vault::RecoveryKey& recovery_key_;
  Files files_;
};

/// What there is of this device's story. Nobody can vouch for it yet; floors in it only rise.
struct Before {
  Record journal;
  manifest::Floors floors;
};
Result<Before> read_before(Device& device) {
  UnverifiedRecords view;
  Before out;
  PAWL_TRY(out.journal, Journal(device.disk, device.dir.journal(), view).load());
  PAWL_TRY(auto floors, FloorsFile(device.disk, device.dir.floors(), view).load());
  if (floors) out.floors = *std::move(floors);
  if (out.journal.state == State::kIdle) return out;
  return fail(Errc::kBusy, "an update is " + std::string(state_name(out.journal.state)))
      .with_hint("finish it or give it up first");
}

struct Running {
  Slot slot = Slot::kA;
  manifest::Release release;
  ReleaseId id;
  manifest::Floors floors;  // after the refresh
};

Result<Running> verified_running(Device& device, const manifest::Floors& before) {
  Running out;
  PAWL_TRY(out.slot, device.boot.current());
  PAWL_TRY(const auto primary, device.boot.primary());
  if (out.slot != primary) {
    return fail(Errc::kBusy, "the running slot is not the primary one")
        .with_hint("restart the device first");
  }
  PAWL_TRY(const auto bytes,
           read_file(device.disk, device.dir.installed(out.slot), manifest::kMaxReleaseBytes));
  PAWL_TRY(auto verified, verify_installed(device, bytes, before));
  out.release = verified.release->release;
  out.id = ReleaseId::of(out.release, verified.release->digest);
  out.floors = manifest::with_commit(std::move(verified.floors), out.release.release_counter,
                                     out.release.min_security_version);
  return out;
}

/// Events of firmware and loader in this boot, or the reason why it cannot be sealed to.
Result<std::vector<tpm::Event>> explain(const Config& config, const Running& running,
                                        const sealing::BootFacts& facts, tpm::PcrSet bound) {
  PAWL_CHECK(check_verity(running.release));
  PAWL_TRY(const auto record, boot_record(running.release, config.boot.profile));
  PAWL_TRY(auto events, tpm::explain_boot({facts.log, facts.live, bound}, record));
  if (events.size() <= DeviceRecord::kMaxFirmware) return events;
  return fail(Errc::kTooLarge, "over 256 events of firmware and loader");
}

/// Loader or stub extended nothing: then there is nothing a release could be told from another by.
bool nothing_measured(const sealing::BootFacts& facts) {
  constexpr unsigned kImages = 4;
  constexpr unsigned kSections = 11;
  const Sha256Digest zero;
  return facts.live[kImages] == zero || facts.live[kSections] == zero;
}

Status judge_boot(const Config& config, const Running& running, const sealing::BootFacts& facts,
                  Unmeasured allowed, DeviceRecord& out) {
  if (nothing_measured(facts)) {
    out.measured = Measured::kNo;
    if (allowed == Unmeasured::kDevelopment) return Ok{};
    return tpm::fail_tpm(Fault::kNoMeasuredBoot, "PCR 4 or 11 is zero: this boot was not measured")
        .with_hint("for development alone: --unmeasured-boot");
  }
  PAWL_TRY(out.firmware, explain(config, running, facts, out.bound));
  return Ok{};
}

Status take_into_use(Device& device, tpm::Context& tpm, const ProvisionRequest& request,
                     Keeper::Files files, const tpm::PcrValues& live,
                     SecurityVersion running_version) {
  const vault::RecoveryKey recovery{device.config.tpm->recovery_key.bytes};
  tpm::ProvisionPlan plan;
  plan.bound = files.device.bound;
  plan.pcrs = live;
  plan.running = running_version;
  plan.registry_floor = request.registry_floor;
  plan.records = {files.key.hash(), sha256(files.floors)};
  const auto& secret = files.key.secret();
  Keeper keeper(device, recovery, std::move(files));
  return tpm::provision(tpm, plan, secret, keeper);
}

Result<tpm::Context> connect(const Device& device) {
  if (device.config.tpm) return tpm::Context::open(device.config.tpm->tcti);
  return fail(Errc::kConfig, "the configuration names no TPM")
      .with_hint("add [tpm] tcti and recovery_key to updater.toml");
}

Result<bool> has_owner(const Device& device) {
  PAWL_TRY(const auto tpm, connect(device));
  PAWL_TRY(const auto permanent, tpm.permanent());
  return permanent.owner_auth_set;
}

/// The owner auth says "done": when the state opens here, it was done by this device.
Result<ProvisionResult> already(Device& device) {
  ProvisionResult out;
  PAWL_TRY(const auto slot, device.boot.current());
  auto opened = device.sealing.open(slot);
  if (!opened && tpm::fault_of(opened.error()) == Fault::kNotProvisioned) {
    return tpm::fail_tpm(Fault::kAuth, "the TPM has an owner already, and it was not this device")
        .with_hint("see docs/runbooks/tpm.md");
  }
  PAWL_CHECK(std::move(opened));
  PAWL_TRY(out.floor, device.sealing.floor());
  return out;
}

/// Everything before the TPM is told, and then the TPM; closes its connection.
Result<ProvisionResult> first_time(Device& device, const ProvisionRequest& request) {
  PAWL_TRY(auto before, read_before(device));
  PAWL_TRY(const auto running, verified_running(device, before.floors));
  PAWL_TRY(auto tpm, connect(device));
  PAWL_TRY(const auto facts, read_boot(device.disk, device.config.tpm->event_log, tpm));
  PAWL_TRY(const auto on_or_off, secure_boot(device.disk));
  DeviceRecord record;
  record.bound = tpm::efi_uki_pcrs(on_or_off);
  PAWL_CHECK(judge_boot(device.config, running, facts, request.unmeasured, record));
  const auto version = running.release.security_version;
  ProvisionResult out{ProvisionResult::End::kPlanned, running.release.version, version,
                      record.measured, record.firmware};
  if (request.dry_run == DryRun::kYes) return out;
  SystemRandom random;
  PAWL_TRY(const auto key, sealing::RecordKey::create(random));
  const auto text = running.floors.serialise();
  PAWL_TRY(const auto floors, key.wrap(kFloorsRecord, as_bytes(text), {}));
  before.journal.holds(running.slot) = running.id;
  PAWL_CHECK(take_into_use(device, tpm, request, {key, floors, before.journal, record}, facts.live,
                           version));
  out.end = ProvisionResult::End::kDone;
  return out;
}

}  // namespace

Result<ProvisionResult> provision(Device& device, const ProvisionRequest& request) {
  PAWL_TRY(const bool owned, has_owner(device));
  PAWL_CHECK(make_directories(device.disk, device.dir.path));
  PAWL_TRY(const auto lock, device.disk.lock(device.dir.lock()));
  PAWL_CHECK(device.dir.create(device.disk));
  if (owned) return already(device);
  PAWL_TRY(auto out, first_time(device, request));
  if (out.end != ProvisionResult::End::kDone) return out;
  PAWL_TRY(const auto slot, device.boot.current());
  PAWL_CHECK(device.sealing.open(slot));
  return out;
}

}  // namespace pawl::updater
