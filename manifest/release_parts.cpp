#include "manifest/release_parts.hpp"

namespace pawl::manifest {
namespace {

constexpr std::int64_t kYear9999 = 253402300799;

}  // namespace

bool is_version(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+~";
  return made_of(text, kAlphabet, kMaxName) && text.front() >= '0' && text.front() <= '9' &&
         text.find("..") == std::string_view::npos;
}

Result<std::string> name_text(const Fields& fields, std::string_view name,
                              std::string_view alphabet) {
  PAWL_TRY(const auto text, fields.text(name, kMaxName));
  if (!made_of(text, alphabet, kMaxName)) {
    return fields.bad(name, "is " + printable(text) + ", outside " + std::string(alphabet));
  }
  return text;
}

Result<std::uint64_t> count(const Fields& fields, std::string_view name, std::int64_t least,
                            std::int64_t most) {
  PAWL_TRY(const auto number, fields.integer(name, least, most));
  return static_cast<std::uint64_t>(number);
}

Result<std::optional<UtcTime>> seconds(const Fields& fields, std::string_view name) {
  PAWL_TRY(const auto number, fields.optional_integer(name, 0, kYear9999));
  if (!number) return std::optional<UtcTime>();
  return std::optional<UtcTime>(UtcTime(Seconds(*number)));
}

Result<std::vector<std::string>> texts(const Fields& fields, std::string_view name,
                                       std::size_t limit) {
  PAWL_TRY(const auto* items, fields.array(name, limit));
  std::vector<std::string> out;
  for (const auto& item : *items) {
    const auto* text = item.string();
    if (text == nullptr || text->empty() || text->size() > kMaxText) {
      return fields.bad(name, "holds something that is not a short string");
    }
    out.push_back(*text);
  }
  return out;
}

Result<BlobReference> blob(const Fields& fields, std::int64_t least) {
  BlobReference out;
  PAWL_TRY(out.sha256, fields.sha256("sha256"));
  PAWL_TRY(out.size, count(fields, "size", least, kMaxBytes));
  return out;
}

}  // namespace pawl::manifest
