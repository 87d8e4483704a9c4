#pragma once
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pawl {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view key;
  std::string value;  // printed with quotes when it has blanks; never a secret
};

/// Where a program writes what it did: one line `level event key=value…` per call. Rooms never log.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) = 0;
};

/// Lines at or above a level, to one stream.
class StreamLog final : public Log {
 public:
  StreamLog(std::ostream& out, LogLevel least) : out_(out), least_(least) {}
  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override;

 private:
  std::ostream& out_;
  LogLevel least_;
};

}  // namespace pawl
