#include "base/bytes.hpp"
#include "signer/key_options.hpp"
#include "signer/ledger_book.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

Result<RolePlan> plan_option(Workbench& bench, const cli::Args& args, std::string_view option) {
  PAWL_TRY(const auto list, parse_key_list(option, args.value(option)));
  return plan_role(bench, list);
}

Result<RepositoryPlan> read_plan(Workbench& bench, const cli::Args& args) {
  RepositoryPlan plan;
  PAWL_TRY(plan.root, plan_option(bench, args, "--root"));
  PAWL_TRY(plan.targets, plan_option(bench, args, "--targets"));
  PAWL_TRY(plan.snapshot, plan_option(bench, args, "--snapshot"));
  PAWL_TRY(plan.timestamp, plan_option(bench, args, "--timestamp"));
  for (const auto& text : args.all("--product")) {
    PAWL_TRY(const auto product, parse_product("--product", text));
    PAWL_TRY(auto role, plan_role(bench, product.list));
    plan.products.push_back({product.product, std::move(role)});
  }
  for (const auto& text : args.all("--development")) {
    PAWL_TRY(const auto product, parse_product("--development", text));
    PAWL_TRY(plan.development[product.product], plan_role(bench, product.list));
  }
  PAWL_TRY(plan.policy.tlog, log_policy_option(args, bench.disk()));
  for (const auto& text : args.all("--ceiling")) {
    PAWL_TRY(const auto ceiling, parse_ceiling(text));
    if (!plan.policy.ceilings.emplace(ceiling.product, ceiling.highest).second) {
      return fail(Errc::kUsage, "--ceiling " + printable(ceiling.product) + " is there twice");
    }
  }
  return plan;
}

void warn_about(const RepositoryPlan& plan, cli::Io& io) {
  if (plan.products.empty()) {
    io.note("warning: no --product: nothing can be released until one is delegated");
  }
  for (const auto& [product, role] : plan.development) {
    io.note("warning: devices of product " + product +
            " are development devices: a ticket lets them go back to older releases");
  }
  for (const auto& product : plan.products) {
    if (plan.policy.ceilings.contains(product.product)) continue;
    io.note("warning: no --ceiling for " + product.product +
            ": only releases with security version 0 can be signed");
  }
}

}  // namespace

Status run_repo_init(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open_for_init(args, io));
  PAWL_TRY(const auto directory, bench->repository());
  PAWL_TRY(const auto plan, read_plan(*bench, args));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_TRY(auto first, first_state(plan, directory));
  warn_about(plan, io);
  PAWL_TRY(const auto lock, lock_repository(bench->disk(), directory));
  PAWL_TRY(const bool published, is_published(bench->disk(), directory));
  if (published) {
    return fail(Errc::kUsage, directory + " is a repository already")
        .with_hint("pawl-signer verify " + directory + " shows what it holds");
  }
  // nothing can have been signed for a repository whose first root is signed now
  PAWL_CHECK(begin_ledger(bench->disk(), bench->config().ledger));
  const auto roles = first.roles;
  Revision revision(std::move(first), bench->config().expiry, bench->clock().now());
  revision.set_policy(policy_of(plan));
  revision.renew("targets");
  for (const auto& [role, targets] : roles) revision.renew(role);
  PAWL_CHECK(
      sign_and_publish(*bench, revision, {}, {}, "repository " + directory + " is ready\n", io));
  const auto path = config_path_for(args.get("--config"), directory);
  return set_repository(bench->disk(), path, directory, revision.state().id,
                        bench->config().expiry);
}

}  // namespace pawl::signer
