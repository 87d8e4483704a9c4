#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace pawl {

/// A TOML document read by dotted key: `string("server.url")`. Every key that is never asked for is
/// an error of `refuse_unknown`, so that a misspelt key cannot be ignored. All errors are kConfig
/// and begin with "file:line: ".
class Toml {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{64} * 1024;

  /// @param origin  file name for messages
  static Result<Toml> parse(std::string_view text, std::string origin);

  Result<std::optional<std::string>> string(std::string_view key);
  Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t least,
                                              std::int64_t most);
  Result<std::optional<bool>> boolean(std::string_view key);
  Result<std::optional<std::vector<std::string>>> strings(std::string_view key);
  /// As string(), but absent is an error that names the key.
  Result<std::string> required(std::string_view key);
  /// Names of the tables directly below `prefix`, e.g. {"a","b"} below "slots".
  [[nodiscard]] std::vector<std::string> tables(std::string_view prefix) const;
  /// kConfig for the first key nobody asked for.
  [[nodiscard]] Status refuse_unknown() const;
  /// An error about a key's value, with its file and line.
  [[nodiscard]] Error error(std::string_view key, std::string_view why) const;

 private:
  struct Entry {
    std::string key;
    std::uint32_t line = 0;
    std::variant<std::monostate, std::string, std::int64_t, bool, std::vector<std::string>> value;
    bool asked = false;
  };
  Entry* take(std::string_view key);
  std::string origin_;
  std::vector<Entry> entries_;
  friend class TomlReader;
};

}  // namespace pawl
