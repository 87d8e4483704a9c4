#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "base/handle.hpp"
#include "base/result.hpp"

/// The part of SQLite this room uses: one open file, statements prepared once.
namespace pawl::distributor {

using SqliteHandle = Handle<sqlite3, &sqlite3_close_v2>;
using StatementHandle = Handle<sqlite3_stmt, &sqlite3_finalize>;

/// One prepared statement. `bind` in the order of the question marks, then `step` or `run`.
class Statement {
 public:
  explicit Statement(StatementHandle handle) : handle_(std::move(handle)) {}
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind_null();
  /// @return whether there is a row; after the last one the statement is ready for the next use.
  Result<bool> step();
  /// For statements without rows.
  Status run();
  void reset();
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  StatementHandle handle_;
  int bound_ = 0;
};

class Sqlite {
 public:
  enum class Access : std::uint8_t { kWrite, kRead };
  /// Opens, or with kWrite creates, a database in WAL mode whose commits are durable when they
  /// return. @return kIo, kNoSpace, kBusy, kMalformed for a damaged file.
  static Result<Sqlite> open(const std::string& path, Access access);
  Status run(const char* sql);
  Result<Statement> prepare(const char* sql);
  [[nodiscard]] int changes() const { return sqlite3_changes(handle_.get()); }

 private:
  explicit Sqlite(SqliteHandle handle) : handle_(std::move(handle)) {}
  SqliteHandle handle_;
};

}  // namespace pawl::distributor
