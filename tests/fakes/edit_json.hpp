#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace pawl::fakes {

/// One change to a JSON text, addressed by "a/b/0/c"; no value removes the member. For tables of
/// refusals: everything but the one rule stays as it was.
struct Edit {
  std::string path;
  std::optional<json::Value> value;
};

inline json::Value* child_of(json::Value& value, const std::string& name) {
  if (auto* array = value.array()) return &(*array)[static_cast<std::size_t>(std::stoul(name))];
  return value.object()->find(name);
}

inline std::string edit_json(std::string_view text, const Edit& edit) {
  auto root = json::parse(text, {1U << 22U, 64, 1U << 22U});
  PAWL_ASSERT(root);
  auto* at = &*root;
  std::string_view rest = edit.path;
  for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    at = child_of(*at, std::string(rest.substr(0, slash)));
    PAWL_ASSERT(at != nullptr);
    rest.remove_prefix(slash + 1);
  }
  if (auto* array = at->array()) {
    PAWL_ASSERT(edit.value.has_value());
    if (rest == "+") {
      array->push_back(*edit.value);
    } else {
      (*array)[static_cast<std::size_t>(std::stoul(std::string(rest)))] = *edit.value;
    }
  } else if (edit.value) {
    at->object()->set(rest, *edit.value);
  } else {
    PAWL_ASSERT(at->object()->find(rest) != nullptr);
    at->object()->remove(rest);
  }
  return json::write(*root);
}

inline json::Value json_of(std::string_view text) {
  auto value = json::parse(text, {});
  PAWL_ASSERT(value);
  return *std::move(value);
}

}  // namespace pawl::fakes
