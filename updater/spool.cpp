#include "updater/spool.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "manifest/fields.hpp"

namespace pawl::updater {
namespace {

using manifest::Fields;

constexpr std::array<std::string_view, 9> kSteps{"offered",   "downloading", "verified",
                                                 "staged",    "rebooting",   "trial",
                                                 "committed", "reverted",    "failed"};
constexpr std::size_t kMaxBootId = 64;
constexpr std::size_t kMaxDetail = 160;
constexpr std::int64_t kMaxSeq = json::kMaxInteger - 1;
// No server can move the numbers so far that they run out.
constexpr std::int64_t kMaxAcknowledged = std::int64_t{1} << 52;

json::Value number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Result<Step> parse_step(const Fields& from, std::string_view name) {
  PAWL_TRY(const auto text, from.text(name, 16));
  const auto at = std::find(kSteps.begin(), kSteps.end(), text);
  if (at == kSteps.end()) return from.bad(name, "is not a known step: " + printable(text));
  return static_cast<Step>(at - kSteps.begin());
}

/// As Fields::text, but may be empty.
Result<std::string> any_text(const Fields& from, std::string_view name, std::size_t limit) {
  const auto* value = from.members().find(name);
  if (value != nullptr && value->string() != nullptr && value->string()->empty()) {
    return std::string();
  }
  return from.text(name, limit);
}

Result<StatusRecord> parse_record(const Fields& from) {
  StatusRecord out;
  PAWL_TRY(const auto seq, from.integer("seq", 1, kMaxSeq));
  out.seq = static_cast<std::uint64_t>(seq);
  PAWL_TRY(const auto counter, from.integer("release_counter", 0, json::kMaxInteger));
  out.release_counter = ReleaseCounter(static_cast<std::uint64_t>(counter));
  PAWL_TRY(out.manifest, from.sha256("manifest_sha256"));
  PAWL_TRY(out.step, parse_step(from, "step"));
  PAWL_TRY(const auto code, from.integer("code", 0, 255));
  out.code = static_cast<int>(code);
  PAWL_TRY(out.time, from.time("time"));
  PAWL_TRY(out.boot_id, any_text(from, "boot_id", kMaxBootId));
  PAWL_TRY(out.detail, any_text(from, "detail", kMaxDetail));
  if (from.members().size() == 8) return out;
  return fail(Errc::kMalformed, from.where() + ": unknown member");
}

json::Object to_json(const StatusRecord& record) {
  json::Object out;
  out.set("seq", number(record.seq));
  out.set("release_counter", number(record.release_counter.get()));
  out.set("manifest_sha256", to_hex(record.manifest));
  out.set("step", step_name(record.step));
  out.set("code", record.code);
  out.set("time", format_utc(record.time));
  out.set("boot_id", record.boot_id);
  out.set("detail", record.detail);
  return out;
}

Result<Followed> parse_followed(const Fields& from) {
  Followed out;
  PAWL_TRY(const auto counter, from.integer("release_counter", 0, json::kMaxInteger));
  out.release_counter = ReleaseCounter(static_cast<std::uint64_t>(counter));
  PAWL_TRY(out.manifest, from.sha256("manifest_sha256"));
  if (from.has("reported")) {
    PAWL_TRY(out.reported, parse_step(from, "reported"));
  }
  if (from.members().size() == std::size_t{2} + (from.has("reported") ? 1 : 0)) return out;
  return fail(Errc::kMalformed, from.where() + ": unknown member");
}

Status parse_records(const Fields& from, Spool& out) {
  PAWL_TRY(const auto* const records, from.array("records", Spool::kMostRecords));
  std::uint64_t before = 0;
  for (const auto& value : *records) {
    PAWL_TRY(const auto fields, Fields::of(value, "spool: record"));
    PAWL_TRY(auto record, parse_record(fields));
    if (record.seq <= before || record.seq >= out.next) {
      return fail(Errc::kMalformed, "spool: the numbers of the records do not rise below next");
    }
    before = record.seq;
    out.records.push_back(std::move(record));
  }
  return Ok{};
}

std::optional<Step> step_of(State state) {
  switch (state) {
    case State::kInstalling:
      return Step::kDownloading;
    case State::kStaging:
      return Step::kVerified;
    case State::kArming:
      return Step::kStaged;
    case State::kArmed:
      return Step::kRebooting;
    case State::kTrial:
    case State::kCommitting:
      return Step::kTrial;
    case State::kIdle:
    case State::kReverting:
      return std::nullopt;
  }
  std::abort();
}

Step first_step(const Record& record) {
  return record.purpose == Purpose::kRollback ? Step::kStaged : Step::kOffered;
}

}  // namespace

std::string_view step_name(Step step) {
  return kSteps[static_cast<std::size_t>(step)];
}

Spool Spool::starting_at(UtcTime now) {
  Spool out;
  const auto seconds = std::clamp<std::int64_t>(now.time_since_epoch().count(), 1, kMaxSeq);
  out.next = static_cast<std::uint64_t>(seconds);
  return out;
}

Result<Spool> Spool::parse(std::string_view text) {
  PAWL_TRY(const auto value,
           json::parse(text, {kMaxBytes, 4, 32 + 20 * kMostRecords}, json::Form::kCanonical));
  PAWL_TRY(const auto from, Fields::of(value, "spool"));
  PAWL_TRY(const auto format, from.integer("format", 1, 1));
  (void)format;
  Spool out;
  PAWL_TRY(const auto next, from.integer("next", 1, kMaxSeq + 1));
  out.next = static_cast<std::uint64_t>(next);
  PAWL_CHECK(parse_records(from, out));
  if (from.has("followed")) {
    PAWL_TRY(const auto followed, from.object("followed"));
    PAWL_TRY(out.followed, parse_followed(followed));
  }
  if (from.members().size() == std::size_t{3} + (out.followed ? 1 : 0)) return out;
  return fail(Errc::kMalformed, "spool: unknown member");
}

std::string Spool::format() const {
  json::Object out;
  out.set("format", 1);
  out.set("next", number(next));
  json::Array rows;
  for (const auto& record : records) rows.emplace_back(to_json(record));
  out.set("records", std::move(rows));
  if (followed) {
    json::Object update;
    update.set("release_counter", number(followed->release_counter.get()));
    update.set("manifest_sha256", to_hex(followed->manifest));
    if (followed->reported) update.set("reported", step_name(*followed->reported));
    out.set("followed", std::move(update));
  }
  return json::write(out);
}

/// Full: the oldest progress goes; nothing that ended an update ever does.
void Spool::push(StatusRecord record) {
  if (records.size() >= kProgressRoom) {
    const auto progress = std::find_if(records.begin(), records.end(),
                                       [](const auto& old) { return !is_final(old.step); });
    if (progress != records.end()) {
      records.erase(progress);
    } else if (!is_final(record.step) || records.size() >= kMostRecords) {
      return;
    }
  }
  record.seq = next++;
  records.push_back(std::move(record));
}

void Spool::add(const Followed& release, Step step, const Moment& now, int code,
                std::string_view detail) {
  StatusRecord record;
  record.release_counter = release.release_counter;
  record.manifest = release.manifest;
  record.step = step;
  record.code = code;
  record.boot_id = now.boot_id;
  record.time = now.time;
  record.detail = clip_reason(detail);
  push(std::move(record));
}

void Spool::observe(const Record& record, const Moment& now) {
  if (record.state == State::kIdle) {
    if (!followed || !record.last) return;
    const bool good = record.last->ending == Ending::kCommitted;
    add(*followed, good ? Step::kCommitted : Step::kReverted, now, 0, record.last->reason);
    followed.reset();
    return;
  }
  const auto reached = step_of(record.state);
  if (!reached) return;
  const auto& release = *record.release;
  if (!followed || followed->manifest != release.manifest) {
    followed = Followed{release.counter, release.manifest, std::nullopt};
  }
  const auto from = followed->reported ? static_cast<int>(*followed->reported) + 1
                                       : static_cast<int>(first_step(record));
  for (int step = from; step <= static_cast<int>(*reached); ++step) {
    add(*followed, static_cast<Step>(step), now, 0, "");
    followed->reported = static_cast<Step>(step);
  }
}

void Spool::failed(const Followed& release, const Error& why, const Moment& now) {
  const int code = static_cast<int>(why.code());
  if (!records.empty()) {
    const auto& last = records.back();
    if (last.step == Step::kFailed && last.manifest == release.manifest && last.code == code) {
      return;
    }
  }
  add(release, Step::kFailed, now, code, why.what());
}

void Spool::acknowledge(std::uint64_t seq) {
  if (seq >= next) {
    next = seq + 1;
    for (auto& record : records) record.seq = next++;
    return;
  }
  std::erase_if(records, [&](const auto& record) { return record.seq <= seq; });
}

std::string Spool::batch() const {
  json::Array rows;
  for (std::size_t i = 0; i < std::min(records.size(), kBatch); ++i) {
    rows.emplace_back(to_json(records[i]));
  }
  json::Object out;
  out.set("records", std::move(rows));
  return json::write(out);
}

Result<std::uint64_t> parse_acknowledged(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {1024, 4, 16}));
  PAWL_TRY(const auto from, Fields::of(value, "answer to the status"));
  PAWL_TRY(const auto seq, from.integer("acknowledged", 0, kMaxAcknowledged));
  return static_cast<std::uint64_t>(seq);
}

Result<Spool> SpoolFile::load(UtcTime now) {
  PAWL_TRY(const auto bytes, read_optional(disk_, path_, Spool::kMaxBytes));
  if (!bytes) return Spool::starting_at(now);
  auto spool = Spool::parse(as_text(*bytes));
  return spool ? *std::move(spool) : Spool::starting_at(now);
}

Status SpoolFile::save(const Spool& spool) {
  return replace_file(disk_, path_, as_bytes(spool.format()));
}

}  // namespace pawl::updater
