#include <map>

#include "base/bytes.hpp"
#include "signer/ledger_book.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

using Kind = LedgerEntry::Kind;

/// The last entry of each kind and subject.
using Summary = std::map<std::pair<Kind, std::string>, LedgerEntry>;
Summary summary_of(const Ledger& ledger) {
  Summary out;
  for (const auto& entry : ledger.entries()) {
    const auto [at, added] = out.try_emplace({entry.kind, entry.subject}, entry);
    if (!added && entry.number >= at->second.number) at->second = entry;
  }
  return out;
}

std::string line_of(const LedgerEntry& entry) {
  const auto number = std::to_string(entry.number);
  if (entry.kind == Kind::kRelease) {
    return "  last release of " + entry.subject + ": " + entry.version + ", release counter " +
           number + "\n";
  }
  const auto* const what = entry.kind == Kind::kSigned ? "last signed here: " : "last published: ";
  return "  " + entry.subject + ", " + what + number + "\n";
}

json::Object json_of(const LedgerEntry& entry) {
  json::Object out;
  const bool is_release = entry.kind == Kind::kRelease;
  out.set("what", is_release ? "release" : entry.kind == Kind::kSigned ? "signed" : "seen");
  out.set(is_release ? "product" : "role", entry.subject);
  out.set(is_release ? "release_counter" : "version", static_cast<std::int64_t>(entry.number));
  if (is_release) out.set("version", entry.version);
  out.set("sha256", to_hex(entry.digest));
  out.set("time", format_utc(entry.time));
  return out;
}

void print(const LedgerBook& book, json::Object result, std::string text, cli::Io& io) {
  const auto& ledger = book.ledger();
  json::Array last;
  text += "ledger " + book.path() + ", " + std::to_string(ledger.entries().size()) +
          " entries, head " + to_hex(ledger.head()).substr(0, 16) + "\n";
  for (const auto& [subject, entry] : summary_of(ledger)) {
    last.emplace_back(json_of(entry));
    text += line_of(entry);
  }
  result.set("ledger", book.path());
  result.set("entries", static_cast<std::int64_t>(ledger.entries().size()));
  result.set("head", to_hex(ledger.head()));
  result.set("last", std::move(last));
  io.result(std::move(result), text);
}

/// An old copy of the repository has an old timestamp: what a device would not take for the present
/// state is not taken here either.
Status check_alive(const Repository& repository, UtcTime now) {
  const auto expires = repository.timestamp.header.expires;
  if (now < expires) return Ok{};
  return fail(Errc::kExpired, "the timestamp of " + repository.directory + " has expired on " +
                                  format_utc(expires) + ": this may be an old copy")
      .with_hint("fetch what is published, or run pawl-signer renew if this is it");
}

}  // namespace

Status run_ledger_init(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  if (!bench->config().repository_id) {
    return fail(Errc::kConfig,
                "signer.toml has no repository_id: which repository is this host for?")
        .with_hint("write repository_id into it, as pawl-signer repo init printed it");
  }
  PAWL_TRY(auto book, LedgerBook::create(bench->disk(), bench->config().ledger));
  PAWL_TRY(const auto repository, bench->load());
  const auto now = bench->clock().now();
  PAWL_CHECK(check_alive(repository, now));
  PAWL_TRY(const auto published, published_state(bench->disk(), repository, bench->ring(), now));
  PAWL_CHECK(book.adopt(bench->disk(), published, now));
  json::Object result;
  result.set("changed", true);
  print(book, std::move(result), "took over what is published\n", io);
  return Ok{};
}

Status run_ledger_show(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_TRY(const auto book, LedgerBook::open(bench->disk(), bench->config().ledger));
  print(book, {}, "", io);
  return Ok{};
}

}  // namespace pawl::signer
