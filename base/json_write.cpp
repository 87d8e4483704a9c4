#include "base/json.hpp"

namespace pawl::json {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

/// Appends values to one string; `indent` of 0 means compact.
class Printer {
 public:
  explicit Printer(std::size_t indent) : indent_(indent) {}

  void value(const Value& v) {
    if (const auto* flag = v.boolean()) {
      out_ += *flag ? "true" : "false";
    } else if (const auto* number = v.integer()) {
      out_ += std::to_string(*number);
    } else if (const auto* real = v.real()) {
      out_ += real->text;
    } else if (const auto* text = v.string()) {
      string(*text);
    } else if (const auto* items = v.array()) {
      array(*items);
    } else if (const auto* members = v.object()) {
      object(*members);
    } else {
      out_ += "null";
    }
  }

  void object(const Object& object) {
    out_ += '{';
    ++depth_;
    bool first = true;
    for (const auto& member : object.members()) {
      separate(first);
      string(member.name);
      out_ += indent_ == 0 ? ":" : ": ";
      value(member.value);
      first = false;
    }
    close('}', first);
  }

  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  void array(const Array& items) {
    out_ += '[';
    ++depth_;
    bool first = true;
    for (const auto& item : items) {
      separate(first);
      value(item);
      first = false;
    }
    close(']', first);
  }

  void string(std::string_view text) {
    out_ += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += c;
      } else if (byte < 0x20) {
        out_ += "\\u00";
        out_ += kHex[byte >> 4U];
        out_ += kHex[byte & 15U];
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  void separate(bool first) {
    if (!first) out_ += ',';
    new_line();
  }
  void close(char bracket, bool empty) {
    --depth_;
    if (!empty) new_line();
    out_ += bracket;
  }
  void new_line() {
    if (indent_ == 0) return;
    out_ += '\n';
    out_.append(indent_ * depth_, ' ');
  }

  std::size_t indent_;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string write(const Value& value) {
  Printer printer(0);
  printer.value(value);
  return std::move(printer).take();
}

std::string write(const Object& object) {
  Printer printer(0);
  printer.object(object);
  return std::move(printer).take();
}

std::string write_pretty(const Value& value) {
  Printer printer(2);
  printer.value(value);
  return std::move(printer).take();
}

}  // namespace pawl::json
