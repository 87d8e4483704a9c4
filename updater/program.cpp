#include "updater/program.hpp"

#include <array>
#include <thread>

#include "bootloader-hooks/file_boot.hpp"
#include "bootloader-hooks/grub.hpp"
#include "bootloader-hooks/systemd_boot.hpp"
#include "bootloader-hooks/u_boot.hpp"
#include "bootloader-hooks/uefi.hpp"
#include "updater/agent.hpp"
#include "updater/bundle.hpp"
#include "updater/doctor.hpp"
#include "updater/enroll_link.hpp"
#include "updater/enroll_tpm.hpp"
#include "updater/net_fetcher.hpp"
#include "updater/process.hpp"
#include "updater/provision.hpp"
#include "updater/report.hpp"
#include "updater/tpm_sealing.hpp"

namespace pawl::updater {
namespace {

using cli::Args;
using cli::Io;
using cli::Need;

constexpr std::size_t kMaxConfig = std::size_t{64} * 1024;
constexpr Seconds kRebootLimit{60};
constexpr std::string_view kLoaderEntry =
    "/sys/firmware/efi/efivars/LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
constexpr std::string_view kLoaderImage =
    "/sys/firmware/efi/efivars/LoaderImageIdentifier-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

constexpr cli::Option kConfigOption{"--config", "FILE", "configuration (/etc/pawl/updater.toml)",
                                    Need::kOptional};
constexpr cli::Option kStateOption{"--state", "DIR", "state directory (/var/lib/pawl)",
                                   Need::kOptional};
constexpr std::array kCommon{kConfigOption, kStateOption};
constexpr std::array kInstallOptions{
    kConfigOption,
    kStateOption,
    cli::Option{"--bundle", "FILE", "from an offline bundle instead of the server",
                Need::kOptional},
    cli::Option{"--release", "VERSION", "this release instead of the newest", Need::kOptional},
    cli::Option{"--override", "FILE", "development: a ticket of `pawl-signer override`",
                Need::kOptional},
    cli::Option{"--dry-run", "", "verify everything, change no slot", Need::kFlag}};
constexpr std::array kRunOptions{
    kConfigOption, kStateOption,
    cli::Option{"--once", "", "one round, without waiting", Need::kFlag}};
constexpr std::array kEnrollOptions{
    kConfigOption, kStateOption,
    cli::Option{"--new-ak", "", "with a new attestation key: the issuer must forget the old one",
                Need::kFlag}};
constexpr std::array kCheckConfigOptions{kConfigOption};
constexpr std::array kProvisionOptions{
    kConfigOption, kStateOption,
    cli::Option{"--registry-floor", "N", "lowest security version the registry allows this TPM",
                Need::kOptional},
    cli::Option{"--unmeasured-boot", "", "development: seal although the boot measured nothing",
                Need::kFlag},
    cli::Option{"--dry-run", "", "verify and show what would be approved, change no TPM",
                Need::kFlag}};

std::string config_path(const Args& args) {
  return args.get_or("--config", "/etc/pawl/updater.toml");
}

Result<Config> load_config(const std::string& path) {
  PosixDisk disk;
  PAWL_TRY(const auto bytes, read_file(disk, path, kMaxConfig));
  return parse_config(as_text(bytes), path);
}

Result<std::unique_ptr<Program>> open_program(const Args& args, Io& io) {
  return Program::open(config_path(args), args.get_or("--state", "/var/lib/pawl"), io);
}

/// Runs the configured restart program, when there is one.
Status restart(const Config& config, Io& io) {
  if (!config.boot.reboot) return Ok{};
  io.note("restarting");
  PAWL_TRY(const auto done,
           run_process(*config.boot.reboot, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, kRebootLimit));
  if (done.end == ProcessResult::End::kExit && done.value == 0) return Ok{};
  return fail(Errc::kIo, *config.boot.reboot + " did not restart the device");
}

Status run_provision(const Args& args, Io& io) {
  PAWL_TRY(const auto floor, args.number("--registry-floor", 0, 65535));
  PAWL_TRY(const auto program, open_program(args, io));
  const ProvisionRequest request{
      SecurityVersion(floor.value_or(0)),
      args.flag("--unmeasured-boot") ? Unmeasured::kDevelopment : Unmeasured::kRefuse,
      args.flag("--dry-run") ? DryRun::kYes : DryRun::kNo};
  PAWL_TRY(const auto result, provision(program->device(), request));
  print(io, result, program->device().sealing.floor_kind());
  return Ok{};
}

Status run_check(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(const auto result, check(program->device()));
  print(io, result);
  return Ok{};
}

Status run_install(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  InstallRequest request{args.get("--release"),
                         args.flag("--dry-run") ? DryRun::kYes : DryRun::kNo};
  if (const auto path = args.get("--override")) {
    PAWL_TRY(request.ticket, read_file(program->device().disk, *path, manifest::Ticket::kMaxBytes));
  }
  const auto bundle = args.get("--bundle");
  PAWL_TRY(const auto result, bundle ? install_bundle(program->device(), *bundle, request)
                                     : install(program->device(), request));
  print(io, result, program->device().sealing.floor_kind());
  return Ok{};
}

Status run_override(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  SystemRandom random;
  PAWL_TRY(const auto request, override_request(program->device(), random));
  print(io, request, program->device().config.device.product);
  return Ok{};
}

Status run_boot(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(const auto result, boot_up(program->device()));
  print(io, result, program->device().sealing.floor_kind());
  return Ok{};
}

Status run_trial(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(const auto result, trial(program->device()));
  print(io, result, program->device().sealing.floor_kind());
  if (result.end != TrialResult::End::kReverted) return Ok{};
  tell_before_restart(program->device(), result.version);
  return restart(program->device().config, io);
}

Status run_commit(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(const auto result, commit(program->device()));
  print(io, result, program->device().sealing.floor_kind());
  return Ok{};
}

Status run_rollback(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(const auto result, rollback(program->device()));
  print(io, result, program->device().sealing.floor_kind());
  return Ok{};
}

/// Real time; ends with the process.
class SleepingWaiter final : public Waiter {
 public:
  bool wait(Seconds time) override {
    std::this_thread::sleep_for(time);
    return true;
  }
};

Status run_agent(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(auto* const link, program->link());
  Agent agent(program->device(), *link);
  if (args.flag("--once")) {
    PAWL_TRY(const auto result, agent.poll());
    print(io, result);
    return Ok{};
  }
  SleepingWaiter waiter;
  PAWL_CHECK(agent.run(waiter));
  return restart(program->device().config, io);
}

Status run_enroll(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(auto* const enroller, program->enroller());
  if (args.flag("--new-ak")) {
    PAWL_CHECK(remove_file(program->device().disk, program->device().dir.ak()));
  }
  PAWL_TRY(const auto result, enroller->enrol());
  print(io, result);
  return Ok{};
}

Status run_status(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  PAWL_TRY(const auto result, status(program->device()));
  print(io, result);
  return Ok{};
}

/// Its exit status is that of the first fault, which the lines before have explained.
Status run_doctor(const Args& args, Io& io) {
  PAWL_TRY(const auto program, open_program(args, io));
  const auto findings = examine(program->device(), [&]() -> Result<std::string> {
    PAWL_TRY(auto* const link, program->link());
    return link->device_id();
  });
  print(io, findings);
  for (const auto& one : findings) {
    if (one.verdict != Finding::Verdict::kFault) continue;
    return fail(one.code, one.subject + ": " + one.text).with_hint(one.hint);
  }
  return Ok{};
}

Status run_check_config(const Args& args, Io& io) {
  const auto path = config_path(args);
  PAWL_TRY(const auto config, load_config(path));
  print(io, config, path);
  return Ok{};
}

}  // namespace

Result<std::unique_ptr<Program>> Program::open(const std::string& config_path,
                                               const std::string& state_directory, cli::Io& io) {
  PAWL_TRY(auto config, load_config(config_path));
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private
  return std::unique_ptr<Program>(new Program(std::move(config), state_directory, io));
}

Program::Program(Config config, const std::string& state_directory, cli::Io& io)
    : config_(std::move(config)),
      sealing_(sealing(disk_, *io.log, {state_directory}, config_)),
      boot_(boot_control(disk_, variables_, config_)),
      enroller_(make_enroller({state_directory}, *io.log)),
      link_(make_link({state_directory}, *io.log)),
      fetcher_(make_fetcher()),
      blobs_(make_blobs()),
      health_(config_.health.directory, {config_.health.timeout, config_.health.uptime}, *io.log),
      hooks_(config_.hooks.directory, config_.hooks.timeout, *io.log),
      device_{config_, {state_directory}, disk_, *boot_, *sealing_,    clock_, *fetcher_,
              *blobs_, health_,           host_, hooks_, *io.progress, *io.log} {}

std::unique_ptr<Enroller> Program::make_enroller(const StateDir& dir, Log& log) {
  if (!config_.issuer) return nullptr;
  const auto& issuer = *config_.issuer;
  const auto stored = identity::svid_files_in(dir.svid()).bundle;
  return std::make_unique<Enroller>(
      Enroller::Parts{
          disk_, clock_, log,
          [this, ak = dir.ak()] { return TpmKeys::open(disk_, ak, config_.issuer->tcti); },
          [this, stored] { return IssuerLink::open(*config_.issuer, stored, disk_, clock_); }},
      dir.svid(), issuer.id.trust_domain());
}

Result<Enroller*> Program::enroller() {
  if (enroller_) return enroller_.get();
  return fail(Errc::kConfig, "this device's SVID does not come from an issuer")
      .with_hint("[identity] source = \"issuer\" with url, id and bundle");
}

std::unique_ptr<NetLink> Program::make_link(const StateDir& dir, Log& log) {
  if (!config_.server) return nullptr;
  PAWL_ASSERT(config_.identity.has_value());
  return std::make_unique<NetLink>(
      *config_.server,
      IdentitySource(*config_.identity, dir.svid(), disk_, clock_, enroller_.get()),
      NetLink::Parts{disk_, clock_, log});
}

std::unique_ptr<manifest::Fetcher> Program::make_fetcher() {
  if (link_) return std::make_unique<NetFetcher>(*link_);
  return std::make_unique<manifest::DirectoryFetcher>(disk_, config_.repository);
}

std::unique_ptr<BlobSource> Program::make_blobs() {
  if (link_) return std::make_unique<NetBlobs>(*link_);
  return std::make_unique<DirectoryBlobs>(disk_, config_.repository);
}

Result<NetLink*> Program::link() {
  if (link_) return link_.get();
  return fail(Errc::kConfig, "server.url is a folder: there is no server to ask")
      .with_hint("name a distributor: [server] url = \"https://...\" and id");
}

std::unique_ptr<boot::BootControl> Program::boot_control(Disk& disk, boot::EfiVariables& variables,
                                                         const Config& config) {
  const auto& places = config.boot;
  const std::string boot_id = "/proc/sys/kernel/random/boot_id";
  switch (places.backend) {
    case Config::Backend::kFile:
      return std::make_unique<boot::FileBoot>(disk,
                                              boot::FileBoot::Paths{places.state, places.booted});
    case Config::Backend::kSystemdBoot:
      return std::make_unique<boot::SystemdBoot>(
          disk, boot::SystemdBoot::Paths{places.esp, std::string(kLoaderEntry), boot_id});
    case Config::Backend::kUBoot:
      return std::make_unique<boot::UBoot>(
          disk, boot::UBoot::Paths{places.environment, places.booted, boot_id});
    case Config::Backend::kGrub:
      return std::make_unique<boot::Grub>(
          disk, boot::Grub::Paths{places.esp, std::string(kLoaderImage), boot_id});
    case Config::Backend::kUefi:
      return std::make_unique<boot::Uefi>(disk, variables, boot::Uefi::Paths{places.esp, boot_id});
  }
  std::abort();
}

std::unique_ptr<Sealing> Program::sealing(Disk& disk, Log& log, const StateDir& dir,
                                          const Config& config) {
  if (!config.tpm) return std::make_unique<NoTpm>();
  return std::make_unique<TpmSealing>(TpmSealing::Parts{disk, log, &tpm::Context::open}, dir,
                                      TpmPlaces{config.tpm->tcti, config.tpm->event_log,
                                                config.tpm->handover, config.boot.profile});
}

const cli::Program& program() {
  static constexpr std::array kVerbs{
      cli::Verb{"provision", "take the device's TPM into use, once", kProvisionOptions,
                &run_provision},
      cli::Verb{"check", "ask the repository for a newer release", kCommon, &run_check},
      cli::Verb{"install", "write a release to the other slot and arm its trial", kInstallOptions,
                &run_install},
      cli::Verb{"override", "development: ask for a ticket that permits one install", kCommon,
                &run_override},
      cli::Verb{"boot", "early at every start: finish or give up what was begun", kCommon,
                &run_boot},
      cli::Verb{"trial", "judge a trial by its health checks: commit or revert", kCommon,
                &run_trial},
      cli::Verb{"commit", "keep the release on trial", kCommon, &run_commit},
      cli::Verb{"rollback", "give up a trial, or try the other slot again", kCommon, &run_rollback},
      cli::Verb{"enroll", "get this device's SVID from an issuer, by its TPM", kEnrollOptions,
                &run_enroll},
      cli::Verb{"run", "ask the server again and again and install what it offers", kRunOptions,
                &run_agent},
      cli::Verb{"status", "slots, trial, counters and floors", kCommon, &run_status},
      cli::Verb{"doctor", "look at everything an update needs and say what is wrong", kCommon,
                &run_doctor},
      cli::Verb{"check-config", "check a configuration file", kCheckConfigOptions,
                &run_check_config}};
  static constexpr cli::Program kProgram{"pawl-updater", "A/B updates that never lose a device",
                                         kVerbs};
  return kProgram;
}

}  // namespace pawl::updater
