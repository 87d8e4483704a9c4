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

Status look_at_token(Workbench& bench, const KeyRecord& record, Finding& out) {
  PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
  PAWL_TRY(const auto token, bench.keys().keyring().token(uri));
  const auto limit = hsm::message_limit(token);
  out.facts.set("token", token.label);
  out.facts.set("serial", token.serial);
  out.facts.set("pin", hsm::pin_state_name(token.pin));
  out.facts.set("message_limit", static_cast<std::int64_t>(limit));
  out.text = "token " + token.label + ", serial " + token.serial + ", PIN " +
             std::string(hsm::pin_state_name(token.pin)) + ", signs up to " +
             std::to_string(limit) + " bytes";
  return Ok{};
}

Status look_at_file(Workbench& bench, const KeyRecord& record, Finding& out) {
  const auto path = record.uri.substr(kSoftwareScheme.size());
  PAWL_TRY(const bool there, bench.disk().exists(path));
  if (!there) return fail(Errc::kIo, path + " does not exist");
  out.text = "DEVELOPMENT key in " + path;
  return Ok{};
}

Finding look_at(Workbench& bench, const KeyEntry& entry) {
  Finding out;
  out.key = entry.name;
  const auto* record = bench.ring().find(entry.name);
  out.facts.set("custody", record->custody);
  out.facts.set("development", record->is_development());
  auto looked = record->is_development() ? look_at_file(bench, *record, out)
                                         : look_at_token(bench, *record, out);
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
