#include "base/json.hpp"

#include <algorithm>

namespace pawl::json {

Object::Object() = default;
Object::Object(const Object&) = default;
Object& Object::operator=(const Object&) = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(Object&&) noexcept = default;
Object::~Object() = default;

const Value* Object::find(std::string_view name) const {
  const auto at = std::lower_bound(members_.begin(), members_.end(), name,
                                   [](const Member& m, std::string_view n) { return m.name < n; });
  return at != members_.end() && at->name == name ? &at->value : nullptr;
}

Value* Object::find(std::string_view name) {
  return const_cast<Value*>(std::as_const(*this).find(name));
}

void Object::set(std::string_view name, Value value) {
  if (auto* old = find(name)) {
    *old = std::move(value);
    return;
  }
  const auto at = std::lower_bound(members_.begin(), members_.end(), name,
                                   [](const Member& m, std::string_view n) { return m.name < n; });
  members_.insert(at, Member{std::string(name), std::move(value)});
}

void Object::remove(std::string_view name) {
  std::erase_if(members_, [&](const Member& m) { return m.name == name; });
}

std::size_t Object::size() const {
  return members_.size();
}

bool Object::empty() const {
  return members_.empty();
}

bool operator==(const Object& a, const Object& b) {
  return a.members_ == b.members_;
}

bool is_canonical(const Value& value) {
  const auto plain = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  };
  if (const auto* number = value.integer()) return *number >= 0 && *number <= kMaxInteger;
  if (value.real() != nullptr) return false;
  if (const auto* text = value.string()) return plain(*text);
  if (const auto* array = value.array()) {
    return std::all_of(array->begin(), array->end(), is_canonical);
  }
  if (const auto* object = value.object()) {
    const auto& all = object->members();
    return std::all_of(all.begin(), all.end(),
                       [&](const Member& m) { return plain(m.name) && is_canonical(m.value); });
  }
  return true;
}

}  // namespace pawl::json
