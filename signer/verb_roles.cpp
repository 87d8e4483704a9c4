#include <algorithm>
#include <charconv>

#include "base/bytes.hpp"
#include "manifest/path.hpp"
#include "signer/ceremony_check.hpp"
#include "signer/ceremony_new.hpp"
#include "signer/ceremony_publish.hpp"
#include "signer/key_options.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

/// `repo add-key|revoke-key|set-threshold|delegate`: what a ceremony does, when all keys it needs
/// are on this host.
namespace pawl::signer {
namespace {

constexpr const char* kById = "id:";

/// Keys and threshold of a role in force, by their ids.
Result<KeyList> keys_in_force(const Repository& published, const std::string& role) {
  constexpr std::string_view kTop[] = {"root", "targets", "snapshot", "timestamp"};
  const bool is_top = std::find(std::begin(kTop), std::end(kTop), role) != std::end(kTop);
  if (!is_top && published.delegation(role) == nullptr) {
    std::string names;
    for (const auto& [name, targets] : published.roles) names += ", " + name;
    return fail(Errc::kUsage, "there is no role " + printable(role))
        .with_hint("root, targets, snapshot, timestamp" + names);
  }
  const auto keys = published.keys_of(role);
  KeyList out;
  out.threshold = keys.threshold;
  for (const auto& [id, key] : keys.keys) out.keys.push_back(kById + id.text);
  return out;
}

Result<Proposal> proposal_for(Workbench& bench, const Repository& published,
                              const std::string& role, const KeyList& list) {
  Proposal out;
  PAWL_TRY(auto plan, plan_role(bench, list, &published));
  const auto prefix = manifest::release_role("");
  if (role.starts_with(prefix)) {
    out.products[role.substr(prefix.size())] = std::move(plan);
  } else {
    out.top[role] = std::move(plan);
  }
  return out;
}

/// Signs and publishes what the proposal changes, or only says it with --dry-run.
Status apply(const cli::Args& args, cli::Io& io, Workbench& bench, const Repository& published,
             const Proposal& proposal) {
  const auto now = bench.clock().now();
  PAWL_TRY(const auto draft, new_ceremony(bench.disk(), published, proposal, bench.config().expiry,
                                          now, bench.ring()));
  PAWL_TRY(const auto view, check_ceremony(draft, published.id));
  json::Array changes;
  std::string text;
  for (const auto& change : view.changes) {
    changes.emplace_back(change.words);
    text += change.words + "\n";
  }
  json::Object result;
  result.set("changes", std::move(changes));
  if (args.flag("--dry-run")) {
    result.set("changed", false);
    io.result(std::move(result), "would change:\n" + text);
    return Ok{};
  }
  Revision revision(published, bench.config().expiry, now);
  if (draft.role == "root") {
    revision.set_root(view.root);
  } else {
    revision.set_targets(view.targets);
  }
  PAWL_CHECK(renew_below(bench.disk(), draft, view, published, revision));
  return sign_and_publish(bench, revision, {}, std::move(result), text, io);
}

/// The record of one key: as in plan_role.
Result<manifest::KeyId> id_of(Workbench& bench, const Repository& published,
                              const std::string& reference) {
  PAWL_TRY(const auto plan, plan_role(bench, {{reference}, 1}, &published));
  return plan.keys.front().id();
}

struct Opened {
  std::unique_ptr<Workbench> bench;
  LockedRepository locked;
};
Result<Opened> open(const cli::Args& args, cli::Io& io) {
  Opened out;
  PAWL_TRY(out.bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), out.bench->config().expiry));
  PAWL_TRY(out.locked, out.bench->lock_and_load());
  return out;
}

/// Applies one change to the list of keys of ROLE.
template <class Edit>
Status edit_role(const cli::Args& args, cli::Io& io, const Edit& edit) {
  PAWL_TRY(auto opened, open(args, io));
  const auto& published = opened.locked.repository;
  const auto& role = args.value("ROLE");
  PAWL_TRY(auto list, keys_in_force(published, role));
  PAWL_CHECK(edit(*opened.bench, published, list));
  PAWL_TRY(const auto proposal, proposal_for(*opened.bench, published, role, list));
  return apply(args, io, *opened.bench, published, proposal);
}

}  // namespace

Status run_repo_add_key(const cli::Args& args, cli::Io& io) {
  const auto& key = args.value("KEY");
  return edit_role(
      args, io, [&](Workbench& bench, const Repository& published, KeyList& list) -> Status {
        PAWL_TRY(const auto id, id_of(bench, published, key));
        if (std::find(list.keys.begin(), list.keys.end(), kById + id.text) != list.keys.end()) {
          return fail(Errc::kUsage, printable(key) + " is a key of that role already");
        }
        list.keys.push_back(key);
        return Ok{};
      });
}

Status run_repo_revoke_key(const cli::Args& args, cli::Io& io) {
  const auto& key = args.value("KEY");
  return edit_role(
      args, io, [&](Workbench& bench, const Repository& published, KeyList& list) -> Status {
        PAWL_TRY(const auto id, id_of(bench, published, key));
        if (std::erase(list.keys, kById + id.text) == 0) {
          return fail(Errc::kUsage, printable(key) + " is no key of that role")
              .with_hint("pawl-signer inspect metadata/N.root.json shows who is");
        }
        if (list.keys.size() >= list.threshold) return Ok{};
        return fail(Errc::kUsage, "without it the role has " + std::to_string(list.keys.size()) +
                                      " keys and needs " + std::to_string(list.threshold))
            .with_hint("add a key first, or lower the threshold");
      });
}

Status run_repo_set_threshold(const cli::Args& args, cli::Io& io) {
  constexpr std::uint64_t kMost = 64;
  PAWL_TRY(const auto number, args.number("N", 1, kMost));
  return edit_role(args, io, [&](Workbench&, const Repository&, KeyList& list) -> Status {
    list.threshold = static_cast<unsigned>(*number);
    if (list.threshold <= list.keys.size()) return Ok{};
    return fail(Errc::kUsage, "the role has " + std::to_string(list.keys.size()) +
                                  " keys, they cannot reach " + std::to_string(*number));
  });
}

Status run_repo_delegate(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(const auto product, parse_product("PRODUCT=KEYS", args.value("PRODUCT=KEYS")));
  PAWL_TRY(auto opened, open(args, io));
  const auto& published = opened.locked.repository;
  const auto role = manifest::release_role(product.product);
  if (published.delegation(role) != nullptr) {
    return fail(Errc::kUsage, product.product + " is a product line already")
        .with_hint("pawl-signer repo add-key " + role + " KEY changes who signs it");
  }
  PAWL_TRY(const auto proposal, proposal_for(*opened.bench, published, role, product.list));
  return apply(args, io, *opened.bench, published, proposal);
}

}  // namespace pawl::signer
