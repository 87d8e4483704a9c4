#include "hsm/uri.hpp"

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

namespace pawl::hsm {
namespace {

constexpr std::string_view kScheme = "pkcs11:";
constexpr std::size_t kMaxUri = 2048;
constexpr std::string_view kUnreserved =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
constexpr std::string_view kAvailable = ":[]@!$'()*+,=";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";
constexpr std::string_view kDigits = "0123456789";

enum class Part : std::uint8_t { kPath, kQuery };
enum class Content : std::uint8_t { kText, kBytes, kNumber, kVersion, kType, kAbsolutePath, kPin };

struct Attribute {
  std::string_view name;
  std::optional<std::string> Uri::*member;
  Part part;
  Content content;
  std::size_t limit;  // decoded bytes: the field in PKCS#11 holds no more
};
// The order of the canonical text.
constexpr std::array kAttributes{
    Attribute{"library-manufacturer", &Uri::library_manufacturer, Part::kPath, Content::kText, 32},
    Attribute{"library-description", &Uri::library_description, Part::kPath, Content::kText, 32},
    Attribute{"library-version", &Uri::library_version, Part::kPath, Content::kVersion, 7},
    Attribute{"slot-manufacturer", &Uri::slot_manufacturer, Part::kPath, Content::kText, 32},
    Attribute{"slot-description", &Uri::slot_description, Part::kPath, Content::kText, 64},
    Attribute{"slot-id", &Uri::slot_id, Part::kPath, Content::kNumber, 19},
    Attribute{"manufacturer", &Uri::manufacturer, Part::kPath, Content::kText, 32},
    Attribute{"model", &Uri::model, Part::kPath, Content::kText, 16},
    Attribute{"serial", &Uri::serial, Part::kPath, Content::kText, 16},
    Attribute{"token", &Uri::token, Part::kPath, Content::kText, 32},
    Attribute{"id", &Uri::id, Part::kPath, Content::kBytes, 255},
    Attribute{"object", &Uri::object, Part::kPath, Content::kText, 255},
    Attribute{"type", &Uri::type, Part::kPath, Content::kType, 10},
    Attribute{"module-path", &Uri::module_path, Part::kQuery, Content::kAbsolutePath, 1024},
    Attribute{"pin-source", &Uri::pin_source, Part::kQuery, Content::kPin, 1024},
};

bool only(std::string_view text, std::string_view alphabet) {
  return text.find_first_not_of(alphabet) == std::string_view::npos;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad(std::string_view name, std::string_view why) {
  return fail(Errc::kMalformed,
              "PKCS#11 URI attribute " + printable(name) + ": " + std::string(why));
}

Result<std::string> decode(const Attribute& attribute, std::string_view raw) {
  const std::string_view extra = attribute.part == Part::kPath ? "&" : "/?|";
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c != '%') {
      if (kUnreserved.find(c) == std::string_view::npos &&
          kAvailable.find(c) == std::string_view::npos && extra.find(c) == std::string_view::npos) {
        return bad(attribute.name, "a character that must be percent-encoded");
      }
      out.push_back(c);
      continue;
    }
    const int high = i + 2 < raw.size() ? hex_digit(raw[i + 1]) : -1;
    const int low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : -1;
    if (high < 0 || low < 0) return bad(attribute.name, "percent sign without two digits");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

bool is_version(std::string_view text) {
  const auto dot = text.find('.');
  const auto major = text.substr(0, dot);
  if (major.empty() || !only(major, kDigits)) return false;
  if (dot == std::string_view::npos) return true;
  const auto minor = text.substr(dot + 1);
  return !minor.empty() && only(minor, kDigits);
}

bool is_text(std::string_view text) {
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) return false;
  while (!text.empty()) {
    const auto length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_type(std::string_view text) {
  constexpr std::array<std::string_view, 5> kTypes{"private", "public", "cert", "secret-key",
                                                   "data"};
  return std::find(kTypes.begin(), kTypes.end(), text) != kTypes.end();
}

Status check_content(const Attribute& attribute, std::string_view value) {
  if (value.empty()) return bad(attribute.name, "empty");
  if (value.size() > attribute.limit) {
    return bad(attribute.name, std::to_string(value.size()) + " bytes, the limit is " +
                                   std::to_string(attribute.limit));
  }
  switch (attribute.content) {
    case Content::kBytes:
      return Ok{};
    case Content::kText:
      if (!is_text(value)) return bad(attribute.name, "not printable UTF-8");
      return Ok{};
    case Content::kNumber:
      if (!only(value, kDigits)) return bad(attribute.name, "not a decimal number");
      return Ok{};
    case Content::kVersion:
      if (!is_version(value)) return bad(attribute.name, "not a version such as 2 or 2.6");
      return Ok{};
    case Content::kType:
      if (!is_type(value)) return bad(attribute.name, "not an object type");
      return Ok{};
    case Content::kAbsolutePath:
      if (!is_text(value) || value.front() != '/') return bad(attribute.name, "not absolute");
      return Ok{};
    case Content::kPin:
      if (value.front() == '|') return fail(Errc::kUsage, "pin-source runs a command: refused");
      if (!is_text(value)) return bad(attribute.name, "not printable UTF-8");
      return Ok{};
  }
  return bad(attribute.name, "unknown");
}

Status take_attribute(Uri& uri, Part part, std::string_view item) {
  const auto equals = item.find('=');
  const auto name = item.substr(0, equals);
  if (name == "pin-value") {
    return fail(Errc::kUsage, "a PIN in a URI can be read by everybody on this machine: refused")
        .with_hint("use pin-source=file:/path, fd:N, credential:NAME or prompt");
  }
  if (equals == std::string_view::npos) return bad(name, "no value");
  const auto* found = std::find_if(kAttributes.begin(), kAttributes.end(), [&](const Attribute& a) {
    return a.name == name && a.part == part;
  });
  if (found == kAttributes.end()) return bad(name, "unknown");
  auto& member = uri.*(found->member);
  if (member) return bad(name, "given twice");
  PAWL_TRY(auto value, decode(*found, item.substr(equals + 1)));
  PAWL_CHECK(check_content(*found, value));
  member = std::move(value);
  return Ok{};
}

Status take_part(Uri& uri, Part part, std::string_view rest) {
  if (rest.empty()) return Ok{};
  const char separator = part == Part::kPath ? ';' : '&';
  for (;;) {
    const auto end = rest.find(separator);
    PAWL_CHECK(take_attribute(uri, part, rest.substr(0, end)));
    if (end == std::string_view::npos) return Ok{};
    rest.remove_prefix(end + 1);
  }
}

void append_encoded(std::string& out, const Attribute& attribute, std::string_view value) {
  const bool plain_slash = attribute.part == Part::kQuery;
  for (const char c : value) {
    const bool literal =
        attribute.content != Content::kBytes &&
        (kUnreserved.find(c) != std::string_view::npos || (plain_slash && (c == '/' || c == ':')));
    if (literal) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kUpperHex[byte >> 4U]);
    out.push_back(kUpperHex[byte & 15U]);
  }
}

}  // namespace

bool Uri::is_uri(std::string_view text) {
  return text.substr(0, kScheme.size()) == kScheme;
}

Result<Uri> Uri::parse(std::string_view text) {
  if (text.size() > kMaxUri) {
    return fail(Errc::kTooLarge, "PKCS#11 URI has " + std::to_string(text.size()) +
                                     " bytes, the limit is " + std::to_string(kMaxUri));
  }
  if (!is_uri(text)) return fail(Errc::kMalformed, "not a PKCS#11 URI: " + printable(text));
  text.remove_prefix(kScheme.size());
  Uri uri;
  const auto mark = text.find('?');
  PAWL_CHECK(take_part(uri, Part::kPath, text.substr(0, mark)));
  if (mark != std::string_view::npos) {
    PAWL_CHECK(take_part(uri, Part::kQuery, text.substr(mark + 1)));
  }
  return uri;
}

std::string Uri::text() const {
  std::string out(kScheme);
  bool first_in_part = true;
  Part part = Part::kPath;
  for (const auto& attribute : kAttributes) {
    const auto& value = this->*(attribute.member);
    if (!value) continue;
    if (attribute.part != part) {
      part = attribute.part;
      out += '?';
      first_in_part = true;
    }
    if (!first_in_part) out += part == Part::kPath ? ';' : '&';
    first_in_part = false;
    out.append(attribute.name).push_back('=');
    append_encoded(out, attribute, *value);
  }
  return out;
}

}  // namespace pawl::hsm
