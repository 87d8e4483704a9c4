#define TOML_EXCEPTIONS 0  // NOLINT(readability-identifier-naming): the library's own switch
#include "base/toml.hpp"

#include <algorithm>

#include <toml++/toml.h>

#include "base/bytes.hpp"

namespace pawl {

/// Flattens toml++'s tree into dotted keys; the only code that sees toml++.
class TomlReader {
 public:
  explicit TomlReader(Toml& out) : out_(out) {}

  void table(const toml::table& from, const std::string& prefix) {
    for (const auto& [key, node] : from) {
      const auto name =
          prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
      if (const auto* below = node.as_table()) {
        table(*below, name);
      } else {
        leaf(node, name);
      }
    }
  }

 private:
  void leaf(const toml::node& node, const std::string& name) {
    Toml::Entry entry{name, node.source().begin.line, {}, false};
    if (const auto* text = node.as_string()) {
      entry.value = text->get();
    } else if (const auto* number = node.as_integer()) {
      entry.value = number->get();
    } else if (const auto* flag = node.as_boolean()) {
      entry.value = flag->get();
    } else if (const auto* array = node.as_array(); array != nullptr && all_strings(*array)) {
      std::vector<std::string> items;
      for (const auto& item : *array) items.push_back(item.as_string()->get());
      entry.value = std::move(items);
    }
    out_.entries_.push_back(std::move(entry));
  }

  static bool all_strings(const toml::array& array) {
    return array.empty() || array.is_homogeneous(toml::node_type::string);
  }

  Toml& out_;
};

Result<Toml> Toml::parse(std::string_view text, std::string origin) {
  if (text.size() > kMaxBytes) {
    return fail(Errc::kConfig, origin + ": " + std::to_string(text.size()) +
                                   " bytes, the limit is " + std::to_string(kMaxBytes));
  }
  const auto parsed = toml::parse(text, std::string_view(origin));
  if (!parsed) {
    const auto& why = parsed.error();
    return fail(Errc::kConfig, origin + ":" + std::to_string(why.source().begin.line) + ": " +
                                   std::string(why.description()));
  }
  Toml out;
  out.origin_ = std::move(origin);
  TomlReader(out).table(parsed.table(), "");
  return out;
}

Toml::Entry* Toml::take(std::string_view key) {
  for (auto& entry : entries_) {
    if (entry.key != key) continue;
    entry.asked = true;
    return &entry;
  }
  return nullptr;
}

Error Toml::error(std::string_view key, std::string_view why) const {
  std::string where = origin_;
  for (const auto& entry : entries_) {
    if (entry.key == key) where += ":" + std::to_string(entry.line);
  }
  return fail(Errc::kConfig, where + ": " + std::string(key) + " " + std::string(why));
}

Result<std::optional<std::string>> Toml::string(std::string_view key) {
  const auto* entry = take(key);
  if (entry == nullptr) return std::optional<std::string>();
  if (const auto* v = std::get_if<std::string>(&entry->value)) return std::optional(*v);
  return error(key, "must be a string");
}

Result<std::optional<std::int64_t>> Toml::integer(std::string_view key, std::int64_t least,
                                                  std::int64_t most) {
  const auto* entry = take(key);
  if (entry == nullptr) return std::optional<std::int64_t>();
  const auto* v = std::get_if<std::int64_t>(&entry->value);
  if (v != nullptr && *v >= least && *v <= most) return std::optional(*v);
  return error(key,
               "must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
}

Result<std::optional<bool>> Toml::boolean(std::string_view key) {
  const auto* entry = take(key);
  if (entry == nullptr) return std::optional<bool>();
  if (const auto* v = std::get_if<bool>(&entry->value)) return std::optional(*v);
  return error(key, "must be true or false");
}

Result<std::optional<std::vector<std::string>>> Toml::strings(std::string_view key) {
  using Strings = std::vector<std::string>;
  const auto* entry = take(key);
  if (entry == nullptr) return std::optional<Strings>();
  if (const auto* v = std::get_if<Strings>(&entry->value)) return std::optional(*v);
  return error(key, "must be a list of strings");
}

Result<std::string> Toml::required(std::string_view key) {
  PAWL_TRY(auto value, string(key));
  if (!value) return fail(Errc::kConfig, origin_ + ": " + std::string(key) + " is missing");
  return *std::move(value);
}

std::vector<std::string> Toml::tables(std::string_view prefix) const {
  std::vector<std::string> names;
  const auto start = std::string(prefix) + ".";
  for (const auto& entry : entries_) {
    if (!entry.key.starts_with(start)) continue;
    const auto rest = std::string_view(entry.key).substr(start.size());
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) continue;
    const std::string name(rest.substr(0, dot));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

Status Toml::refuse_unknown() const {
  for (const auto& entry : entries_) {
    if (entry.asked) continue;
    return fail(Errc::kConfig, origin_ + ":" + std::to_string(entry.line) +
                                   ": unknown key: " + printable(entry.key));
  }
  return Ok{};
}

}  // namespace pawl
