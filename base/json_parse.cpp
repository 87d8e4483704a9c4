#include <algorithm>
#include <charconv>

#include "base/json.hpp"
#include "base/utf8.hpp"

namespace pawl::json {
namespace {

enum class Build : std::uint8_t { kValues, kNothing };

/// Recursive descent over the whole text; recursion is bounded by Limits::depth.
class Parser {
 public:
  Parser(std::string_view text, const Limits& limits, Form form, Build build)
      : text_(text), limits_(limits), form_(form), build_(build) {}

  Result<Value> whole() {
    if (text_.size() > limits_.bytes) {
      return fail(Errc::kTooLarge, "JSON text of " + std::to_string(text_.size()) +
                                       " bytes, the limit is " + std::to_string(limits_.bytes));
    }
    PAWL_CHECK(blanks());
    PAWL_TRY(auto v, value(0));
    PAWL_CHECK(blanks());
    if (at_ != text_.size()) return bad("bytes after the JSON text");
    return v;
  }

  /// As whole(), for an object; the members come back as they stand in the text.
  Result<std::vector<Slice>> split() {
    if (text_.size() > limits_.bytes) return fail(Errc::kTooLarge, "JSON text over its limit");
    PAWL_CHECK(blanks());
    std::vector<Slice> slices;
    PAWL_CHECK(object_members(0, &slices));
    PAWL_CHECK(blanks());
    if (at_ != text_.size()) return bad("bytes after the JSON text");
    return slices;
  }

 private:
  [[nodiscard]] Error bad(std::string_view why) const {
    return fail(Errc::kMalformed, "JSON: " + std::string(why) + " at byte " + std::to_string(at_));
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] bool canonical() const { return form_ == Form::kCanonical; }

  Status blanks() {
    const auto start = at_;
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) < 4) ++at_;
    if (canonical() && at_ != start) return bad("blank in canonical text");
    return Ok{};
  }

  Status count() {
    if (++values_ > limits_.values) return fail(Errc::kTooLarge, "JSON: too many values");
    return Ok{};
  }

  Result<Value> value(unsigned depth) {
    if (depth > limits_.depth) return fail(Errc::kTooLarge, "JSON: nested too deeply");
    PAWL_CHECK(count());
    if (at_ == text_.size()) return bad("text ends early");
    switch (text_[at_]) {
      case '{': {
        PAWL_TRY(auto object, object_members(depth, nullptr));
        return Value(std::move(object));
      }
      case '[':
        return array(depth);
      case '"': {
        PAWL_TRY(auto text, string());
        return Value(std::move(text));
      }
      case 't':
        return word("true", Value(true));
      case 'f':
        return word("false", Value(false));
      case 'n':
        return word("null", Value());
      default:
        return number();
    }
  }

  Result<Value> word(std::string_view expected, Value v) {
    if (text_.substr(at_, expected.size()) != expected) return bad("not a JSON value");
    at_ += expected.size();
    return v;
  }

  Result<Value> array(unsigned depth) {
    ++at_;
    Array items;
    PAWL_CHECK(blanks());
    if (peek() == ']') {
      ++at_;
      return Value(std::move(items));
    }
    while (true) {
      PAWL_CHECK(blanks());
      PAWL_TRY(auto item, value(depth + 1));
      if (build_ == Build::kValues) items.push_back(std::move(item));
      PAWL_TRY(const bool more, another(']'));
      if (!more) return Value(std::move(items));
    }
  }

  /// After an item: true for a comma, false for `close`.
  Result<bool> another(char close) {
    PAWL_CHECK(blanks());
    if (at_ == text_.size()) return bad("text ends early");
    const char c = text_[at_];
    if (c != ',' && c != close) return bad("expected a comma or the end of the list");
    ++at_;
    return c == ',';
  }

  Result<Object> object_members(unsigned depth, std::vector<Slice>* slices) {
    if (peek() != '{') return bad("expected an object");
    ++at_;
    Object object;
    std::string last;
    PAWL_CHECK(blanks());
    if (peek() == '}') {
      ++at_;
      return object;
    }
    for (bool first = true;; first = false) {
      PAWL_CHECK(blanks());
      PAWL_CHECK(count());
      if (peek() != '"') return bad("expected a member name");
      PAWL_TRY(auto name, string());
      if (canonical() && !first && name <= last) return bad("members are not sorted");
      if (object.find(name) != nullptr) return bad("member given twice");
      PAWL_CHECK(blanks());
      if (peek() != ':') return bad("expected a colon");
      ++at_;
      PAWL_CHECK(blanks());
      const auto start = at_;
      PAWL_TRY(auto v, value(depth + 1));
      if (slices != nullptr) slices->push_back({name, text_.substr(start, at_ - start)});
      last = name;
      object.set(name, std::move(v));
      PAWL_TRY(const bool more, another('}'));
      if (!more) return object;
    }
  }

  Result<std::string> string() {
    ++at_;
    std::string out;
    for (take_printable(out); at_ < text_.size(); take_printable(out)) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return out;
      }
      if (static_cast<unsigned char>(c) < 0x20) return bad("control character in a string");
      if (c == '\\') {
        PAWL_CHECK(escape(out));
      } else {
        PAWL_CHECK(plain(out));
      }
    }
    return bad("text ends inside a string");
  }

  /// Most of what there is: printable ASCII that means itself, in one piece.
  void take_printable(std::string& out) {
    const auto means_itself = [](char c) {
      return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
    };
    auto end = at_;
    while (end < text_.size() && means_itself(text_[end])) ++end;
    out.append(text_.substr(at_, end - at_));
    at_ = end;
  }

  /// One unescaped character, validated as UTF-8.
  Status plain(std::string& out) {
    const auto length = utf8_length(text_.substr(at_));
    if (length == 0) return bad("not valid UTF-8");
    if (canonical() && (length > 1 || text_[at_] == 0x7f)) return bad("not printable ASCII");
    out.append(text_.substr(at_, length));
    at_ += length;
    return Ok{};
  }

  Status escape(std::string& out) {
    ++at_;
    const char c = peek();
    ++at_;
    if (c == '"' || c == '\\') {
      out += c;
      return Ok{};
    }
    if (canonical()) return bad("escape in canonical text");
    constexpr std::string_view kLetters = "/bfnrt";
    constexpr std::string_view kMeaning = "/\b\f\n\r\t";
    const auto known = kLetters.find(c);
    if (known != std::string_view::npos) {
      out += kMeaning[known];
      return Ok{};
    }
    if (c != 'u') return bad("unknown escape");
    return unicode_escape(out);
  }

  Status unicode_escape(std::string& out) {
    PAWL_TRY(auto code, hex4());
    if (code >= 0xdc00 && code < 0xe000) return bad("lone surrogate");
    if (code >= 0xd800 && code < 0xdc00) {
      if (text_.substr(at_, 2) != "\\u") return bad("lone surrogate");
      at_ += 2;
      PAWL_TRY(const auto low, hex4());
      if (low < 0xdc00 || low >= 0xe000) return bad("lone surrogate");
      code = 0x10000 + ((code - 0xd800) << 10U) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return Ok{};
  }

  Result<std::uint32_t> hex4() {
    std::uint32_t v = 0;
    const auto digits = text_.substr(std::min(at_, text_.size()), 4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v, 16);
    if (error != std::errc{} || digits.size() != 4 || end != digits.data() + 4) {
      return bad("bad \\u escape");
    }
    at_ += 4;
    return v;
  }

  Result<Value> number() {
    const auto start = at_;
    bool whole = true;
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
    } else if (!digits()) {
      return bad("not a JSON value");
    }
    if (peek() == '.') {
      whole = false;
      ++at_;
      if (!digits()) return bad("number without digits after the point");
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return bad("number without an exponent");
    }
    return make_number(text_.substr(start, at_ - start), whole ? Digits::kWhole : Digits::kReal);
  }

  bool digits() {
    const auto start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != start;
  }

  enum class Digits : std::uint8_t { kWhole, kReal };
  Result<Value> make_number(std::string_view digits, Digits kind) {
    std::int64_t v = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
    const bool fits = kind == Digits::kWhole && error == std::errc{};
    if (canonical() && (!fits || digits[0] == '-' || v > kMaxInteger)) {
      return bad("number outside 0 to 2^53-1");
    }
    if (fits) return Value(v);
    return Value(Real{std::string(digits)});
  }

  std::string_view text_;
  const Limits& limits_;
  Form form_;
  Build build_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

Result<Value> parse(std::string_view text, const Limits& limits, Form form) {
  return Parser(text, limits, form, Build::kValues).whole();
}

Result<std::vector<Slice>> split_object(std::string_view text, const Limits& limits, Form form) {
  return Parser(text, limits, form, Build::kNothing).split();
}

}  // namespace pawl::json
