#include "vaultd/program.hpp"

#include <array>
#include <iostream>
#include <limits>

#include <unistd.h>

#include "vaultd/owner.hpp"
#include "vaultd/report.hpp"

namespace pawl::vaultd {
namespace {

using cli::Args;
using cli::Io;
using cli::Need;

constexpr std::size_t kMaxConfig = std::size_t{64} * 1024;
constexpr std::size_t kMaxKeyFile = 80;
constexpr std::size_t kMaxJsonValue = std::size_t{1} << 20U;
constexpr std::uint64_t kMaxOffset = std::numeric_limits<std::int64_t>::max();

constexpr cli::Option kConfigOption{"--config", "FILE", "configuration (/etc/pawl/vault.toml)",
                                    Need::kOptional};
constexpr cli::Option kWaitOption{"--wait", "SECONDS",
                                  "wait so long for another process to let the vault go (10)",
                                  Need::kOptional};
constexpr cli::Option kName{"NAME", "NAME", "name of the entry", Need::kRequired};
constexpr std::array kConfigOnly{kConfigOption};
constexpr std::array kCommon{kConfigOption, kWaitOption};
constexpr std::array kPutOptions{
    kName, kConfigOption, kWaitOption,
    cli::Option{"--file", "FILE", "take the value from there, not from standard input",
                Need::kOptional},
    cli::Option{"--append", "", "add to the end of the entry", Need::kFlag}};
constexpr std::array kGetOptions{
    kName,
    kConfigOption,
    kWaitOption,
    cli::Option{"--output", "FILE", "write the value there (mode 0600), not to standard output",
                Need::kOptional},
    cli::Option{"--offset", "BYTES", "begin there (0)", Need::kOptional},
    cli::Option{"--length", "BYTES", "so many bytes (up to the end)", Need::kOptional},
    cli::Option{"--force", "", "write bytes that are no text to a terminal", Need::kFlag}};
constexpr std::array kRmOptions{
    kName, kConfigOption, kWaitOption,
    cli::Option{"--dry-run", "", "say what would be removed", Need::kFlag}};
constexpr std::array kRotateOptions{
    kConfigOption, kWaitOption,
    cli::Option{"--deep", "", "encrypt every entry again, too", Need::kFlag}};

constexpr std::array kRecoverOptions{
    kConfigOption, kWaitOption,
    cli::Option{"--key", "FILE", "private recovery key, 64 hexadecimal digits", Need::kRequired}};

std::string config_path(const Args& args) {
  return args.get_or("--config", "/etc/pawl/vault.toml");
}

Result<Config> load_config(const std::string& path) {
  PosixDisk disk;
  PAWL_TRY(const auto bytes, read_file(disk, path, kMaxConfig));
  return parse_config(as_text(bytes), path);
}

/// The parts of a real store, made from its configuration.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const Args& args, Io& io) {
    PAWL_TRY(auto config, load_config(config_path(args)));
    PAWL_TRY(const auto number, number_of_user(config.user));
    PAWL_CHECK(check_owner(config.user, number, ::geteuid()));
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private
    std::unique_ptr<Session> made(new Session(std::move(config)));
    PAWL_TRY(made->keeper_, open_keeper(made->disk_, made->random_, made->config_));
    PAWL_TRY(const auto wait, args.number("--wait", 0, 3600));
    if (wait) made->wait_ = Seconds(*wait);
    const auto warning = warning_of(made->config_);
    if (!warning.empty()) io.note(warning);
    return made;
  }

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] Disk& disk() { return disk_; }
  [[nodiscard]] Store store() { return {config_, disk_, random_, clock_, *keeper_, wait_}; }

 private:
  explicit Session(Config config) : config_(std::move(config)) {}
  Config config_;
  PosixDisk disk_;
  SystemRandom random_;
  SystemClock clock_;
  std::unique_ptr<Keeper> keeper_;
  Seconds wait_{10};
};

Result<Range> range_of(const Args& args) {
  Range range;
  PAWL_TRY(const auto offset, args.number("--offset", 0, kMaxOffset));
  range.offset = offset.value_or(0);
  PAWL_TRY(range.length, args.number("--length", 0, kMaxOffset));
  return range;
}

Status run_init(const Args& args, Io& io) {
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  PAWL_TRY(const auto made, init(store));
  print_init(io, session->config(), made);
  return Ok{};
}

Status run_put(const Args& args, Io& io) {
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  const auto mode = args.flag("--append") ? PutMode::kAppend : PutMode::kReplace;
  const auto path = args.get("--file");
  if (path) {
    PAWL_TRY(auto file, FileSource::open(session->disk(), *path));
    PAWL_TRY(const auto entry, put(store, args.value("NAME"), mode, file, *io.progress));
    print_put(io, session->config(), entry);
    return Ok{};
  }
  if (::isatty(STDIN_FILENO) != 0) io.note("type the value, then end it with Ctrl-D");
  StreamSource input(std::cin);
  PAWL_TRY(const auto entry, put(store, args.value("NAME"), mode, input, *io.progress));
  print_put(io, session->config(), entry);
  return Ok{};
}

Status run_get(const Args& args, Io& io) {
  PAWL_TRY(const auto range, range_of(args));
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  const auto& name = args.value("NAME");
  if (const auto path = args.get("--output")) {
    PAWL_TRY(auto file, FileSink::create(session->disk(), *path));
    PAWL_TRY(const auto got, get(store, name, range, file, *io.progress));
    print_got(io, session->config(), name, range, got, *path);
    return Ok{};
  }
  if (io.json) {
    PAWL_TRY(const auto got, get_value(store, name, range, kMaxJsonValue));
    print_value(io, session->config(), name, range, got);
    return Ok{};
  }
  const bool terminal = ::isatty(STDOUT_FILENO) != 0 && !args.flag("--force");
  StreamSink out(io.out, terminal ? Binary::kRefused : Binary::kAllowed);
  NoProgress quiet;  // the value may share the terminal with it
  PAWL_CHECK(get(store, name, range, out, quiet));
  return Ok{};
}

Status run_list(const Args& args, Io& io) {
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  PAWL_TRY(const auto entries, list(store));
  print_list(io, session->config(), entries);
  return Ok{};
}

Status run_rm(const Args& args, Io& io) {
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  const auto dry_run = args.flag("--dry-run") ? DryRun::kYes : DryRun::kNo;
  PAWL_TRY(const auto entry, remove(store, args.value("NAME"), dry_run));
  print_removed(io, session->config(), entry, dry_run);
  return Ok{};
}

Status run_rotate(const Args& args, Io& io) {
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  const auto rotation = args.flag("--deep") ? Rotation::kDeep : Rotation::kWraps;
  PAWL_TRY(const auto after, rotate(store, rotation));
  print_rotated(io, session->config(), after, rotation);
  return Ok{};
}

Status run_recover(const Args& args, Io& io) {
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  PAWL_TRY(auto file, FileSource::open(session->disk(), args.value("--key")));
  PAWL_TRY(auto key, SecretBytes::allocate(kMaxKeyFile));
  PAWL_TRY(const auto size, file.read(key.mutable_span()));
  PAWL_TRY(const auto recovered, recover(store, key.span().first(size)));
  print_recovered(io, session->config(), recovered);
  return Ok{};
}

Status run_status(const Args& args, Io& io) {
  PAWL_TRY(const auto session, Session::open(args, io));
  auto store = session->store();
  PAWL_TRY(const auto found, status(store));
  print_status(io, session->config(), found);
  return Ok{};
}

Status run_check_config(const Args& args, Io& io) {
  const auto path = config_path(args);
  PAWL_TRY(const auto config, load_config(path));
  print_config(io, config, path);
  return Ok{};
}

}  // namespace

const cli::Program& program() {
  static constexpr std::array kVerbs{
      cli::Verb{"init", "make an empty vault", kCommon, &run_init},
      cli::Verb{"put", "keep a value from standard input or a file", kPutOptions, &run_put},
      cli::Verb{"get", "give out a value, or a part of it", kGetOptions, &run_get},
      cli::Verb{"list", "names and sizes of the entries", kCommon, &run_list},
      cli::Verb{"rm", "remove an entry", kRmOptions, &run_rm},
      cli::Verb{"rotate", "a new epoch key; data stays as it is", kRotateOptions, &run_rotate},
      cli::Verb{"status", "protector, epoch, generations, anchor", kCommon, &run_status},
      cli::Verb{"recover", "open a vault whose TPM or key was lost, by the recovery key",
                kRecoverOptions, &run_recover},
      cli::Verb{"check-config", "check a configuration file", kConfigOnly, &run_check_config}};
  static constexpr cli::Program kProgram{
      "pawl-vault", "secrets and state that open only on this device, in an allowed boot", kVerbs};
  return kProgram;
}

}  // namespace pawl::vaultd
