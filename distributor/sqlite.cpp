#include "distributor/sqlite.hpp"

#include "base/bytes.hpp"

namespace pawl::distributor {
namespace {

constexpr int kBusyMilliseconds = 5000;

Errc code_of(int status) {
  switch (status & 0xff) {
    case SQLITE_FULL:
      return Errc::kNoSpace;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::kBusy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::kMalformed;
    default:
      return Errc::kIo;
  }
}

Error failure(sqlite3* database, int status) {
  const int extended = database == nullptr ? status : sqlite3_extended_errcode(database);
  return fail(code_of(status), std::string("database: ") + sqlite3_errstr(status), extended);
}

}  // namespace

Statement& Statement::bind(std::int64_t value) {
  PAWL_ASSERT(sqlite3_bind_int64(handle_.get(), ++bound_, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  PAWL_ASSERT(sqlite3_bind_text64(handle_.get(), ++bound_, text.data(), text.size(),
                                  SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_null() {
  PAWL_ASSERT(sqlite3_bind_null(handle_.get(), ++bound_) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int status = sqlite3_step(handle_.get());
  if (status == SQLITE_ROW) return true;
  reset();
  if (status == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(handle_.get()), status);
}

Status Statement::run() {
  PAWL_TRY(const bool row, step());
  PAWL_ASSERT(!row);
  return Ok{};
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
  bound_ = 0;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* const data = sqlite3_column_text(handle_.get(), column);
  if (data == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return std::string(as_text({data, size}));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

Result<Sqlite> Sqlite::open(const std::string& path, Access access) {
  const int mode = access == Access::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                            : SQLITE_OPEN_READWRITE;  // readers join the WAL too
  sqlite3* raw = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &raw,
                                     mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  SqliteHandle handle(raw);
  if (status != SQLITE_OK) {
    auto error = failure(raw, status);
    error.prefix(path);
    return error;
  }
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  Sqlite out(std::move(handle));
  PAWL_CHECK(out.run("PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON;"));
  if (access == Access::kRead) PAWL_CHECK(out.run("PRAGMA query_only=ON"));
  if (access == Access::kWrite) {
    PAWL_CHECK(out.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"));
  }
  return out;
}

Status Sqlite::run(const char* sql) {
  const int status = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  return status == SQLITE_OK ? Status(Ok{}) : Status(failure(handle_.get(), status));
}

Result<Statement> Sqlite::prepare(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  const int status =
      sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (status != SQLITE_OK) return failure(handle_.get(), status);
  return Statement(StatementHandle(raw));
}

}  // namespace pawl::distributor
