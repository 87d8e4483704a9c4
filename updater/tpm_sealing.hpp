#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/disk.hpp"
#include "base/log.hpp"
#include "sealing/cell_now.hpp"
#include "sealing/records.hpp"
#include "tpm/context.hpp"
#include "tpm/policy_cell.hpp"
#include "updater/device_record.hpp"
#include "updater/sealing.hpp"
#include "updater/state_dir.hpp"

namespace pawl::updater {

/// Where the TPM, its log and the handover are (`[tpm]` of updater.toml).
struct TpmPlaces {
  std::string tcti;
  std::string event_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
  std::string handover = "/run/pawl/cell";
  std::string profile;  // boot profile
};

/// Sealing to a dedicated TPM, profile `efi-uki`: the cell allows exactly the slots that may run
/// (ARCHITECTURE). The cell is the truth; journal, floors and device record are believed because a
/// key authenticates them that only an allowed boot state can open.
class TpmSealing final : public Sealing, public RecordGuard {
 public:
  using Connect = std::function<Result<tpm::Context>(const std::string& tcti)>;
  struct Parts {
    Disk& disk;
    Log& log;
    Connect connect = &tpm::Context::open;
  };
  TpmSealing(Parts parts, StateDir dir, TpmPlaces places)
      : parts_(std::move(parts)), dir_(std::move(dir)), places_(std::move(places)) {}
  /// Gives the connection to the TPM back; open() makes a new one.
  void close() { opened_.reset(); }

  /// Finds the text of the cell, opens the record key, hands the text on in /run.
  /// @return kTpm: kNotProvisioned, kNoTpm, kCleared, kForeign; kPolicyRefused when the cell does
  ///         not allow this slot; kTampered when it holds a text that no slot explains
  Status open(Slot running) override;
  Status settle(State state, Slot primary) override;
  /// @return what predict says when the boot of the release cannot be computed
  Status stage(Slot target, const ReleaseId& release) override;
  Status commit(Slot committed, const ReleaseId& release) override;
  Status withdraw(Slot kept, const std::optional<ReleaseId>& release) override;
  Result<SecurityVersion> floor() override;
  Status raise_floor(SecurityVersion to) override;
  Status anchor_floors() override;
  RecordGuard& records() override { return *this; }
  [[nodiscard]] std::string_view floor_kind() const override;

  Result<Bytes> protect(std::string_view name, ByteView record) override;
  Result<std::optional<Bytes>> accept(std::string_view name, std::optional<Bytes> file) override;

 private:
  /// All that open() finds. `device` is empty when its record is not authentic.
  struct Opened {
    std::unique_ptr<tpm::Context> context;  // outlives cell
    tpm::PolicyCell cell;
    tpm::Name srk;
    std::size_t running = 0;  // slot
    sealing::Slots slots;
    sealing::BootFacts boot;
    sealing::CellNow now;
    sealing::RecordKey key;
    tpm::RecordsAnchor anchor;
    std::optional<DeviceRecord> device;
    Sha256Digest floors_file;  // of the floors record last read or made
  };
  [[nodiscard]] Result<Opened> find(Slot running);
  [[nodiscard]] Status load_device();
  [[nodiscard]] Status need_device() const;
  [[nodiscard]] Status hand_over();
  [[nodiscard]] Status move_cell(tpm::CellText next, sealing::Allows allows);
  [[nodiscard]] const tpm::Branch& own_branch() const;
  [[nodiscard]] Result<sealing::SlotRelease> release_in(Slot slot, const ReleaseId& release);

  Parts parts_;
  StateDir dir_;
  TpmPlaces places_;
  std::optional<Opened> opened_;
};

}  // namespace pawl::updater
