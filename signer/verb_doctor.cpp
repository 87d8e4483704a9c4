#include "hsm/command_signer.hpp"
#include "hsm/token.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

/// What can be found out about a key without its PIN.
struct Finding {
  std::string key;
  json::Object facts;
  std::string text;
  std::optional<Error> problem;
};

/// @return kHsm when the module has no Ed25519, or writes public keys in a form nobody knows
Status look_at_module(Workbench& bench, const KeyRecord& record, const KeyEntry& entry,
                      Finding& out) {
  PAWL_TRY(const auto found, bench.keys().survey(record, entry));
  const auto& module = found.module;
  const auto version =
      std::to_string(module.version_major) + "." + std::to_string(module.version_minor);
  out.facts.set("module", module.path);
  out.facts.set("module_name", module.description);
  out.facts.set("module_version", version);
  out.facts.set("signs_ed25519", found.signs_ed25519);
  out.facts.set("makes_ed25519", found.makes_ed25519);
  out.facts.set("point", hsm::point_form_name(found.point));
  out.text += "; module " + module.description + " " + version + ", public point " +
              std::string(hsm::point_form_name(found.point));
  if (!found.signs_ed25519) {
    return fail(Errc::kHsm, "the token does not offer Ed25519 (CKM_EDDSA)")
        .with_hint("p11-kit's remoting takes it away; name the vendor's own module");
  }
  if (found.point != hsm::PointForm::kOther) return Ok{};
  return fail(Errc::kHsm,
              "the token shows the public key in a form that is none of the three known")
      .with_hint("docs/FORMAT.md 10.3.1 has them; a newer module of the vendor may know one");
}

Status look_at_token(Workbench& bench, const KeyRecord& record, const KeyEntry& entry,
                     Finding& out) {
  PAWL_TRY(const auto token, bench.keys().token(record, entry));
  const auto limit = hsm::message_limit(token);
  out.facts.set("token", token.label);
  out.facts.set("serial", token.serial);
  out.facts.set("pin", hsm::pin_state_name(token.pin));
  out.facts.set("message_limit", static_cast<std::int64_t>(limit));
  out.text = "token " + token.label + ", serial " + token.serial + ", PIN " +
             std::string(hsm::pin_state_name(token.pin)) + ", signs up to " +
             std::to_string(limit) + " bytes";
  return look_at_module(bench, record, entry, out);
}

Status look_at_file(Workbench& bench, const KeyRecord& record, Finding& out) {
  const auto path = record.uri.substr(kSoftwareScheme.size());
  PAWL_TRY(const bool there, bench.disk().exists(path));
  if (!there) return fail(Errc::kIo, path + " does not exist");
  out.text = "DEVELOPMENT key in " + path;
  return Ok{};
}

/// The program is looked at, not run: a cloud's key service may count, and charge for, every call.
Status look_at_program(const KeyRecord& record, const KeyEntry& entry, Finding& out) {
  if (entry.command.empty()) return fail(Errc::kConfig, "no command is configured for this key");
  hsm::SigningCommand command;
  command.name = entry.name;
  command.program = entry.command.front();
  PAWL_CHECK(hsm::CommandSigner::open(std::move(command), record.public_key));
  out.facts.set("program", entry.command.front());
  out.facts.set("message_limit", static_cast<std::int64_t>(entry.message_limit));
  out.text = "signed by " + entry.command.front() + ", up to " +
             std::to_string(entry.message_limit) + " bytes; custody none";
  return Ok{};
}

Status look_at_key(Workbench& bench, const KeyRecord& record, const KeyEntry& entry, Finding& out) {
  if (record.is_development()) return look_at_file(bench, record, out);
  if (record.is_external()) return look_at_program(record, entry, out);
  return look_at_token(bench, record, entry, out);
}

Finding look_at(Workbench& bench, const KeyEntry& entry) {
  Finding out;
  out.key = entry.name;
  const auto* record = bench.ring().find(entry.name);
  out.facts.set("custody", record->custody);
  out.facts.set("development", record->is_development());
  auto looked = look_at_key(bench, *record, entry, out);
  if (!looked) out.problem = std::move(looked).error();
  return out;
}

}  // namespace

Status run_doctor(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  std::optional<Error> first;
  for (const auto& entry : bench->config().keys) {
    auto finding = look_at(*bench, entry);
    finding.facts.set("key", finding.key);
    finding.facts.set("ok", !finding.problem.has_value());
    if (finding.problem) finding.facts.set("why", finding.problem->what());
    const auto text = finding.problem ? "PROBLEM: " + finding.problem->what() : finding.text;
    io.result(std::move(finding.facts), finding.key + ": " + text);
    if (finding.problem && !first) first = std::move(finding.problem);
  }
  if (bench->config().keys.empty()) io.note("no keys configured; pawl-signer key new makes one");
  if (!first) return Ok{};
  return std::move(*first);
}

}  // namespace pawl::signer
