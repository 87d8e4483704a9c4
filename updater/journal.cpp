#include "updater/journal.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "manifest/fields.hpp"

namespace pawl::updater {
namespace {

using manifest::Fields;

constexpr std::size_t kMaxVersion = 64;
constexpr std::size_t kMaxReason = 160;
constexpr std::array<std::string_view, 3> kEndings{"committed", "reverted", "cancelled"};
constexpr std::array<std::string_view, 2> kPurposes{"install", "rollback"};
constexpr std::array<std::string_view, 2> kTried{"no", "yes"};

template <class E, std::size_t N>
Result<E> word(const Fields& from, std::string_view name,
               const std::array<std::string_view, N>& words) {
  PAWL_TRY(const auto text, from.text(name, 16));
  const auto at = std::find(words.begin(), words.end(), text);
  if (at == words.end()) return from.bad(name, "is not a known word: " + printable(text));
  return static_cast<E>(at - words.begin());
}

template <class E, std::size_t N>
std::string_view word_of(E value, const std::array<std::string_view, N>& words) {
  return words[static_cast<std::size_t>(value)];
}

Result<ReleaseId> parse_release(const Fields& from) {
  if (from.members().size() != 6) return fail(Errc::kMalformed, from.where() + ": 6 members");
  ReleaseId out;
  PAWL_TRY(out.version, from.text("version", kMaxVersion));
  PAWL_TRY(const auto counter, from.integer("release_counter", 0, json::kMaxInteger));
  out.counter = ReleaseCounter(static_cast<std::uint64_t>(counter));
  PAWL_TRY(const auto security, from.integer("security_version", 0, 65535));
  out.security = SecurityVersion(static_cast<std::uint64_t>(security));
  PAWL_TRY(const auto least, from.integer("min_security_version", 0, security));
  out.min_security = SecurityVersion(static_cast<std::uint64_t>(least));
  PAWL_TRY(const auto tries, from.integer("tries", 1, 9));
  out.tries = static_cast<unsigned>(tries);
  PAWL_TRY(out.manifest, from.sha256("manifest_sha256"));
  return out;
}

json::Object release_to_json(const ReleaseId& release) {
  json::Object out;
  out.set("version", release.version);
  out.set("release_counter", static_cast<std::int64_t>(release.counter.get()));
  out.set("security_version", static_cast<std::int64_t>(release.security.get()));
  out.set("min_security_version", static_cast<std::int64_t>(release.min_security.get()));
  out.set("tries", static_cast<std::int64_t>(release.tries));
  out.set("manifest_sha256", to_hex(release.manifest));
  return out;
}

Result<Outcome> parse_outcome(const Fields& from) {
  Outcome out;
  PAWL_TRY(out.ending, word<Ending>(from, "ending", kEndings));
  PAWL_TRY(out.version, from.text("version", kMaxVersion));
  if (from.has("reason")) {
    PAWL_TRY(out.reason, from.text("reason", kMaxReason));
  }
  const std::size_t known = from.has("reason") ? 3 : 2;
  if (from.members().size() != known)
    return fail(Errc::kMalformed, "journal: last: unknown member");
  return out;
}

Status parse_update(const Fields& from, Record& out) {
  PAWL_TRY(const auto target, from.text("target", 1));
  PAWL_TRY(out.target, boot::parse_slot(target));
  PAWL_TRY(const auto release, from.object("release"));
  PAWL_TRY(out.release, parse_release(release));
  PAWL_TRY(out.purpose, word<Purpose>(from, "purpose", kPurposes));
  PAWL_TRY(out.tried, word<Tried>(from, "tried", kTried));
  return Ok{};
}

Status parse_slots(const Fields& from, Record& out) {
  PAWL_TRY(const auto slots, from.object("slots"));
  for (const auto& member : slots.members().members()) {
    PAWL_TRY(const auto slot, boot::parse_slot(member.name));
    PAWL_TRY(const auto release, slots.object(member.name));
    PAWL_TRY(out.holds(slot), parse_release(release));
  }
  return Ok{};
}

Status refuse_unknown(const Fields& from, const Record& record) {
  constexpr std::array<std::string_view, 10> kKnown{"boot_id", "format",  "last",  "purpose",
                                                    "reason",  "release", "slots", "state",
                                                    "target",  "tried"};
  for (const auto& member : from.members().members()) {
    if (std::find(kKnown.begin(), kKnown.end(), member.name) == kKnown.end()) {
      return fail(Errc::kMalformed, "journal: unknown member " + printable(member.name));
    }
  }
  if (record.state != State::kIdle) return Ok{};
  for (const auto* name : {"target", "release", "purpose", "tried", "boot_id", "reason"}) {
    if (from.has(name)) return from.bad(name, "has no place in an idle record");
  }
  return Ok{};
}

}  // namespace

std::string_view ending_name(Ending ending) {
  return word_of(ending, kEndings);
}

std::string clip_reason(std::string_view text) {
  std::string out(text.substr(0, kMaxReason));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

ReleaseId ReleaseId::of(const manifest::Release& release, const Sha256Digest& digest) {
  ReleaseId out;
  out.version = release.version;
  out.counter = release.release_counter;
  out.security = release.security_version;
  out.min_security = release.min_security_version;
  out.tries = std::clamp(release.boot.tries, 1U, boot::kMaxTries.get());
  out.manifest = digest;
  return out;
}

Result<Record> Record::parse(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {kMaxBytes, 4, 128}, json::Form::kCanonical));
  PAWL_TRY(const auto from, Fields::of(value, "journal"));
  PAWL_TRY(const auto format, from.integer("format", 1, 1));
  (void)format;
  Record out;
  PAWL_TRY(out.state, word<State>(from, "state", kStateNames));
  PAWL_CHECK(refuse_unknown(from, out));
  if (out.state != State::kIdle) PAWL_CHECK(parse_update(from, out));
  if (from.has("boot_id")) {
    PAWL_TRY(out.boot_id, from.text("boot_id", 64));
  }
  if (from.has("reason")) {
    PAWL_TRY(out.reason, from.text("reason", kMaxReason));
  }
  PAWL_CHECK(parse_slots(from, out));
  if (from.has("last")) {
    PAWL_TRY(const auto last, from.object("last"));
    PAWL_TRY(out.last, parse_outcome(last));
  }
  return out;
}

std::string Record::format() const {
  json::Object out;
  out.set("format", 1);
  out.set("state", state_name(state));
  if (state != State::kIdle) {
    PAWL_ASSERT(target && release);
    out.set("target", boot::letter(*target));
    out.set("release", release_to_json(*release));
    out.set("purpose", word_of(purpose, kPurposes));
    out.set("tried", word_of(tried, kTried));
    if (!boot_id.empty()) out.set("boot_id", boot_id);
    if (!reason.empty()) out.set("reason", reason);
  }
  json::Object held;
  for (const auto slot : {Slot::kA, Slot::kB}) {
    if (holds(slot)) held.set(boot::letter(slot), release_to_json(*holds(slot)));
  }
  out.set("slots", std::move(held));
  if (last) {
    json::Object ended;
    ended.set("ending", word_of(last->ending, kEndings));
    ended.set("version", last->version);
    if (!last->reason.empty()) ended.set("reason", last->reason);
    out.set("last", std::move(ended));
  }
  return json::write(out);
}

Result<Record> Journal::load() {
  PAWL_TRY(auto file, read_optional(disk_, path_, Record::kMaxFile));
  PAWL_TRY(const auto bytes, guard_.accept(kJournalRecord, std::move(file)));
  if (!bytes) return Record{};
  auto record = Record::parse(as_text(*bytes));
  if (record) return record;
  auto error = std::move(record).error();
  error.prefix(path_);
  return error;
}

Result<Record> Journal::load_durable() {
  PAWL_TRY(const bool there, disk_.exists(path_));
  if (there) PAWL_CHECK(disk_.sync_directory(parent_of(path_)));
  return load();
}

Status Journal::save(const Record& record) {
  const auto text = record.format();
  if (const auto again = Record::parse(text); !again || *again != record) {
    return fail(Errc::kInternal, "the journal cannot hold this record");
  }
  PAWL_TRY(const auto file, guard_.protect(kJournalRecord, as_bytes(text)));
  return replace_file(disk_, path_, file);
}

}  // namespace pawl::updater
