#include "manifest/olpc.hpp"

namespace pawl::manifest {
namespace {

void quote(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

Status encode(const json::Value& value, std::string& out);

Status encode_array(const json::Array& items, std::string& out) {
  out += '[';
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out += ',';
    PAWL_CHECK(encode(items[i], out));
  }
  out += ']';
  return Ok{};
}

Status encode_object(const json::Object& object, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& member : object.members()) {
    if (!first) out += ',';
    first = false;
    quote(member.name, out);
    out += ':';
    PAWL_CHECK(encode(member.value, out));
  }
  out += '}';
  return Ok{};
}

Status encode(const json::Value& value, std::string& out) {
  if (value.real() != nullptr) {
    return fail(Errc::kMalformed, "a number with a fraction cannot be signed");
  }
  if (const auto* text = value.string()) {
    quote(*text, out);
    return Ok{};
  }
  if (const auto* items = value.array()) return encode_array(*items, out);
  if (const auto* object = value.object()) return encode_object(*object, out);
  out += json::write(value);  // integer, true, false, null
  return Ok{};
}

}  // namespace

Result<std::string> olpc_canonical(const json::Value& value) {
  std::string out;
  PAWL_CHECK(encode(value, out));
  return out;
}

}  // namespace pawl::manifest
