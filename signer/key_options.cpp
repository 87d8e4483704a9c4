#include "signer/key_options.hpp"

#include "base/bytes.hpp"

namespace pawl::signer {
namespace {

constexpr std::string_view kById = "id:";
constexpr std::size_t kLeastDigits = 8;

/// A key in force whose record is not at hand.
Result<KeyRecord> record_of(const manifest::KeyId& id, const manifest::PublicKey& key) {
  const auto* const value = key.to_json().find("keyval");
  const auto* const object = value == nullptr ? nullptr : value->object();
  const auto* const member = object == nullptr ? nullptr : object->find("public");
  PAWL_ASSERT(member != nullptr && member->string() != nullptr);
  KeyRecord out;
  out.label = "key-" + id.text.substr(0, kLeastDigits);
  PAWL_TRY(out.public_key, fixed_from_hex<Ed25519PublicKey>(*member->string()));
  return out;
}

Result<KeyRecord> find_in_force(const Repository& repository, const std::string& digits) {
  if (digits.size() >= kLeastDigits) {
    auto keys = repository.root.keys;
    if (repository.targets.delegations) {
      keys.insert(repository.targets.delegations->keys.begin(),
                  repository.targets.delegations->keys.end());
    }
    for (const auto& [id, key] : keys) {
      if (id.text.starts_with(digits)) return record_of(id, key);
    }
  }
  return fail(Errc::kUsage, "no key in force has an id that begins with " + printable(digits))
      .with_hint("at least 8 digits, as pawl-signer inspect shows them");
}

Result<KeyRecord> find_key(Workbench& bench, const std::string& reference,
                           const Repository* in_force) {
  if (const auto* record = bench.ring().find(reference); record != nullptr) return *record;
  if (reference.ends_with(".json")) return load_key_record(bench.disk(), reference);
  if (in_force != nullptr && reference.starts_with(kById)) {
    return find_in_force(*in_force, reference.substr(kById.size()));
  }
  return fail(Errc::kUsage, "no key named " + printable(reference) + " in " +
                                (bench.config().path.empty() ? "signer.toml" : bench.config().path))
      .with_hint("pawl-signer key list shows the names; a path of a .pub.json file does as well");
}

}  // namespace

Result<RolePlan> plan_role(Workbench& bench, const KeyList& list, const Repository* in_force) {
  RolePlan out;
  out.threshold = list.threshold;
  for (const auto& reference : list.keys) {
    PAWL_TRY(auto record, find_key(bench, reference, in_force));
    out.keys.push_back(std::move(record));
  }
  return out;
}

}  // namespace pawl::signer
