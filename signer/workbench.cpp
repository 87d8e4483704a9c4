#include "signer/workbench.hpp"

#include <algorithm>
#include <thread>

#include "base/bytes.hpp"
#include "manifest/release_proof.hpp"
#include "signer/ledger_book.hpp"
#include "signer/log_policy.hpp"

namespace pawl::signer {
namespace {

constexpr std::size_t kMaxConfig = std::size_t{64} * 1024;
constexpr std::uint64_t kMaxThreads = 64;

json::Object role_json(const Revision::Summary& role) {
  json::Object out;
  out.set("role", role.role);
  out.set("version", static_cast<std::int64_t>(role.version.get()));
  out.set("expires", format_utc(role.expires));
  out.set("signed_bytes", static_cast<std::int64_t>(role.size));
  json::Array signers;
  for (const auto& id : role.signers) signers.emplace_back(id.text);
  out.set("signers", std::move(signers));
  return out;
}

std::string role_line(const Revision::Summary& role, const KeyRing& ring) {
  std::string names;
  for (const auto& id : role.signers) names += (names.empty() ? "" : ", ") + key_name(ring, id);
  return "  " + role.role + " " + std::to_string(role.version.get()) + ", good until " +
         format_utc(role.expires) + ", " + std::to_string(role.size) + " bytes, signed by " +
         names + "\n";
}

}  // namespace

Workbench::Workbench(Config config, std::optional<std::string> repository,
                     std::unique_ptr<HsmKeys> keys, KeyRing ring)
    : config_(std::move(config)),
      repository_(std::move(repository)),
      keys_(std::move(keys)),
      ring_(std::move(ring)) {}

Result<std::unique_ptr<Workbench>> Workbench::make(Config config,
                                                   std::optional<std::string> repository,
                                                   cli::Io& io) {
  PosixDisk disk;
  auto keys = std::make_unique<HsmKeys>(config, *io.log);
  PAWL_TRY(auto ring, KeyRing::load(disk, config, *keys));
  return std::unique_ptr<Workbench>(
      new Workbench(std::move(config), std::move(repository), std::move(keys), std::move(ring)));
}

Result<std::unique_ptr<Workbench>> Workbench::open(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  const auto named = args.get("--repo");
  PAWL_TRY(auto config, load_config(disk, args.get("--config"), named));
  auto repository = named ? named : config.repository;
  return make(std::move(config), std::move(repository), io);
}

Result<std::unique_ptr<Workbench>> Workbench::open_for_new_key(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  const auto path = config_path_for(args.get("--config"), std::nullopt);
  PAWL_TRY(const auto bytes, read_optional(disk, path, kMaxConfig));
  PAWL_TRY(auto config, parse_config(bytes ? as_text(*bytes) : std::string_view(), path));
  return make(std::move(config), std::nullopt, io);
}

Result<std::unique_ptr<Workbench>> Workbench::open_for_init(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  const auto& directory = args.value("DIR");
  PAWL_TRY(auto config, load_config(disk, args.get("--config"), directory));
  return make(std::move(config), directory, io);
}

Result<std::string> Workbench::repository() const {
  if (repository_) return *repository_;
  return fail(Errc::kUsage, "which repository?")
      .with_hint("give --repo DIR, or `repository` in signer.toml");
}

Result<Repository> Workbench::load() const {
  PAWL_TRY(const auto directory, repository());
  return load_repository(disk_, directory, config_.repository_id);
}

Result<LockedRepository> Workbench::lock_and_load() const {
  PAWL_TRY(const auto directory, repository());
  PAWL_TRY(const bool there, disk_.exists(directory + "/metadata"));
  if (!there) {
    return fail(Errc::kIo, directory + " is not a repository: it has no metadata/")
        .with_hint("pawl-signer repo init makes one");
  }
  LockedRepository out;
  PAWL_TRY(out.lock, lock_repository(disk_, directory));
  PAWL_TRY(out.repository, load());
  return out;
}

Status sign_and_publish(Workbench& bench, Revision& revision, Publication extra,
                        json::Object result, std::string what, cli::Io& io) {
  std::optional<LedgerBook> book;
  if (!revision.decisions().roles.empty()) {
    PAWL_TRY(book, LedgerBook::open(bench.disk(), bench.config().ledger));
    PAWL_CHECK(book->enter(bench.disk(), revision, bench.ring(), bench.clock().now()));
  }
  PAWL_TRY(const auto done, revision.sign(bench.ring()));
  extra.append(done.publication);
  PAWL_CHECK(extra.publish(bench.disk(), revision.state().directory, *io.progress));
  if (book) PAWL_CHECK(book->note_published(bench.disk(), revision, bench.clock().now()));
  json::Array roles;
  for (const auto& role : done.roles) {
    roles.emplace_back(role_json(role));
    what += role_line(role, bench.ring());
  }
  result.set("changed", true);
  result.set("repository", revision.state().directory);
  result.set("repository_id", to_hex(revision.state().id));
  result.set("roles", std::move(roles));
  for (const auto& warning : size_warnings(done.roles)) io.note("warning: " + warning);
  mark_development(bench.ring().development_signers(), result, what);
  io.result(std::move(result), what);
  return Ok{};
}

void mark_development(const std::vector<std::string>& labels, json::Object& object,
                      std::string& text) {
  if (labels.empty()) return;
  json::Array names;
  std::string list;
  for (const auto& label : labels) {
    names.emplace_back(label);
    list += (list.empty() ? "" : ", ") + label;
  }
  object.set("development_keys", std::move(names));
  text += "DEVELOPMENT: signed with software keys (" + list + "), not with a token\n";
}

Result<payload::BuildOptions> read_payload_options(const cli::Args& args, int default_level) {
  payload::BuildOptions out;
  out.level = default_level;
  const auto cpus = std::clamp<std::uint64_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
  PAWL_TRY(const auto level, args.number("--level", 1, 22));
  PAWL_TRY(const auto threads, args.number("--threads", 1, kMaxThreads));
  if (level) out.level = static_cast<int>(*level);
  out.threads = static_cast<unsigned>(threads.value_or(cpus));
  return out;
}

Result<std::optional<manifest::LogPolicy>> log_policy_option(const cli::Args& args, Disk& disk) {
  const auto path = args.get("--tlog");
  if (!path) return std::optional<manifest::LogPolicy>();
  PAWL_TRY(const auto bytes, read_file(disk, *path, kMaxLogPolicy));
  auto policy = parse_log_policy(as_text(bytes));
  if (policy) return std::optional(*std::move(policy));
  auto error = std::move(policy).error();
  error.prefix(*path);
  return error;
}

Result<std::optional<Bytes>> proof_option(const cli::Args& args, Disk& disk) {
  const auto path = args.get("--proof");
  if (!path) return std::optional<Bytes>();
  PAWL_TRY(auto bytes, read_file(disk, *path, manifest::kMaxProofBytes));
  return std::optional(std::move(bytes));
}

void note_unproved(const Repository& repository, const std::optional<Bytes>& proof, cli::Io& io) {
  if (!repository.policy.tlog || proof) return;
  io.note("warning: no --proof: devices that require the transparency log refuse this release");
}

Result<UtcTime> clock_option(const cli::Args& args) {
  const auto at = args.get("--at");
  if (!at) return SystemClock().now();
  auto time = parse_utc(*at);
  if (time) return time;
  return fail(Errc::kUsage, "--at " + printable(*at) + " is not like 2026-11-20T08:00:00Z");
}

Status apply_expires(const std::vector<std::string>& options, Expiry& expiry) {
  constexpr std::string_view kRoles[] = {"root", "targets", "release", "snapshot", "timestamp"};
  for (const auto& option : options) {
    const auto equals = option.find('=');
    const auto role = std::string_view(option).substr(0, equals);
    if (equals == std::string::npos ||
        std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles)) {
      return fail(Errc::kUsage, "--expires " + printable(option) + " is not ROLE=DURATION")
          .with_hint("ROLE is root, targets, release, snapshot or timestamp: timestamp=7d");
    }
    PAWL_TRY(expiry.of(role), parse_duration(std::string_view(option).substr(equals + 1)));
  }
  return Ok{};
}

}  // namespace pawl::signer
