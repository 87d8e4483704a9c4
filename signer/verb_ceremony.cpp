#include <algorithm>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "signer/ceremony_check.hpp"
#include "signer/ceremony_new.hpp"
#include "signer/ceremony_publish.hpp"
#include "signer/ceremony_report.hpp"
#include "signer/key_options.hpp"
#include "signer/ledger_book.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

Result<Ceremony> load(Disk& disk, const std::string& path) {
  PAWL_TRY(const auto bytes, read_file(disk, path, Ceremony::kMaxBytes));
  auto ceremony = Ceremony::parse(as_text(bytes));
  if (ceremony) return ceremony;
  auto error = std::move(ceremony).error();
  error.prefix(path);
  return error;
}

Status save(Disk& disk, const std::string& path, const Ceremony& ceremony) {
  return replace_file(disk, path, as_bytes(ceremony.serialise()));
}

Result<RolePlan> keys_of(Workbench& bench, const Repository& published, std::string_view option,
                         std::string_view text) {
  PAWL_TRY(const auto list, parse_key_list(option, text));
  return plan_role(bench, list, &published);
}

Result<Proposal> read_proposal(const cli::Args& args, Workbench& bench,
                               const Repository& published) {
  Proposal out;
  for (const std::string role : {"root", "targets", "snapshot", "timestamp"}) {
    const auto option = "--" + role;
    const auto given = args.get(option);
    if (!given) continue;
    PAWL_TRY(out.top[role], keys_of(bench, published, option, *given));
  }
  for (const auto& text : args.all("--ceiling")) {
    PAWL_TRY(const auto ceiling, parse_ceiling(text));
    out.ceilings.insert_or_assign(ceiling.product, ceiling.highest);
  }
  for (const auto& text : args.all("--development")) {
    PAWL_TRY(const auto product, parse_product("--development", text));
    PAWL_TRY(out.development[product.product], plan_role(bench, product.list, &published));
  }
  PAWL_TRY(out.tlog, log_policy_option(args, bench.disk()));
  for (const auto& product : args.all("--end-development")) out.production.insert(product);
  for (const auto& text : args.all("--product")) {
    PAWL_TRY(const auto product, parse_product("--product", text));
    PAWL_TRY(out.products[product.product], plan_role(bench, product.list, &published));
  }
  for (const auto& product : args.all("--end-product")) out.ended.insert(product);
  if (const auto directory = args.get("--release")) {
    PAWL_TRY(out.release, load_release(bench.disk(), *directory));
    out.release_directory = *directory;
  }
  PAWL_TRY(out.proof, proof_option(args, bench.disk()));
  out.renewed = args.get("--renew");
  return out;
}

/// The ceremony, checked against the repository this host signs for.
struct Opened {
  Ceremony ceremony;
  CeremonyView view;
};
Result<Opened> open(Workbench& bench, const std::string& path) {
  Opened out;
  PAWL_TRY(out.ceremony, load(bench.disk(), path));
  auto view = check_ceremony(out.ceremony, bench.config().repository_id);
  if (!view) {
    auto error = std::move(view).error();
    error.prefix(path);
    return error;
  }
  out.view = *std::move(view);
  return out;
}

/// Keys at hand that have not signed: those named, or all.
Result<std::vector<manifest::KeyId>> signers(Workbench& bench, const Opened& opened,
                                             const std::vector<std::string>& names) {
  std::vector<manifest::KeyId> out;
  const auto& open = opened.view.may_sign;
  for (const auto& name : names) {
    const auto* const record = bench.ring().find(name);
    if (record == nullptr) return fail(Errc::kUsage, "no key named " + printable(name));
    if (!std::binary_search(open.begin(), open.end(), record->id())) {
      return fail(Errc::kUsage, "key " + name + " has signed already, or is not asked for");
    }
    out.push_back(record->id());
  }
  if (!names.empty()) return out;
  for (const auto& id : open) {
    if (bench.ring().find(id) != nullptr) out.push_back(id);
  }
  if (!out.empty()) return out;
  return fail(Errc::kIncomplete,
              "no key at hand can sign this; still to sign: " + who(opened.ceremony, open))
      .with_hint("name the key in signer.toml ([keys.NAME] record, pin)");
}

/// Each key's own token is the one that is plugged in, by its serial number: found before any PIN.
Status check_token(Workbench& bench, const KeyEntry& entry, const KeyRecord& record, cli::Io& io) {
  if (record.is_development() || record.is_external()) return Ok{};
  PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
  const auto token = bench.keys().token(record, entry);
  if (!token) {
    const auto& why = token.error();
    auto error = fail(why.code(), "key " + entry.name + ": " + why.what(), why.raw());
    if (!uri.serial || why.code() != Errc::kHsm) return std::move(error).with_hint(why.hint());
    return std::move(error).with_hint("plug in the token with serial " + printable(*uri.serial));
  }
  if (!uri.serial && !token->serial.empty()) {
    return fail(Errc::kConfig,
                "key " + entry.name + ": its record does not say which token it is in")
        .with_hint("compare the serial of your token with " + printable(token->serial) +
                   ", then add ;serial= to `uri` of [keys." + entry.name + "] in signer.toml");
  }
  io.note("key " + entry.name + " signs in token " + printable(token->label) + ", serial " +
          printable(token->serial));
  return Ok{};
}

Status check_tokens(Workbench& bench, const std::vector<manifest::KeyId>& keys, cli::Io& io) {
  for (const auto& entry : bench.config().keys) {
    const auto& record = *bench.ring().find(entry.name);
    if (std::find(keys.begin(), keys.end(), record.id()) == keys.end()) continue;
    PAWL_CHECK(check_token(bench, entry, record, io));
  }
  return Ok{};
}

/// The words that were read aloud are those of the bytes in this file.
Status check_words(const cli::Args& args, const Opened& opened) {
  const auto words = ceremony_words(opened.ceremony.text);
  auto given = args.get_or("--words", "");
  std::replace(given.begin(), given.end(), '-', ' ');
  if (given == words) return Ok{};
  if (given.empty()) {
    return fail(Errc::kUsage, "--words is missing: nobody signs what he has not compared")
        .with_hint(
            "pawl-signer ceremony show prints the twelve words; another person reads theirs");
  }
  return fail(Errc::kUsage, "the words are not those of this file")
      .with_hint("this file asks for other bytes than the one the words were read from");
}

/// What the ceremony says is published, of the roles above and the one that changes.
Result<PublishedState> state_of(Workbench& bench, const Opened& opened) {
  const auto& ceremony = opened.ceremony;
  const auto& ring = bench.ring();
  PublishedState out;
  out.repository = ceremony.repository;
  PAWL_TRY(auto root, published_role("root", MetadataVersion(ceremony.roots.size()),
                                     ceremony.roots.back(), ring));
  out.roles.push_back(std::move(root));
  const auto add = [&](const std::string& role, const Bytes& file) -> Result<manifest::Targets> {
    PAWL_TRY(const auto text, manifest::UnverifiedEnvelope::split(file, Ceremony::kMaxBytes,
                                                                  manifest::Profile::kStrict));
    PAWL_TRY(auto targets,
             manifest::Targets::parse(text.signed_text(), manifest::Profile::kStrict));
    PAWL_TRY(auto published, published_role(role, targets.header.version, file, ring));
    out.roles.push_back(std::move(published));
    return targets;
  };
  if (ceremony.targets) PAWL_CHECK(add("targets", *ceremony.targets));
  if (!ceremony.current) return out;
  PAWL_TRY(const auto current, add(ceremony.role, *ceremony.current));
  PAWL_TRY(out.releases, listed_releases(current, ceremony.repository, bench.clock().now()));
  return out;
}

/// Enters in this host's ledger what its keys are about to sign.
Status enter_ledger(Workbench& bench, const Opened& opened) {
  const auto& ceremony = opened.ceremony;
  const auto now = bench.clock().now();
  PAWL_TRY(const auto published, state_of(bench, opened));
  const LedgerEntry role{LedgerEntry::Kind::kSigned,
                         ceremony.repository,
                         ceremony.role,
                         opened.view.version.get(),
                         "",
                         sha256(as_bytes(ceremony.text)),
                         now};
  std::vector<LedgerEntry> releases;
  if (ceremony.current) {
    PAWL_TRY(releases, listed_releases(opened.view.targets, ceremony.repository, now));
  }
  PAWL_TRY(auto book, LedgerBook::open(bench.disk(), bench.config().ledger));
  return book.enter_one(bench.disk(), published, role, releases);
}

/// The blobs of a release and its manifest.
Result<Publication> release_files(const cli::Args& args, Workbench& bench, const Opened& opened,
                                  const Repository& published) {
  const auto directory = args.get("--release");
  if (opened.ceremony.manifests.empty()) return Publication{};
  if (!directory) {
    return fail(Errc::kUsage, "--release is missing")
        .with_hint("the release directory holds the payloads; the ceremony only its manifest");
  }
  PAWL_TRY(const auto built, load_release(bench.disk(), *directory));
  PAWL_TRY(const auto proof, proof_option(args, bench.disk()));
  return ceremony_files(bench.disk(), opened.ceremony, opened.view, published, built, *directory,
                        proof);
}

Status incomplete(const Opened& opened) {
  return fail(Errc::kIncomplete,
              "signatures are missing: " + missing_text(opened.ceremony, opened.view))
      .with_hint("pawl-signer ceremony sign, then merge the files");
}

}  // namespace

Status run_ceremony_new(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_TRY(const auto published, bench->load());
  PAWL_TRY(const auto proposal, read_proposal(args, *bench, published));
  if (proposal.release) note_unproved(published, proposal.proof, io);
  const auto& path = args.value("FILE");
  PAWL_TRY(const bool there, bench->disk().exists(path));
  if (there) return fail(Errc::kUsage, path + " is there already");
  PAWL_TRY(const auto ceremony,
           new_ceremony(bench->disk(), published, proposal, bench->config().expiry,
                        bench->clock().now(), bench->ring()));
  PAWL_TRY(const auto view, check_ceremony(ceremony, published.id));
  PAWL_CHECK(save(bench->disk(), path, ceremony));
  print_ceremony(path, ceremony, view, io);
  return Ok{};
}

Status run_ceremony_show(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_TRY(const auto opened, open(*bench, args.value("FILE")));
  if (!bench->config().repository_id) {
    io.note("warning: no repository_id in signer.toml: this host takes the file's word for it");
  }
  print_ceremony(args.value("FILE"), opened.ceremony, opened.view, io);
  return Ok{};
}

Status run_ceremony_sign(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  const auto& path = args.value("FILE");
  if (!bench->config().repository_id) {
    return fail(Errc::kConfig,
                "signer.toml has no repository_id: which repository is this host for?")
        .with_hint(
            "write repository_id into it, as pawl-signer repo init printed it when the repository "
            "was made");
  }
  PAWL_TRY(auto opened, open(*bench, path));
  PAWL_CHECK(check_words(args, opened));
  PAWL_TRY(const auto keys, signers(*bench, opened, args.all("--key")));
  PAWL_CHECK(check_tokens(*bench, keys, io));
  for (const auto& id : keys) {
    PAWL_CHECK(bench->ring().check_size(id, opened.ceremony.role, opened.ceremony.text.size()));
  }
  PAWL_CHECK(enter_ledger(*bench, opened));
  auto more = opened.ceremony;
  more.signatures.clear();
  for (const auto& id : keys) {
    PAWL_TRY(auto signature, bench->ring().sign(id, opened.ceremony.text));
    more.names[id] = bench->ring().find(id)->label;
    more.signatures.push_back(std::move(signature));
  }
  std::sort(more.signatures.begin(), more.signatures.end(),
            [](const auto& a, const auto& b) { return a.key_id < b.key_id; });
  PAWL_CHECK(merge_signatures(opened.ceremony, more));
  PAWL_TRY(const auto view, check_ceremony(opened.ceremony, bench->config().repository_id));
  PAWL_CHECK(save(bench->disk(), path, opened.ceremony));
  print_ceremony(path, opened.ceremony, view, io, bench->ring().development_signers());
  return Ok{};
}

Status run_ceremony_merge(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  const auto& path = args.value("FILE");
  PAWL_TRY(auto opened, open(*bench, path));
  for (const auto& other : args.all("--from")) {
    PAWL_TRY(const auto more, open(*bench, other));
    auto merged = merge_signatures(opened.ceremony, more.ceremony);
    if (!merged) {
      auto error = std::move(merged).error();
      error.prefix(other);
      return error;
    }
  }
  PAWL_TRY(const auto view, check_ceremony(opened.ceremony, bench->config().repository_id));
  PAWL_CHECK(save(bench->disk(), path, opened.ceremony));
  print_ceremony(path, opened.ceremony, view, io);
  return Ok{};
}

Status run_ceremony_check(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_TRY(const auto opened, open(*bench, args.value("FILE")));
  if (!opened.view.complete()) return incomplete(opened);
  print_ceremony(args.value("FILE"), opened.ceremony, opened.view, io);
  return Ok{};
}

Status run_ceremony_publish(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_TRY(auto locked, bench->lock_and_load());
  PAWL_TRY(const auto opened, open(*bench, args.value("FILE")));
  if (opened.ceremony.repository != locked.repository.id) {
    return fail(Errc::kBadSignature, "the ceremony is of another repository");
  }
  if (!opened.view.complete()) return incomplete(opened);
  PAWL_TRY(auto files, release_files(args, *bench, opened, locked.repository));
  PAWL_TRY(auto revision,
           ceremony_revision(bench->disk(), opened.ceremony, opened.view, locked.repository,
                             bench->config().expiry, bench->clock().now()));
  json::Object result;
  result.set("role", opened.ceremony.role);
  if (args.flag("--dry-run")) {
    result.set("changed", false);
    io.result(std::move(result), "would publish " + opened.ceremony.role + " " +
                                     std::to_string(opened.view.version.get()) + "\n");
    return Ok{};
  }
  return sign_and_publish(
      *bench, revision, std::move(files), std::move(result),
      "published " + opened.ceremony.role + " " + std::to_string(opened.view.version.get()) + "\n",
      io);
}

}  // namespace pawl::signer
