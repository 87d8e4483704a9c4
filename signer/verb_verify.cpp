#include "base/bytes.hpp"
#include "signer/repository.hpp"
#include "signer/verbs.hpp"
#include "signer/verify.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

constexpr std::size_t kMaxRoot = std::size_t{32} * 1024;

Result<VerifyInput> read_input(const cli::Args& args, PosixDisk& disk) {
  VerifyInput out;
  const auto named = args.get("DIR");
  PAWL_TRY(const auto config, load_config(disk, args.get("--config"), named));
  if (!named && !config.repository) {
    return fail(Errc::kUsage, "which repository?").with_hint("pawl-signer verify DIR");
  }
  out.directory = named ? *named : *config.repository;
  PAWL_TRY(out.at, clock_option(args));
  const auto first = out.directory + "/" + metadata_path("root", MetadataVersion(1));
  const auto path = args.get_or("--root", first);
  PAWL_TRY(auto root, read_optional(disk, path, kMaxRoot));
  if (!root) {
    return fail(Errc::kIo, path + " does not exist")
        .with_hint("pawl-signer repo init makes a repository");
  }
  out.root = *std::move(root);
  out.products = args.all("--product");
  if (args.flag("--no-blobs")) out.blobs = BlobCheck::kNone;
  return out;
}

json::Object release_json(const ReleaseState& release) {
  json::Object out;
  out.set("product", release.product);
  out.set("version", release.version);
  out.set("release_counter", static_cast<std::int64_t>(release.counter.get()));
  out.set("security_version", static_cast<std::int64_t>(release.security_version.get()));
  out.set("manifest_sha256", to_hex(release.digest));
  out.set("accepted", !release.refused.has_value());
  out.set("logged", release.logged == manifest::Logged::kProved);
  if (release.refused) out.set("why", release.refused->what());
  return out;
}

std::string release_line(const ReleaseState& release) {
  const auto name = "  " + release.product + " " + release.version + ", counter " +
                    std::to_string(release.counter.get()) + ", security version " +
                    std::to_string(release.security_version.get()) + ": ";
  const std::string logged = release.logged == manifest::Logged::kProved ? ", logged" : "";
  return name + (release.refused ? "REFUSED: " + release.refused->what() : "accepted" + logged) +
         "\n";
}

void print(const VerifyReport& report, UtcTime at, cli::Io& io) {
  json::Object result;
  json::Array roles;
  std::string text = "as a device at " + format_utc(at) + ":\n";
  for (const auto& role : report.roles) {
    json::Object object;
    object.set("role", role.role);
    object.set("version", static_cast<std::int64_t>(role.version.get()));
    object.set("expires", format_utc(role.expires));
    roles.emplace_back(std::move(object));
    text += "  " + role.role + " " + std::to_string(role.version.get()) + ", good for " +
            format_duration(role.expires - at) + " (until " + format_utc(role.expires) + ")\n";
  }
  json::Array releases;
  text += report.releases.empty() ? "no release\n" : "releases:\n";
  for (const auto& release : report.releases) {
    releases.emplace_back(release_json(release));
    text += release_line(release);
  }
  result.set("at", format_utc(at));
  result.set("roles", std::move(roles));
  result.set("releases", std::move(releases));
  io.result(std::move(result), text);
}

}  // namespace

Status run_verify(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  PAWL_TRY(const auto input, read_input(args, disk));
  PAWL_TRY(auto report, verify_repository(disk, input, *io.progress));
  print(report, input.at, io);
  for (auto& release : report.releases) {
    if (!release.refused) continue;
    auto error = std::move(*release.refused);
    error.prefix(release.product + " " + release.version);
    return error;
  }
  return Ok{};
}

}  // namespace pawl::signer
