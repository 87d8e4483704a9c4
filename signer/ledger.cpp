#include "signer/ledger.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "manifest/fields.hpp"

namespace pawl::signer {
namespace {

using Kind = LedgerEntry::Kind;
using manifest::Fields;

constexpr std::string_view kFirstLine = R"({"_type":"pawl.ledger","format":1})";
constexpr std::size_t kMaxLine = 1024;
constexpr std::size_t kMaxText = 64;
constexpr json::Limits kLimits{kMaxLine, 2, 32};
constexpr std::array<std::string_view, 3> kKinds{"signed", "seen", "release"};

Result<Kind> kind_of(const Fields& fields) {
  PAWL_TRY(const auto name, fields.text("kind", kMaxText));
  const auto at = std::find(kKinds.begin(), kKinds.end(), name);
  if (at == kKinds.end()) return fields.bad("kind", "is none of signed, seen, release");
  return static_cast<Kind>(at - kKinds.begin());
}

Result<LedgerEntry> parse_entry(const Fields& fields) {
  LedgerEntry out;
  PAWL_TRY(out.kind, kind_of(fields));
  PAWL_TRY(out.repository, fields.sha256("repository"));
  PAWL_TRY(out.digest, fields.sha256("sha256"));
  PAWL_TRY(out.time, fields.time("time"));
  const bool is_release = out.kind == Kind::kRelease;
  PAWL_TRY(out.subject, fields.text(is_release ? "product" : "role", kMaxText));
  PAWL_TRY(const auto number,
           fields.integer(is_release ? "counter" : "version", 1, json::kMaxInteger));
  out.number = static_cast<std::uint64_t>(number);
  if (!is_release) return out;
  PAWL_TRY(out.version, fields.text("version", kMaxText));
  return out;
}

std::string line_of(const LedgerEntry& entry, const Sha256Digest& before) {
  const bool is_release = entry.kind == Kind::kRelease;
  json::Object out;
  out.set("kind", kKinds.at(static_cast<std::size_t>(entry.kind)));
  out.set("prev", to_hex(before));
  out.set("repository", to_hex(entry.repository));
  out.set("sha256", to_hex(entry.digest));
  out.set("time", format_utc(entry.time));
  out.set(is_release ? "product" : "role", entry.subject);
  out.set(is_release ? "counter" : "version", static_cast<std::int64_t>(entry.number));
  if (is_release) out.set("version", entry.version);
  return json::write(out);
}

Result<LedgerEntry> parse_line(std::string_view line, const Sha256Digest& before) {
  PAWL_TRY(const auto value, json::parse(line, kLimits, json::Form::kCanonical));
  PAWL_TRY(const auto fields, Fields::of(value, "entry"));
  PAWL_TRY(const auto entry, parse_entry(fields));
  PAWL_TRY(const auto named, fields.sha256("prev"));
  if (named != before) return fields.bad("prev", "is not the digest of the line before");
  if (line_of(entry, before) != line) return fields.bad("kind", "has members of another format");
  return entry;
}

}  // namespace

bool LedgerEntry::says_the_same(const LedgerEntry& other) const {
  return repository == other.repository && subject == other.subject && number == other.number &&
         version == other.version && digest == other.digest;
}

Ledger::Ledger() : text_(std::string(kFirstLine) + "\n"), head_(sha256(as_bytes(kFirstLine))) {}

void Ledger::append(LedgerEntry entry) {
  const auto line = line_of(entry, head_);
  head_ = sha256(as_bytes(line));
  text_ += line + "\n";
  entries_.push_back(std::move(entry));
}

Result<Ledger> Ledger::parse(std::string_view file) {
  if (file.size() > kMaxBytes) {
    return fail(Errc::kTooLarge, "the ledger is over " + std::to_string(kMaxBytes) + " bytes");
  }
  Ledger out;
  if (!file.starts_with(out.text_)) return fail(Errc::kMalformed, "is no ledger of this format");
  file.remove_prefix(out.text_.size());
  for (std::size_t number = 2; !file.empty(); ++number) {
    const auto end = file.find('\n');
    const auto where = "line " + std::to_string(number);
    if (end == std::string_view::npos) return fail(Errc::kMalformed, where + " is cut short");
    auto entry = parse_line(file.substr(0, end), out.head_);
    if (!entry) return fail(Errc::kMalformed, where + ": " + entry.error().what());
    out.append(*std::move(entry));
    file.remove_prefix(end + 1);
  }
  return out;
}

bool Ledger::has(const LedgerEntry& entry) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const LedgerEntry& known) {
    return known.kind == entry.kind && known.says_the_same(entry);
  });
}

const LedgerEntry* Ledger::highest(Kind kind, const Sha256Digest& repository,
                                   std::string_view subject) const {
  const LedgerEntry* out = nullptr;
  for (const auto& entry : entries_) {
    if (entry.kind != kind || entry.repository != repository || entry.subject != subject) continue;
    if (out == nullptr || entry.number >= out->number) out = &entry;
  }
  return out;
}

const LedgerEntry* Ledger::release(const Sha256Digest& repository, std::string_view product,
                                   std::string_view version) const {
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const LedgerEntry& entry) {
    return entry.kind == Kind::kRelease && entry.repository == repository &&
           entry.subject == product && entry.version == version;
  });
  return at == entries_.end() ? nullptr : &*at;
}

}  // namespace pawl::signer
