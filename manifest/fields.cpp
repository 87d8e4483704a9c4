#include "manifest/fields.hpp"

#include <algorithm>

namespace pawl::manifest {

Result<Fields> Fields::of(const json::Value& value, std::string where) {
  const auto* object = value.object();
  if (object == nullptr) return fail(Errc::kMalformed, where + " is not an object");
  return Fields(*object, std::move(where));
}

Error Fields::bad(std::string_view name, std::string_view why) const {
  return fail(Errc::kMalformed, where_ + ": member " + std::string(name) + " " + std::string(why));
}

Result<const json::Value*> Fields::need(std::string_view name) const {
  const auto* value = object_.find(name);
  if (value == nullptr) return bad(name, "is missing");
  return value;
}

Result<std::int64_t> Fields::integer(std::string_view name, std::int64_t least,
                                     std::int64_t most) const {
  PAWL_TRY(const auto* value, need(name));
  const auto* number = value->integer();
  if (number == nullptr) return bad(name, "is not an integer");
  if (*number < least || *number > most) {
    return bad(name, "is " + std::to_string(*number) + ", outside " + std::to_string(least) +
                         " to " + std::to_string(most));
  }
  return *number;
}

Result<std::optional<std::int64_t>> Fields::optional_integer(std::string_view name,
                                                             std::int64_t least,
                                                             std::int64_t most) const {
  if (!has(name)) return std::optional<std::int64_t>();
  PAWL_TRY(const auto number, integer(name, least, most));
  return std::optional<std::int64_t>(number);
}

Result<std::string> Fields::text(std::string_view name, std::size_t limit) const {
  PAWL_TRY(const auto* value, need(name));
  const auto* text = value->string();
  if (text == nullptr) return bad(name, "is not a string");
  if (text->empty()) return bad(name, "is empty");
  if (text->size() > limit) return bad(name, "is over " + std::to_string(limit) + " characters");
  return *text;
}

Result<bool> Fields::flag(std::string_view name) const {
  PAWL_TRY(const auto* value, need(name));
  const auto* flag = value->boolean();
  if (flag == nullptr) return bad(name, "is neither true nor false");
  return *flag;
}

Result<Sha256Digest> Fields::sha256(std::string_view name) const {
  constexpr std::size_t kHexDigits = 64;
  PAWL_TRY(const auto hex, text(name, kHexDigits));
  auto digest = fixed_from_hex<Sha256Digest>(hex);
  if (!digest) return bad(name, "is not 32 bytes of lower-case hexadecimal");
  return *digest;
}

Result<UtcTime> Fields::time(std::string_view name) const {
  constexpr std::size_t kTimeLength = 32;
  PAWL_TRY(const auto written, text(name, kTimeLength));
  auto time = parse_utc(written);
  if (!time) return bad(name, "is not a time like 2026-01-31T08:00:00Z");
  return *time;
}

Result<Fields> Fields::object(std::string_view name) const {
  PAWL_TRY(const auto* value, need(name));
  return of(*value, where_ + ": " + std::string(name));
}

Result<const json::Array*> Fields::array(std::string_view name, std::size_t limit) const {
  PAWL_TRY(const auto* value, need(name));
  const auto* items = value->array();
  if (items == nullptr) return bad(name, "is not an array");
  if (items->size() > limit) {
    return fail(Errc::kTooLarge, where_ + ": member " + std::string(name) + " has " +
                                     std::to_string(items->size()) + " items, the limit is " +
                                     std::to_string(limit));
  }
  return items;
}

Status Fields::literal(std::string_view name, std::string_view expected) const {
  PAWL_TRY(const auto* value, need(name));
  const auto* text = value->string();
  if (text == nullptr || *text != expected) {
    return bad(name, "is " + (text == nullptr ? std::string("not a string") : printable(*text)) +
                         ", not '" + std::string(expected) + "'");
  }
  return Ok{};
}

bool made_of(std::string_view text, std::string_view alphabet, std::size_t limit) {
  return !text.empty() && text.size() <= limit &&
         text.find_first_not_of(alphabet) == std::string_view::npos;
}

}  // namespace pawl::manifest
