#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

/// The one JSON reader and writer of the project: bounded, duplicate members refused.
namespace pawl::json {

inline constexpr std::int64_t kMaxInteger = (std::int64_t{1} << 53) - 1;  // of the canonical form

class Value;
struct Member;
using Array = std::vector<Value>;

/// Members sorted by name (byte order), each name once.
class Object {
 public:
  Object();
  Object(const Object&);
  Object& operator=(const Object&);
  Object(Object&&) noexcept;
  Object& operator=(Object&&) noexcept;
  ~Object();
  [[nodiscard]] const Value* find(std::string_view name) const;
  [[nodiscard]] Value* find(std::string_view name);
  /// Inserts or replaces.
  void set(std::string_view name, Value value);
  void remove(std::string_view name);
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const;
  friend bool operator==(const Object&, const Object&);

 private:
  std::vector<Member> members_;  // sorted by name, each once
};

/// A number with a fraction or an exponent, or outside int64: kept as it was written.
struct Real {
  std::string text;
  friend bool operator==(const Real&, const Real&) = default;
};

/// A parsed or built value. Wrong-type access returns nullptr, never throws.
class Value {
 public:
  using Data = std::variant<std::monostate, bool, std::int64_t, Real, std::string, Array, Object>;
  Value() = default;
  // NOLINTBEGIN(google-explicit-constructor): values are built in place, `object.set("n", 1)`
  Value(bool v) : data_(v) {}
  Value(int v) : data_(std::int64_t{v}) {}
  Value(std::int64_t v) : data_(v) {}
  Value(const char* v) : data_(std::string(v)) {}
  Value(std::string_view v) : data_(std::string(v)) {}
  Value(std::string v) : data_(std::move(v)) {}
  Value(Real v) : data_(std::move(v)) {}
  Value(Array v) : data_(std::move(v)) {}
  Value(Object v) : data_(std::move(v)) {}
  // NOLINTEND(google-explicit-constructor)
  [[nodiscard]] bool is_null() const { return data_.index() == 0; }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const Real* real() const { return std::get_if<Real>(&data_); }
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const Array* array() const { return std::get_if<Array>(&data_); }
  [[nodiscard]] const Object* object() const { return std::get_if<Object>(&data_); }
  [[nodiscard]] Array* array() { return std::get_if<Array>(&data_); }
  [[nodiscard]] Object* object() { return std::get_if<Object>(&data_); }
  friend bool operator==(const Value&, const Value&) = default;

 private:
  Data data_;
};

struct Member {
  std::string name;
  Value value;
  friend bool operator==(const Member&, const Member&) = default;
};

enum class Form : std::uint8_t {
  kAny,        // RFC 8259 text in valid UTF-8
  kCanonical,  // FORMAT 1.2: sorted members, no blanks, printable ASCII, integers 0..2^53-1
};

struct Limits {
  std::size_t bytes = std::size_t{64} * 1024;
  unsigned depth = 16;
  std::size_t values = 65536;  // values and members in the whole text
};

/// Parses one whole text. @return kTooLarge over `limits`, kMalformed with the byte offset.
[[nodiscard]] Result<Value> parse(std::string_view text, const Limits& limits,
                                  Form form = Form::kAny);

/// The raw bytes of one member of the outermost object.
struct Slice {
  std::string name;
  std::string_view raw;
};
/// Checks the whole text as `parse` does but builds nothing below the outermost object; its members
/// come back as views into `text`, in the order written. Used before a signature is checked.
[[nodiscard]] Result<std::vector<Slice>> split_object(std::string_view text, const Limits& limits,
                                                      Form form);

/// Compact text with sorted members. Canonical (FORMAT 1.2) when `is_canonical(value)`.
[[nodiscard]] std::string write(const Value& value);
[[nodiscard]] std::string write(const Object& object);
/// Indented by two blanks, for people.
[[nodiscard]] std::string write_pretty(const Value& value);
/// True when every string and number is within the alphabet of FORMAT 1.2.
[[nodiscard]] bool is_canonical(const Value& value);

}  // namespace pawl::json
