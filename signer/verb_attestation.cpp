#include "base/bytes.hpp"
#include "hsm/attestation.hpp"
#include "hsm/uri.hpp"
#include "signer/paths.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

constexpr std::size_t kMaxPem = std::size_t{64} * 1024;

/// The serial number of the device: from the record when it says so, else from the token itself.
Result<std::string> serial_of(Workbench& bench, const KeyRecord& record, const KeyEntry& entry) {
  PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
  if (uri.serial) return *uri.serial;
  PAWL_TRY(const auto token, bench.keys().token(record, entry));
  return token.serial;
}

/// What the record says the token answered: a key that was not born in it is never attested.
hsm::KeyFacts facts_of(const KeyRecord& record, std::string serial) {
  hsm::KeyFacts out;
  out.label = record.label;
  out.token_serial = std::move(serial);
  const bool born = record.custody == "token_born" || record.custody == "attested";
  out.is_private = out.sensitive = out.local = out.always_sensitive = out.never_extractable = born;
  out.extractable = !born;
  return out;
}

}  // namespace

Status run_key_import_attestation(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  const auto& name = args.value("NAME");
  const auto* const entry = bench->config().find(name);
  if (entry == nullptr) {
    return fail(Errc::kUsage, "no key named " + printable(name))
        .with_hint("pawl-signer key list shows the names");
  }
  PAWL_TRY(auto record, load_key_record(bench->disk(), entry->record));
  if (record.is_development() || record.is_external()) {
    return fail(Errc::kUsage, "key " + name + " is in no token, nothing can attest it");
  }
  PAWL_TRY(const auto chain, read_file(bench->disk(), args.value("--chain"), kMaxPem));
  PAWL_TRY(const auto roots, read_file(bench->disk(), args.value("--root"), kMaxPem));
  PAWL_TRY(auto serial, serial_of(*bench, record, *entry));
  PAWL_TRY(const auto facts, hsm::check_attestation(facts_of(record, std::move(serial)),
                                                    record.public_key, chain, roots));
  PAWL_CHECK(hsm::require_custody(facts, hsm::Custody::kAttested));
  record.custody = hsm::custody_name(hsm::Custody::kAttested);
  const auto kept = resolve_path(parent_of(entry->record), name + ".attestation.pem");
  PAWL_CHECK(replace_file(bench->disk(), kept, chain));
  PAWL_CHECK(replace_file(bench->disk(), entry->record, as_bytes(key_record_text(record))));
  json::Object result;
  result.set("changed", true);
  result.set("name", name);
  result.set("custody", record.custody);
  result.set("serial", facts.token_serial);
  result.set("attestation", kept);
  io.result(std::move(result), "key " + name + " was generated in device " + facts.token_serial +
                                   " and cannot leave it; the certificates are in " + kept + "\n");
  return Ok{};
}

}  // namespace pawl::signer
