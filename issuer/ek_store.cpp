#include "issuer/ek_store.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace pawl::issuer {
namespace {

constexpr std::size_t kMaxRecord = 1024;
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kSuffix = ".json";

Status check_note(const std::string& note) {
  const auto printable_ascii = [](char c) { return c >= ' ' && c <= '~'; };
  if (note.size() <= EkStore::kMaxNote && std::all_of(note.begin(), note.end(), printable_ascii)) {
    return Ok{};
  }
  return fail(Errc::kUsage, "a note has at most 200 characters, all printable ASCII");
}

Result<std::string> word(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr || value->string() == nullptr) {
    return fail(Errc::kMalformed, "record of an endorsement key without " + std::string(name));
  }
  return *value->string();
}

Result<Origin> origin_of(const std::string& text) {
  if (text == "listed") return Origin::kListed;
  if (text == "maker") return Origin::kMaker;
  return fail(Errc::kMalformed, "unknown origin " + printable(text));
}

Result<Admission> admission_of(const std::string& text) {
  if (text == "admitted") return Admission::kAdmitted;
  if (text == "banned") return Admission::kBanned;
  return fail(Errc::kMalformed, "unknown state " + printable(text));
}

Result<EkRecord> record_of(const json::Object& object) {
  const auto* format = object.find("format");
  if (format == nullptr || format->integer() == nullptr || *format->integer() != 1) {
    return fail(Errc::kMalformed, "record of an endorsement key is not of format 1");
  }
  EkRecord out;
  PAWL_TRY(const auto origin, word(object, "origin"));
  PAWL_TRY(out.origin, origin_of(origin));
  PAWL_TRY(const auto state, word(object, "state"));
  PAWL_TRY(out.admission, admission_of(state));
  PAWL_TRY(out.note, word(object, "note"));
  std::size_t known = 4;
  if (object.find("ak") != nullptr) {
    ++known;
    PAWL_TRY(const auto ak, word(object, "ak"));
    PAWL_TRY(out.ak, fixed_from_hex<tpm::Name>(ak));
  }
  if (object.size() != known) {
    return fail(Errc::kMalformed, "record of an endorsement key has an unknown member");
  }
  return out;
}

}  // namespace

std::string write_ek_record(const EkRecord& record) {
  json::Object out;
  if (record.ak) out.set("ak", to_hex(*record.ak));
  out.set("format", 1);
  out.set("note", record.note);
  out.set("origin", record.origin == Origin::kListed ? "listed" : "maker");
  out.set("state", record.admission == Admission::kAdmitted ? "admitted" : "banned");
  return json::write(out) + "\n";
}

Result<EkRecord> parse_ek_record(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  PAWL_TRY(const auto value, json::parse(text, {kMaxRecord, 2, 16}, json::Form::kCanonical));
  if (value.object() == nullptr) return fail(Errc::kMalformed, "record is not an object");
  return record_of(*value.object());
}

Status check_admitted(const std::optional<EkRecord>& record, Origin origin, const tpm::Name& ak) {
  if (!record) {
    if (origin == Origin::kMaker) return Ok{};
    return fail(Errc::kPeer, "endorsement key is not on the list");
  }
  if (record->admission == Admission::kBanned) {
    return fail(Errc::kPeer, "endorsement key is banned");
  }
  if (origin == Origin::kListed && record->origin != Origin::kListed) {
    return fail(Errc::kPeer, "endorsement key is not on the list");
  }
  if (record->ak && *record->ak != ak) {
    return fail(Errc::kPeer, "another attestation key is bound to this endorsement key");
  }
  return Ok{};
}

std::string EkStore::path_of(const Sha256Digest& ek) const {
  return folder_ + "/" + to_hex(ek) + std::string(kSuffix);
}

Result<std::unique_ptr<DiskLock>> EkStore::lock() {
  PAWL_CHECK(make_directories(disk_, folder_));
  return disk_.lock(folder_ + "/lock");
}

Status EkStore::save(const Sha256Digest& ek, const EkRecord& record) {
  return replace_file(disk_, path_of(ek), as_bytes(write_ek_record(record)));
}

Result<std::optional<EkRecord>> EkStore::find(const Sha256Digest& ek) {
  PAWL_TRY(const auto bytes, read_optional(disk_, path_of(ek), kMaxRecord));
  if (!bytes) return std::optional<EkRecord>();
  auto record = parse_ek_record(as_text(*bytes));
  if (record) return std::optional(*std::move(record));
  auto error = std::move(record).error();
  error.prefix(path_of(ek));
  return error;
}

Result<std::vector<ListedEk>> EkStore::list() {
  std::vector<ListedEk> out;
  PAWL_TRY(const auto there, disk_.exists(folder_));
  if (!there) return out;
  PAWL_TRY(const auto names, disk_.list(folder_));
  for (const auto& name : names) {
    if (name.size() != kHashDigits + kSuffix.size() || !name.ends_with(kSuffix)) continue;
    const auto ek = fixed_from_hex<Sha256Digest>(std::string_view(name).substr(0, kHashDigits));
    if (!ek) continue;
    PAWL_TRY(auto record, find(*ek));
    if (record) out.push_back({*ek, *std::move(record)});
  }
  return out;
}

Result<Change> EkStore::add(const Sha256Digest& ek, const std::string& note) {
  PAWL_CHECK(check_note(note));
  PAWL_TRY(const auto held, lock());
  PAWL_TRY(const auto old, find(ek));
  EkRecord fresh{Origin::kListed, Admission::kAdmitted, std::nullopt, note};
  if (old) fresh.ak = old->ak;
  if (old && write_ek_record(*old) == write_ek_record(fresh)) return Change::kNone;
  PAWL_CHECK(save(ek, fresh));
  return Change::kDone;
}

Result<Change> EkStore::remove(const Sha256Digest& ek) {
  PAWL_TRY(const auto held, lock());
  PAWL_TRY(const auto there, disk_.exists(path_of(ek)));
  if (!there) return Change::kNone;
  PAWL_CHECK(remove_file(disk_, path_of(ek)));
  return Change::kDone;
}

Result<Change> EkStore::ban(const Sha256Digest& ek) {
  PAWL_TRY(const auto held, lock());
  PAWL_TRY(auto record, find(ek));
  if (record && record->admission == Admission::kBanned) return Change::kNone;
  if (!record) record.emplace();
  record->admission = Admission::kBanned;
  PAWL_CHECK(save(ek, *record));
  return Change::kDone;
}

Status EkStore::bind(const Sha256Digest& ek, Origin origin, const tpm::Name& ak) {
  PAWL_TRY(const auto held, lock());
  PAWL_TRY(auto record, find(ek));
  PAWL_CHECK(check_admitted(record, origin, ak));
  if (record && record->ak) return Ok{};
  if (!record) record = EkRecord{origin, Admission::kAdmitted, std::nullopt, ""};
  record->ak = ak;
  return save(ek, *record);
}

}  // namespace pawl::issuer
