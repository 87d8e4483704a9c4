#include "issuer/program.hpp"

#include <array>

#include <openssl/crypto.h>

#include "base/toml.hpp"
#include "identity/pem.hpp"
#include "identity/svid_files.hpp"
#include "issuer/ek_argument.hpp"
#include "issuer/serve.hpp"

namespace pawl::issuer {
namespace {

using cli::Args;
using cli::Io;
using cli::Need;

constexpr std::uint64_t kMaxDays = 3650;
constexpr std::uint64_t kMaxHours = std::uint64_t{24} * 30;

constexpr cli::Option kConfigOption{"--config", "FILE", "configuration (/etc/pawl/issuer.toml)",
                                    Need::kOptional};
constexpr cli::Option kEk{"EK", "",
                          "SHA-256 of the endorsement key in hexadecimal, or a file: EK "
                          "certificate (PEM, DER), TPM2B_PUBLIC, or PEM public key",
                          Need::kRequired};
constexpr std::array kCommon{kConfigOption};
constexpr std::array kCaNew{
    kConfigOption,
    cli::Option{"--days", "N", "life of the authority, 1 to 3650 (1825)", Need::kOptional}};
constexpr std::array kAdd{
    kConfigOption, kEk,
    cli::Option{"--note", "TEXT", "for people, up to 200 characters", Need::kOptional}};
constexpr std::array kRemove{
    kConfigOption, kEk, cli::Option{"--ban", "", "keep it, and refuse it from now on", Need::kFlag},
    cli::Option{"--dry-run", "", "say what would be done", Need::kFlag}};
constexpr std::array kSvidNew{
    kConfigOption,
    cli::Option{"--id", "SPIFFE-ID", "of a program, not below the devices' path", Need::kRequired},
    cli::Option{"--out", "DIR", "folder for svid.pem, key.pem, bundle.json", Need::kRequired},
    cli::Option{"--hours", "N", "life of the SVID, 1 to 720 (24)", Need::kOptional}};

Result<Config> load_config(const Args& args) {
  const auto path = args.get_or("--config", "/etc/pawl/issuer.toml");
  PosixDisk disk;
  PAWL_TRY(const auto text, read_file(disk, path, Toml::kMaxBytes));
  return parse_config(as_text(text), path);
}

Result<Authority> load_authority(const Config& config) {
  PosixDisk disk;
  SystemClock clock;
  PAWL_TRY(auto authority, Authority::load(disk, config.authority, config.domain, clock.now()));
  PAWL_CHECK(check_private_file(authority_files_in(config.authority).key));
  return authority;
}

Status run_serve(const Args& args, Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  return serve(config, io);
}

Status run_check_config(const Args& args, Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  PosixDisk disk;
  if (!config.makers.empty()) PAWL_CHECK(load_makers(disk, config.makers));
  io.result({}, "configuration is valid");
  return Ok{};
}

Status run_ca_new(const Args& args, Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  PAWL_TRY(const auto days, args.number("--days", 1, kMaxDays));
  PosixDisk disk;
  SystemClock clock;
  SystemRandom random;
  const NewAuthority plan{config.domain, Seconds{86400 * days.value_or(1825)}};
  PAWL_CHECK(Authority::create(disk, config.authority, plan, clock.now(), random));
  PAWL_TRY(const auto authority, load_authority(config));
  const auto files = authority_files_in(config.authority);
  json::Object out;
  out.set("domain", config.domain.name());
  out.set("certificate", files.certificate);
  out.set("key", files.key);
  out.set("bundle", files.bundle);
  out.set("not_after", format_utc(authority.not_after()));
  io.result(std::move(out), "made the authority of " + config.domain.name() + ", valid until " +
                                format_utc(authority.not_after()) +
                                "\nkey (keep it secret): " + files.key +
                                "\nbundle (give it to devices and servers): " + files.bundle);
  return Ok{};
}

json::Object describe(const Sha256Digest& ek, const EkRecord& record, const std::string& id) {
  json::Object out;
  out.set("ek", to_hex(ek));
  out.set("id", id);
  out.set("origin", record.origin == Origin::kListed ? "listed" : "maker");
  out.set("state", record.admission == Admission::kAdmitted ? "admitted" : "banned");
  out.set("note", record.note);
  if (record.ak) out.set("ak", to_hex(*record.ak));
  return out;
}

Result<std::string> id_text(const Config& config, const Sha256Digest& ek) {
  PAWL_TRY(const auto id, device_id(config.domain, config.rules, ek));
  return id.uri();
}

Status run_ek_add(const Args& args, Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  PosixDisk disk;
  PAWL_TRY(const auto ek, resolve_ek(disk, args.value("EK")));
  EkStore store(disk, config.eks);
  PAWL_TRY(const auto change, store.add(ek, args.get_or("--note", "")));
  PAWL_TRY(const auto id, id_text(config, ek));
  json::Object out;
  out.set("ek", to_hex(ek));
  out.set("id", id);
  out.set("changed", change == Change::kDone);
  io.result(std::move(out), (change == Change::kDone ? "admitted " : "was admitted already: ") +
                                to_hex(ek) + "\nits SVIDs will be for " + id);
  return Ok{};
}

Status run_ek_list(const Args& args, Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  PosixDisk disk;
  EkStore store(disk, config.eks);
  PAWL_TRY(const auto all, store.list());
  json::Array rows;
  std::string text;
  for (const auto& [ek, record] : all) {
    PAWL_TRY(const auto id, id_text(config, ek));
    rows.emplace_back(describe(ek, record, id));
    text += to_hex(ek) + (record.admission == Admission::kBanned ? " banned   " : " admitted ") +
            (record.origin == Origin::kListed ? "listed " : "maker  ") +
            (record.ak ? "enrolled " : "new      ") + record.note + "\n";
  }
  if (!text.empty()) text.pop_back();
  json::Object out;
  out.set("eks", std::move(rows));
  io.result(std::move(out), text.empty() ? "no endorsement key is known" : text);
  return Ok{};
}

Status run_ek_rm(const Args& args, Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  PosixDisk disk;
  PAWL_TRY(const auto ek, resolve_ek(disk, args.value("EK")));
  EkStore store(disk, config.eks);
  PAWL_TRY(const auto record, store.find(ek));
  const bool ban = args.flag("--ban");
  const bool due = ban ? !record || record->admission == Admission::kAdmitted : record.has_value();
  if (!args.flag("--dry-run")) {
    PAWL_CHECK(ban ? store.ban(ek) : store.remove(ek));
  }
  json::Object out;
  out.set("ek", to_hex(ek));
  out.set("changed", due);
  out.set("dry_run", args.flag("--dry-run"));
  const std::string what = ban ? "banned " : "forgotten ";
  io.result(std::move(out),
            (due ? (args.flag("--dry-run") ? "would be " : "") + what : "nothing to do for ") +
                to_hex(ek));
  return Ok{};
}

Status write_svid(Disk& disk, const identity::SvidFiles& files, const identity::X509Svid& svid,
                  const Authority& authority) {
  auto key = identity::private_key_pem(svid.key());
  auto kept = replace_file(disk, files.key, key);
  OPENSSL_cleanse(key.data(), key.size());
  PAWL_CHECK(std::move(kept));
  PAWL_CHECK(replace_file(disk, files.svid, as_bytes(identity::certificate_pem(svid.leaf()))));
  return replace_file(disk, files.bundle, as_bytes(json::write(authority.bundle()) + "\n"));
}

Status run_svid_new(const Args& args, Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  PAWL_TRY(const auto hours, args.number("--hours", 1, kMaxHours));
  auto id = identity::SpiffeId::parse(args.value("--id"));
  if (!id) return fail(Errc::kUsage, "--id: " + id.error().what());
  if (id->trust_domain() != config.domain || id->path().empty()) {
    return fail(Errc::kUsage, "--id: not an ID with a path in " + config.domain.name());
  }
  if (is_device_id(*id, config.rules)) {
    return fail(Errc::kUsage, "--id: " + config.rules.path + " is for attested devices only");
  }
  PAWL_TRY(auto authority, load_authority(config));
  PosixDisk disk;
  SystemClock clock;
  SystemRandom random;
  PAWL_TRY(const auto svid, issue_with_new_key(authority, *id, clock.now(),
                                               Seconds{3600 * hours.value_or(24)}, random));
  const auto& folder = args.value("--out");
  PAWL_CHECK(make_directories(disk, folder));
  PAWL_CHECK(write_svid(disk, identity::svid_files_in(folder), svid, authority));
  json::Object out;
  out.set("id", id->uri());
  out.set("folder", folder);
  out.set("not_after", format_utc(svid.not_after()));
  io.result(std::move(out), "wrote an SVID for " + id->uri() + " to " + folder + ", valid until " +
                                format_utc(svid.not_after()));
  return Ok{};
}

}  // namespace

const cli::Program& program() {
  static constexpr std::array kVerbs{
      cli::Verb{"serve", "give SVIDs to devices whose TPM proves itself", kCommon, &run_serve},
      cli::Verb{"ca new", "make the certificate authority, once", kCaNew, &run_ca_new},
      cli::Verb{"ek add", "admit a TPM by its endorsement key", kAdd, &run_ek_add},
      cli::Verb{"ek list", "the TPMs that are known", kCommon, &run_ek_list},
      cli::Verb{"ek rm", "forget a TPM and its attestation key, or ban it", kRemove, &run_ek_rm},
      cli::Verb{"svid new", "an SVID for a program without a TPM, as files", kSvidNew,
                &run_svid_new},
      cli::Verb{"check-config", "check the configuration and do nothing else", kCommon,
                &run_check_config}};
  static constexpr cli::Program kProgram{
      "pawl-issuer", "SVIDs after TPM attestation, for fleets without SPIRE", kVerbs};
  return kProgram;
}

}  // namespace pawl::issuer
