#include "distributor/store.hpp"

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace pawl::distributor {
namespace {

constexpr std::int64_t kApplication = 0x5061576c;  // "PaWl"
constexpr const char* kCreate = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE device(row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,
  product TEXT NOT NULL, tags TEXT NOT NULL, rule TEXT NOT NULL, first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL, slot INTEGER, release_counter INTEGER, security_version INTEGER,
  root INTEGER, boot_id TEXT, last_seq INTEGER) STRICT;
CREATE TABLE status(device INTEGER NOT NULL REFERENCES device(row), seq INTEGER NOT NULL,
  release_counter INTEGER NOT NULL, manifest TEXT NOT NULL, step INTEGER NOT NULL,
  code INTEGER NOT NULL, boot_id TEXT NOT NULL, time INTEGER NOT NULL, detail TEXT NOT NULL,
  received INTEGER NOT NULL, PRIMARY KEY(device, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE withheld(product TEXT NOT NULL, version TEXT NOT NULL,
  PRIMARY KEY(product, version)) STRICT, WITHOUT ROWID;
CREATE TABLE audit(number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,
  who TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit entries stay as they are'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit entries stay'); END;
PRAGMA user_version=1;
PRAGMA application_id=1348556652;
COMMIT;
)sql";
constexpr const char* kPutDevice =
    "INSERT INTO device(row,id,state,product,tags,rule,first_seen,last_seen,slot,release_counter,"
    "security_version,root,boot_id,last_seq) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT(row) DO UPDATE SET state=excluded.state,product=excluded.product,"
    "tags=excluded.tags,rule=excluded.rule,last_seen=excluded.last_seen,slot=excluded.slot,"
    "release_counter=excluded.release_counter,security_version=excluded.security_version,"
    "root=excluded.root,boot_id=excluded.boot_id,last_seq=excluded.last_seq";
constexpr const char* kLoad =
    "SELECT d.row,d.id,d.state,d.product,d.tags,d.rule,d.first_seen,d.last_seen,d.slot,"
    "d.release_counter,d.security_version,d.root,d.boot_id,s.seq,s.release_counter,s.manifest,"
    "s.step,s.code,s.boot_id,s.time,s.detail FROM device d LEFT JOIN status s "
    "ON s.device=d.row AND s.seq=d.last_seq ORDER BY d.row";
constexpr const char* kStatuses =
    "SELECT seq,release_counter,manifest,step,code,boot_id,time,detail FROM status "
    "WHERE device=? ORDER BY seq DESC LIMIT ?";

std::int64_t seconds_of(UtcTime time) {
  return time.time_since_epoch().count();
}

UtcTime time_of(std::int64_t seconds) {
  return UtcTime(Seconds(seconds));
}

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

std::string tags_text(const std::vector<std::string>& tags) {
  json::Array out;
  for (const auto& tag : tags) out.emplace_back(tag);
  return json::write(json::Value(std::move(out)));
}

Result<std::vector<std::string>> tags_of(const std::string& text) {
  PAWL_TRY(const auto value, json::parse(text, {}));
  std::vector<std::string> out;
  if (value.array() == nullptr) return fail(Errc::kMalformed, "database: tags are no list");
  for (const auto& item : *value.array()) {
    if (item.string() == nullptr) return fail(Errc::kMalformed, "database: a tag is no text");
    out.push_back(*item.string());
  }
  return out;
}

// Columns seq, release_counter, manifest, step, code, boot_id, time, detail from `first` on.
Result<StatusRecord> status_at(const Statement& row, int first) {
  StatusRecord out;
  out.seq = static_cast<std::uint64_t>(row.integer(first));
  out.release_counter = ReleaseCounter(static_cast<std::uint64_t>(row.integer(first + 1)));
  PAWL_TRY(out.manifest, fixed_from_hex<Sha256Digest>(row.text(first + 2)));
  const auto step = row.integer(first + 3);
  if (step < 0 || step > static_cast<std::int64_t>(Step::kFailed)) {
    return fail(Errc::kMalformed, "database: unknown step");
  }
  out.step = static_cast<Step>(step);
  out.code = static_cast<std::uint8_t>(row.integer(first + 4));
  out.boot_id = row.text(first + 5);
  out.time = time_of(row.integer(first + 6));
  out.detail = row.text(first + 7);
  return out;
}

CheckRequest reported_at(const Statement& row) {
  CheckRequest out;
  out.slot = row.integer(8) == 0 ? Slot::kA : Slot::kB;
  out.release_counter = ReleaseCounter(static_cast<std::uint64_t>(row.integer(9)));
  out.security_version = SecurityVersion(static_cast<std::uint64_t>(row.integer(10)));
  out.root = MetadataVersion(static_cast<std::uint64_t>(row.integer(11)));
  out.boot_id = row.text(12);
  return out;
}

Result<Device> device_at(const Statement& row) {
  PAWL_TRY(auto id, identity::SpiffeId::parse(row.text(1)));
  Device out{row.integer(0), std::move(id), {}, {}, {}, {}, {}, {}, {}, {}};
  const auto state = row.integer(2);
  if (state < 0 || state > static_cast<std::int64_t>(DeviceState::kRetired)) {
    return fail(Errc::kMalformed, "database: unknown state");
  }
  out.state = static_cast<DeviceState>(state);
  out.product = row.text(3);
  PAWL_TRY(out.tags, tags_of(row.text(4)));
  out.rule = row.text(5);
  out.first_seen = time_of(row.integer(6));
  out.last_seen = time_of(row.integer(7));
  if (!row.is_null(8)) out.reported = reported_at(row);
  if (!row.is_null(13)) {
    PAWL_TRY(out.last_status, status_at(row, 13));
  }
  return out;
}

// A new file, one of ours, or a refusal.
Status check_schema(Sqlite& database) {
  PAWL_TRY(auto version, database.prepare("PRAGMA user_version"));
  PAWL_TRY(const bool has_version, version.step());
  const auto schema = has_version ? version.integer(0) : 0;
  version.reset();
  PAWL_TRY(auto application, database.prepare("PRAGMA application_id"));
  PAWL_TRY(const bool has_application, application.step());
  const auto owner = has_application ? application.integer(0) : 0;
  application.reset();
  PAWL_TRY(auto tables, database.prepare("SELECT count(*) FROM sqlite_schema"));
  PAWL_TRY(const bool has_tables, tables.step());
  const bool empty = has_tables && tables.integer(0) == 0;
  tables.reset();
  if (empty && schema == 0) return database.run(kCreate);
  if (owner != kApplication) return fail(Errc::kMalformed, "not a distributor's database");
  if (schema > Store::kSchema) {
    return fail(Errc::kConfig, "database schema " + std::to_string(schema) +
                                   " is newer than this program's " +
                                   std::to_string(Store::kSchema));
  }
  return Ok{};
}

}  // namespace

Result<Store> Store::open(const std::string& path) {
  PAWL_TRY(auto database, Sqlite::open(path, Sqlite::Access::kWrite));
  if (auto status = check_schema(database); !status) {
    auto error = std::move(status).error();
    error.prefix(path);
    return error;
  }
  PAWL_TRY(auto put_device, database.prepare(kPutDevice));
  PAWL_TRY(
      auto put_status,
      database.prepare("INSERT INTO status VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"));
  PAWL_TRY(auto prune, database.prepare("DELETE FROM status WHERE device=? AND seq<=("
                                        "SELECT seq FROM status WHERE device=? "
                                        "ORDER BY seq DESC LIMIT 1 OFFSET ?)"));
  PAWL_TRY(auto withhold,
           database.prepare("INSERT INTO withheld VALUES(?,?) ON CONFLICT DO NOTHING"));
  PAWL_TRY(auto restore, database.prepare("DELETE FROM withheld WHERE product=? AND version=?"));
  PAWL_TRY(auto audit, database.prepare("INSERT INTO audit(time,who,action,subject,detail) "
                                        "VALUES(?,?,?,?,?)"));
  return Store(std::move(database), {std::move(put_device), std::move(put_status), std::move(prune),
                                     std::move(withhold), std::move(restore), std::move(audit)});
}

Result<Contents> Store::load() {
  Contents out;
  PAWL_TRY(auto devices, database_.prepare(kLoad));
  while (true) {
    PAWL_TRY(const bool more, devices.step());
    if (!more) break;
    PAWL_TRY(auto device, device_at(devices));
    out.devices.push_back(std::move(device));
  }
  PAWL_TRY(auto withheld, database_.prepare("SELECT product,version FROM withheld"));
  while (true) {
    PAWL_TRY(const bool more, withheld.step());
    if (!more) return out;
    out.withheld.emplace(withheld.text(0), withheld.text(1));
  }
}

Status Store::commit(const std::vector<const Change*>& changes) {
  PAWL_CHECK(database_.run("BEGIN IMMEDIATE"));
  for (const auto* change : changes) {
    auto written = write(*change);
    if (written) continue;
    static_cast<void>(database_.run("ROLLBACK"));  // the first error is the one to tell
    return written;
  }
  auto done = database_.run("COMMIT");
  if (!done) static_cast<void>(database_.run("ROLLBACK"));
  return done;
}

Status Store::write(const Change& change) {
  for (const auto& device : change.devices) PAWL_CHECK(put(device));
  if (!change.statuses.empty()) PAWL_CHECK(put_statuses(change));
  if (change.withhold) {
    auto& statement = statements_.withhold;
    PAWL_CHECK(statement.bind(change.withhold->first).bind(change.withhold->second).run());
  }
  if (change.restore) {
    auto& statement = statements_.restore;
    PAWL_CHECK(statement.bind(change.restore->first).bind(change.restore->second).run());
  }
  for (const auto& entry : change.audit) PAWL_CHECK(put(entry));
  return Ok{};
}

Status Store::put(const Device& device) {
  auto& row = statements_.put_device;
  row.bind(device.row).bind(device.id.uri()).bind(static_cast<std::int64_t>(device.state));
  row.bind(device.product).bind(tags_text(device.tags)).bind(device.rule);
  row.bind(seconds_of(device.first_seen)).bind(seconds_of(device.last_seen));
  if (device.reported) {
    const auto& told = *device.reported;
    row.bind(static_cast<std::int64_t>(told.slot)).bind(signed_of(told.release_counter.get()));
    row.bind(signed_of(told.security_version.get())).bind(signed_of(told.root.get()));
    row.bind(told.boot_id);
  } else {
    row.bind_null().bind_null().bind_null().bind_null().bind_null();
  }
  if (device.last_status) {
    row.bind(signed_of(device.last_status->seq));
  } else {
    row.bind_null();
  }
  return row.run();
}

Status Store::put_statuses(const Change& change) {
  for (const auto& record : change.statuses) {
    auto& row = statements_.put_status;
    row.bind(change.status_device).bind(signed_of(record.seq));
    row.bind(signed_of(record.release_counter.get())).bind(to_hex(record.manifest));
    row.bind(static_cast<std::int64_t>(record.step)).bind(std::int64_t{record.code});
    row.bind(record.boot_id).bind(seconds_of(record.time)).bind(record.detail);
    PAWL_CHECK(row.bind(seconds_of(change.time)).run());
  }
  auto& prune = statements_.prune_statuses;
  return prune.bind(change.status_device).bind(change.status_device).bind(kKeptStatuses).run();
}

Status Store::put(const AuditEntry& entry) {
  auto& row = statements_.audit;
  row.bind(seconds_of(entry.time)).bind(entry.who).bind(entry.action);
  return row.bind(entry.subject).bind(entry.detail).run();
}

Result<StoreReader> StoreReader::open(const std::string& path) {
  PAWL_TRY(auto database, Sqlite::open(path, Sqlite::Access::kRead));
  PAWL_TRY(auto statuses, database.prepare(kStatuses));
  PAWL_TRY(auto audit, database.prepare("SELECT number,time,who,action,subject,detail FROM audit "
                                        "WHERE number>? ORDER BY number LIMIT ?"));
  return StoreReader(std::move(database), std::move(statuses), std::move(audit));
}

Result<std::vector<StatusRecord>> StoreReader::statuses(std::int64_t device, std::int64_t limit) {
  statuses_.bind(device).bind(limit);
  std::vector<StatusRecord> out;
  while (true) {
    PAWL_TRY(const bool more, statuses_.step());
    if (!more) return out;
    auto record = status_at(statuses_, 0);
    if (!record) statuses_.reset();
    PAWL_TRY(auto good, std::move(record));
    out.push_back(std::move(good));
  }
}

Result<std::vector<AuditEntry>> StoreReader::audit(std::int64_t after, std::int64_t limit) {
  audit_.bind(after).bind(limit);
  std::vector<AuditEntry> out;
  while (true) {
    PAWL_TRY(const bool more, audit_.step());
    if (!more) return out;
    out.push_back({audit_.integer(0), time_of(audit_.integer(1)), audit_.text(2), audit_.text(3),
                   audit_.text(4), audit_.text(5)});
  }
}

}  // namespace pawl::distributor
