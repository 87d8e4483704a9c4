#include "updater/doctor.hpp"

#include "manifest/trusted_set.hpp"
#include "updater/slot_use.hpp"

namespace pawl::updater {
namespace {

using Verdict = Finding::Verdict;

constexpr std::size_t kMaxRoot = std::size_t{512} * 1024;
constexpr std::uint64_t kStateRoom = std::uint64_t{2} << 20U;  // journal, metadata and spool

std::string slot_name(Slot slot) {
  return "slot " + std::string(boot::letter(slot));
}

class Doctor {
 public:
  Doctor(Device& device, const DeviceIdOf& device_id) : device_(device), device_id_(device_id) {}

  std::vector<Finding> examine() {
    look("trust", trust());
    look("clock", clock());
    look("loader", loader());
    look("watchdog", watchdog());
    for (const auto slot : {Slot::kA, Slot::kB}) look(slot_name(slot), this->slot(slot));
    look("state", state());
    look("journal", journal());
    look("health", health());
    look("restart", restart());
    look("tpm", tpm());
    look("server", server());
    look("power", power());
    return std::move(findings_);
  }

 private:
  static Finding good(std::string text) { return {"", Verdict::kGood, std::move(text), "", {}}; }
  static Finding warning(std::string text, std::string hint) {
    return {"", Verdict::kWarning, std::move(text), std::move(hint), {}};
  }

  void look(std::string subject, Result<Finding> seen) {
    auto finding = seen ? *std::move(seen)
                        : Finding{"", Verdict::kFault, seen.error().what(), seen.error().hint(),
                                  seen.error().code()};
    finding.subject = std::move(subject);
    findings_.push_back(std::move(finding));
  }

  Result<Finding> trust() {
    const auto& path = device_.config.trust_root;
    PAWL_TRY(const auto bytes, read_file(device_.disk, path, kMaxRoot));
    constexpr auto kProfile = manifest::Profile::kStrict;
    auto opened = manifest::TrustedSet::open(bytes, kProfile, manifest::limits_of(kProfile), {});
    if (!opened) {
      auto error = std::move(opened).error();
      error.prefix(path);
      return std::move(error).with_hint("put the first root of your repository into the image");
    }
    return good("root version " + std::to_string(opened->root().header.version.get()) +
                " of the image is whole");
  }

  Result<Finding> clock() {
    const auto now = device_.clock.now();
    const auto epoch = device_.config.build_epoch;
    if (epoch == UtcTime{}) {
      return warning("the clock says " + format_utc(now) + ", and nothing says that it cannot be",
                     "name the time of the build in [trust] epoch: no clock is believed before it");
    }
    if (now < epoch) {
      return warning("the clock says " + format_utc(now) + ", before the image was built (" +
                         format_utc(epoch) + ")",
                     "set the clock: expired metadata are not noticed");
    }
    return good("the clock says " + format_utc(now));
  }

  Result<Finding> loader() {
    auto& boot = device_.boot;
    PAWL_TRY(const auto current, boot.current());
    PAWL_TRY(const auto primary, boot.primary());
    PAWL_TRY(const auto boot_id, boot.boot_id());
    const auto other = boot::other(current);
    PAWL_TRY(const auto state, boot.state(other));
    const auto can = boot.capabilities();
    auto text = std::string(can.backend) + ": " + slot_name(current) + " is running, " +
                slot_name(primary) + " is the primary, " + slot_name(other) + " is " +
                std::string(boot::condition_name(state.condition));
    if (can.redundant) return good(std::move(text));
    return warning(text + "; its state is kept once",
                   "a store that is torn can lose it; see docs/boot-loaders");
  }

  Result<Finding> watchdog() {
    PAWL_TRY(const auto dog, device_.host.watchdog());
    if (dog == Watchdog::kArmed) return good("a hardware watchdog is armed");
    const bool counts = device_.boot.capabilities().counts_tries;
    return warning(
        dog == Watchdog::kNone ? "there is no hardware watchdog" : "no hardware watchdog is armed",
        std::string("a trial that hangs stays until somebody cuts the power") +
            (counts ? "" : ", and this loader counts no tries") +
            "; RuntimeWatchdogSec= in systemd's system.conf arms one");
  }

  Result<Finding> slot(Slot which) {
    PAWL_TRY(const auto layout, device_.layout(which));
    PAWL_TRY(const auto current, device_.boot.current());
    const bool runs = which == current;
    const auto mode = runs ? OpenMode::kRead : OpenMode::kReadWrite;
    PAWL_TRY(const auto file, device_.disk.open(layout.rootfs, mode));
    PAWL_TRY(const auto size, file->size());
    PAWL_TRY(const bool place, device_.disk.exists(parent_of(layout.uki)));
    if (!place) {
      return fail(Errc::kIo, parent_of(layout.uki) + " is not there")
          .with_hint("mount the file system that holds the boot artefacts");
    }
    if (!runs) {
      PAWL_TRY(const auto running, device_.layout(current));
      PAWL_CHECK(check_unused(device_.host, layout, running));
    }
    return good(layout.rootfs + ", " + std::to_string(size) + " bytes" +
                (runs ? ", running" : ", used by nobody"));
  }

  Result<Finding> state() {
    const auto& path = device_.dir.path;
    PAWL_TRY(const bool there, device_.disk.exists(path));
    if (!there) return warning(path + " is not there", "the first verb makes it");
    PAWL_TRY(const auto room, device_.disk.free_bytes(path));
    if (room >= kStateRoom) return good(path + " has " + std::to_string(room) + " bytes free");
    return fail(Errc::kNoSpace, path + " has " + std::to_string(room) +
                                    " bytes free, records and metadata need " +
                                    std::to_string(kStateRoom))
        .with_hint("free some space on this file system");
  }

  Result<Finding> journal() {
    auto engine = device_.engine();
    PAWL_CHECK(engine.peek());
    if (!engine.closed().empty()) {
      return fail(Errc::kTpm, "the sealed state is closed: " + engine.closed())
          .with_hint("docs/runbooks/tpm.md says what to do about each fault");
    }
    PAWL_TRY(const auto floors, engine.floors());
    const auto& record = engine.record();
    PAWL_TRY(const auto current, device_.boot.current());
    if (!record.holds(current)) {
      return warning("it is not known which release runs, so every delta is refused",
                     "put its manifest into " + device_.dir.installed(current));
    }
    return good(record.holds(current)->version + " is running, state " +
                std::string(state_name(record.state)) + ", security version floor " +
                std::to_string(floors.security_version.get()));
  }

  Result<Finding> health() {
    const auto& folder = device_.config.health.directory;
    auto names = device_.disk.list(folder);
    std::size_t checks = 0;
    if (names) {
      for (const auto& name : *names) {
        const auto program = in_folder(folder, name);
        if (device_.host.executable(program)) ++checks;
      }
    }
    if (checks != 0) return good(folder + " has " + std::to_string(checks) + " health checks");
    return fail(Errc::kConfig, folder + " has no executable health check")
        .with_hint("a trial that nothing judges is never committed by itself");
  }

  Result<Finding> restart() {
    const auto& program = device_.config.boot.reboot;
    if (!program) {
      return warning("no program restarts this device after an install or a failed trial",
                     "name one in [boot] reboot");
    }
    if (device_.host.executable(*program)) return good(*program + " restarts the device");
    return fail(Errc::kConfig, *program + " of [boot] reboot cannot be executed");
  }

  Result<Finding> tpm() const {
    const auto kind = device_.sealing.floor_kind();
    if (kind == "tpm") return good("the floor is a counter in the TPM");
    if (kind == "soft") {
      return warning("floor: soft, a record on the disk",
                     "without [tpm] whoever can write the disk can put an older release back");
    }
    return warning("floor: " + std::string(kind), "not for devices in the field");
  }

  Result<Finding> server() {
    if (!device_.config.server) {
      PAWL_TRY(const bool there, device_.disk.exists(device_.config.repository));
      if (there) return good("the repository is the folder " + device_.config.repository);
      return fail(Errc::kIo, device_.config.repository + " is not there");
    }
    PAWL_TRY(const auto id, device_id_());
    return good("this device is " + id + " to its server");
  }

  Result<Finding> power() {
    PAWL_TRY(const auto charge, device_.host.battery());
    return good(charge ? "on battery, " + std::to_string(*charge) + " percent" : "not on battery");
  }

  Device& device_;
  const DeviceIdOf& device_id_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view verdict_name(Finding::Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kFault:
      return "fault";
  }
  std::abort();
}

std::vector<Finding> examine(Device& device, const DeviceIdOf& device_id) {
  return Doctor(device, device_id).examine();
}

}  // namespace pawl::updater
