#include "base/log.hpp"

namespace pawl {
namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

/// One token per value: anything but printable ASCII without blanks or quotes is quoted and
/// escaped.
void print_value(std::ostream& out, std::string_view value) {
  bool plain = !value.empty();
  for (const char c : value) plain = plain && c > 0x20 && c < 0x7f && c != '"' && c != '=';
  if (plain) {
    out << value;
    return;
  }
  out << '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') out << '\\';
    out << (c >= 0x20 && c < 0x7f ? c : '?');
  }
  out << '"';
}

}  // namespace

void StreamLog::write(LogLevel level, std::string_view event,
                      std::initializer_list<LogField> fields) {
  if (level < least_) return;
  out_ << name_of(level) << ' ' << event;
  for (const auto& field : fields) {
    out_ << ' ' << field.key << '=';
    print_value(out_, field.value);
  }
  out_ << '\n' << std::flush;
}

}  // namespace pawl
