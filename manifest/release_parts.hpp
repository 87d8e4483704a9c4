#pragma once
#include "manifest/fields.hpp"
#include "manifest/names.hpp"
#include "manifest/release.hpp"

/// Readers of single members of the release manifest. Private to its parser.
namespace pawl::manifest {

inline constexpr std::size_t kMaxText = 512;
inline constexpr std::size_t kMaxName = 64;
inline constexpr std::size_t kMaxList = 256;
inline constexpr std::int64_t kMaxSecurityVersion = 65535;
inline constexpr std::int64_t kMaxBytes = static_cast<std::int64_t>(kMaxComponentSize);
inline constexpr std::string_view kWordAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789-_.:";

[[nodiscard]] bool is_version(std::string_view text);
/// A text of 1 to 64 characters of `alphabet`.
[[nodiscard]] Result<std::string> name_text(const Fields& fields, std::string_view name,
                                            std::string_view alphabet = kNameAlphabet);
[[nodiscard]] Result<std::uint64_t> count(const Fields& fields, std::string_view name,
                                          std::int64_t least, std::int64_t most);
/// Integer seconds since 1970; absent is nothing.
[[nodiscard]] Result<std::optional<UtcTime>> seconds(const Fields& fields, std::string_view name);
[[nodiscard]] Result<std::vector<std::string>> texts(const Fields& fields, std::string_view name,
                                                     std::size_t limit);
/// `{"sha256","size"}` with size at least `least`.
[[nodiscard]] Result<BlobReference> blob(const Fields& fields, std::int64_t least);

/// One of the words of `table`.
template <class Table>
auto word(const Fields& fields, std::string_view name, const Table& table)
    -> Result<decltype(table.front().value)> {
  PAWL_TRY(const auto text, fields.text(name, kMaxName));
  const auto value = word_value(table, text);
  if (!value) return fields.bad(name, "is " + printable(text) + ", which is not one of its words");
  return *value;
}

/// boot, requires, measurements, geo, rollout, offline, encryption, documents (FORMAT 3.2.6, 3.3).
[[nodiscard]] Status parse_conditions(const Fields& fields, Release& out);

}  // namespace pawl::manifest
