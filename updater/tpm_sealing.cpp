#include "updater/tpm_sealing.hpp"

#include "base/digest.hpp"
#include "sealing/blob.hpp"
#include "sealing/handover.hpp"
#include "tpm/fault.hpp"
#include "updater/boot_facts.hpp"

namespace pawl::updater {
namespace {

using sealing::Allows;
using sealing::Measured;
using tpm::fail_tpm;
using tpm::Fault;

constexpr std::size_t kMaxDeviceFile = DeviceRecord::kMaxBytes + 256;

std::size_t number(Slot slot) {
  return slot == Slot::kA ? 0 : 1;
}
Slot slot_of(std::size_t number) {
  return number == 0 ? Slot::kA : Slot::kB;
}
std::string name_of(Slot slot) {
  return "slot " + std::string(boot::letter(slot));
}

Result<tpm::Name> pinned_srk(Disk& disk, const std::string& path) {
  tpm::Name out;
  PAWL_TRY(const auto bytes, read_optional(disk, path, out.bytes.size()));
  if (!bytes) {
    return fail_tpm(Fault::kNotProvisioned, "there is no " + path)
        .with_hint("take the TPM into use once with: pawl-updater provision");
  }
  if (bytes->size() != out.bytes.size()) {
    return fail_tpm(Fault::kTampered, path + " does not hold the name of a key");
  }
  std::copy(bytes->begin(), bytes->end(), out.bytes.begin());
  return out;
}

Error closed() {
  return fail_tpm(Fault::kPolicyRefused,
                  "the sealed state is closed, so no record can be believed");
}

/// An update is under way whose target the cell may allow as well.
bool may_allow_both(State state) {
  return state != State::kIdle && state != State::kInstalling;
}

/// The slots hold releases that nothing measured tells apart (FORMAT 8.3.5).
bool one_branch_for_both(const sealing::Slots& slots) {
  const auto& [a, b] = slots.held;
  return a && b && a->security == b->security && a->measured.pcr11 == b->measured.pcr11;
}

}  // namespace

Result<TpmSealing::Opened> TpmSealing::find(Slot running) {
  PAWL_TRY(const auto srk, pinned_srk(parts_.disk, dir_.seal("srk.name")));
  PAWL_TRY(auto connected, parts_.connect(places_.tcti));
  auto context = std::make_unique<tpm::Context>(std::move(connected));
  PAWL_TRY(auto cell, tpm::PolicyCell::attach(*context, srk));
  PAWL_TRY(auto facts, read_boot(parts_.disk, places_.event_log, *context));
  sealing::Slots slots;
  slots.running = number(running);
  for (const auto slot : {Slot::kA, Slot::kB}) {
    slots.held[number(slot)] = stored_slot(parts_.disk, dir_, slot, places_.profile);
  }
  PAWL_TRY(const auto held, cell.cell());
  PAWL_TRY(const auto counter, cell.counter());
  PAWL_TRY(auto now, sealing::find_cell_now(held, counter, facts, slots));
  if (now.allows == Allows::kOtherOnly) {
    return fail_tpm(Fault::kPolicyRefused, "the sealed state opens in " +
                                               name_of(boot::other(running)) + " alone, and " +
                                               name_of(running) + " is running")
        .with_hint("restart the device");
  }
  PAWL_TRY(const auto file,
           read_file(parts_.disk, dir_.seal("records.blob"), sealing::kMaxBlobFile));
  PAWL_TRY(const auto blob, sealing::parse_blob(file));
  PAWL_TRY(auto secret, cell.unseal(blob, now.text));
  PAWL_TRY(const auto anchor, cell.records_anchor());
  PAWL_TRY(auto key, sealing::RecordKey::accept(std::move(secret), anchor));
  return Opened{std::move(context),
                cell,
                srk,
                slots.running,
                std::move(slots),
                std::move(facts),
                std::move(now),
                std::move(key),
                anchor,
                std::nullopt,
                {}};
}

Status TpmSealing::open(Slot running) {
  opened_.reset();
  PAWL_TRY(auto found, find(running));
  opened_.emplace(std::move(found));
  if (auto loaded = load_device(); !loaded) {
    parts_.log.write(LogLevel::kError, "device.refused", {{"why", loaded.error().what()}});
  }
  return hand_over();
}

/// Not needed to open, but without it no floor is known: whoever forges it gains nothing.
Status TpmSealing::load_device() {
  PAWL_TRY(auto file, read_optional(parts_.disk, dir_.device_record(), kMaxDeviceFile));
  PAWL_TRY(const auto bytes, accept(kDeviceRecord, std::move(file)));
  PAWL_TRY(auto device, DeviceRecord::parse(as_text(*bytes)));
  // The cell proves limits only: a stored manifest with another security version leads to another
  // base, which would move the floor.
  if (device.base != opened_->now.base || device.bound != opened_->now.bound) {
    return fail_tpm(Fault::kTampered,
                    "the stored manifests and the device record do not fit: base " +
                        std::to_string(opened_->now.base) + ", recorded " +
                        std::to_string(device.base));
  }
  opened_->device = std::move(device);
  return Ok{};
}

Status TpmSealing::need_device() const {
  if (opened_->device) return Ok{};
  return fail_tpm(Fault::kTampered, "the device record cannot be believed, so no floor is known")
      .with_hint("see docs/runbooks/tpm.md");
}

Status TpmSealing::hand_over() {
  const sealing::Handover next{opened_->srk, opened_->now.text,
                               opened_->device ? opened_->device->rotation : 0};
  const auto there = sealing::read_handover(parts_.disk, places_.handover);
  if (there && sealing::serialise(*there) == sealing::serialise(next)) return Ok{};
  return sealing::write_handover(parts_.disk, places_.handover, next);
}

const tpm::Branch& TpmSealing::own_branch() const {
  return opened_->now.text.branches[opened_->now.text.running];
}

Status TpmSealing::move_cell(tpm::CellText next, Allows allows) {
  PAWL_CHECK(opened_->cell.write_cell(opened_->now.text, next));
  opened_->now.text = std::move(next);
  opened_->now.allows = allows;
  return hand_over();
}

Status TpmSealing::settle(State state, Slot primary) {
  auto& now = opened_->now;
  if (may_allow_both(state) || now.allows == Allows::kRunning) return Ok{};
  if (slot_of(opened_->running) != primary) return Ok{};  // the next start settles it
  parts_.log.write(LogLevel::kError, "cell.tampered",
                   {{"why", "it allows the other slot though no update is under way"}});
  if (opened_->device) {
    auto next = *opened_->device;
    ++next.rotation;
    const auto text = next.format();
    PAWL_TRY(const auto file, protect(kDeviceRecord, as_bytes(text)));
    PAWL_CHECK(replace_file(parts_.disk, dir_.device_record(), file));
    opened_->device = std::move(next);
  }
  return move_cell({{own_branch()}, 0}, Allows::kRunning);
}

/// The manifest in `slot`, which has to be the one the journal or a verified offer names.
Result<sealing::SlotRelease> TpmSealing::release_in(Slot slot, const ReleaseId& release) {
  PAWL_TRY(const auto bytes,
           read_file(parts_.disk, dir_.installed(slot), manifest::kMaxReleaseBytes));
  if (sha256(bytes) != release.manifest) {
    return fail(Errc::kHashMismatch,
                dir_.installed(slot) + " is not the manifest of " + release.version);
  }
  PAWL_TRY(const auto parsed, manifest::Release::parse(as_text(bytes)));
  sealing::SlotRelease out{{}, parsed.security_version};
  if (opened_->device->measured == Measured::kNo) return out;
  PAWL_CHECK(check_verity(parsed));
  PAWL_TRY(out.measured, boot_record(parsed, places_.profile));
  return out;
}

Status TpmSealing::stage(Slot target, const ReleaseId& release) {
  auto& on = *opened_;
  if (number(target) == on.running) return fail(Errc::kInternal, "staging the running slot");
  PAWL_CHECK(need_device());
  PAWL_TRY(const auto next, release_in(target, release));
  PAWL_TRY(const auto counter, on.cell.counter());
  PAWL_TRY(const auto branch,
           sealing::predict_branch(on.now, counter, on.boot, *on.slots.held[on.running], next,
                                   on.device->firmware, on.device->measured));
  auto text = sealing::text_of(own_branch(), &branch, on.running);
  const auto allows = text.branches.size() > 1 ? Allows::kBoth : Allows::kRunning;
  return move_cell(std::move(text), allows);
}

Status TpmSealing::commit(Slot committed, const ReleaseId&) {
  if (number(committed) != opened_->running) {
    return fail(Errc::kInternal, "committing a slot that is not running");
  }
  return move_cell({{own_branch()}, 0}, Allows::kRunning);
}

Status TpmSealing::withdraw(Slot kept, const std::optional<ReleaseId>&) {
  if (number(kept) == opened_->running) return move_cell({{own_branch()}, 0}, Allows::kRunning);
  const auto& text = opened_->now.text;
  if (text.branches.size() == 1) {
    if (one_branch_for_both(opened_->slots)) return Ok{};
    return fail_tpm(Fault::kTampered, "the cell does not allow " + name_of(kept));
  }
  const auto& branch = text.branches[1 - text.running];
  PAWL_CHECK(opened_->cell.write_cell(text, {{branch}, 0}));
  // This slot opens nothing any more: whoever asks is told to restart.
  return remove_file(parts_.disk, places_.handover);
}

Result<SecurityVersion> TpmSealing::floor() {
  PAWL_CHECK(need_device());
  PAWL_TRY(const auto counter, opened_->cell.counter());
  return SecurityVersion(counter - opened_->device->base);
}

Status TpmSealing::raise_floor(SecurityVersion to) {
  PAWL_CHECK(need_device());
  return opened_->cell.raise_counter(opened_->now.text, opened_->device->base + to.get());
}

Status TpmSealing::anchor_floors() {
  auto& on = *opened_;
  const tpm::RecordsAnchor next{on.key.hash(), on.floors_file};
  if (next == on.anchor) return Ok{};
  PAWL_CHECK(on.cell.write_records_anchor(on.now.text, next));
  on.anchor = next;
  return Ok{};
}

std::string_view TpmSealing::floor_kind() const {
  const bool unmeasured = opened_ && opened_->device && opened_->device->measured == Measured::kNo;
  return unmeasured ? "tpm, development: unmeasured boot" : "tpm";
}

Result<Bytes> TpmSealing::protect(std::string_view name, ByteView record) {
  if (!opened_) return closed();
  const bool floors = name == kFloorsRecord;
  PAWL_TRY(auto file,
           opened_->key.wrap(name, record, floors ? opened_->anchor.floors_hash : Sha256Digest{}));
  if (floors) opened_->floors_file = sha256(file);
  return file;
}

Result<std::optional<Bytes>> TpmSealing::accept(std::string_view name, std::optional<Bytes> file) {
  if (!opened_) return closed();
  if (!file) {
    if (name == kJournalRecord) return std::optional<Bytes>();
    return fail_tpm(Fault::kTampered, "the " + std::string(name) + " record is missing")
        .with_hint("it was removed; see docs/runbooks/tpm.md");
  }
  PAWL_TRY(auto opened, opened_->key.unwrap(name, *file));
  if (name == kFloorsRecord) {
    PAWL_CHECK(sealing::check_newest_floors(*file, opened, opened_->anchor));
    opened_->floors_file = sha256(*file);
  }
  return std::optional(std::move(opened.payload));
}

}  // namespace pawl::updater
