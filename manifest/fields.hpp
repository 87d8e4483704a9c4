#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/time.hpp"

namespace pawl::manifest {

/// Cursor over the members of one parsed object: every access checks type and range and names the
/// member in its error. A local, like Reader: it refers to the object it reads.
class Fields {
 public:
  /// @param where what the object is, for errors: "root", "component 'rootfs'".
  Fields(const json::Object& object, std::string where)
      : object_(object), where_(std::move(where)) {}
  /// The object behind `value`, or kMalformed.
  static Result<Fields> of(const json::Value& value, std::string where);

  [[nodiscard]] bool has(std::string_view name) const { return object_.find(name) != nullptr; }
  [[nodiscard]] Result<std::int64_t> integer(std::string_view name, std::int64_t least,
                                             std::int64_t most) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> optional_integer(std::string_view name,
                                                                     std::int64_t least,
                                                                     std::int64_t most) const;
  /// At most `limit` characters, at least one.
  [[nodiscard]] Result<std::string> text(std::string_view name, std::size_t limit) const;
  [[nodiscard]] Result<bool> flag(std::string_view name) const;
  [[nodiscard]] Result<Sha256Digest> sha256(std::string_view name) const;
  [[nodiscard]] Result<UtcTime> time(std::string_view name) const;
  [[nodiscard]] Result<Fields> object(std::string_view name) const;
  /// At most `limit` items.
  [[nodiscard]] Result<const json::Array*> array(std::string_view name, std::size_t limit) const;
  /// kMalformed unless the text member `name` is exactly `expected`.
  [[nodiscard]] Status literal(std::string_view name, std::string_view expected) const;
  [[nodiscard]] const json::Object& members() const { return object_; }
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] Error bad(std::string_view name, std::string_view why) const;

 private:
  [[nodiscard]] Result<const json::Value*> need(std::string_view name) const;
  const json::Object& object_;
  std::string where_;
};

/// Every character in `alphabet`, 1 to `limit` of them.
[[nodiscard]] bool made_of(std::string_view text, std::string_view alphabet, std::size_t limit);
inline constexpr std::string_view kLowerDigits = "abcdefghijklmnopqrstuvwxyz0123456789";
inline constexpr std::string_view kNameAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789-";

}  // namespace pawl::manifest
