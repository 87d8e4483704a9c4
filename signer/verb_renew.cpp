#include <algorithm>

#include "base/bytes.hpp"
#include "signer/keep_fresh.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

Status check_role(const Repository& repository, const std::string& role) {
  constexpr std::string_view kTop[] = {"root", "targets", "snapshot", "timestamp"};
  if (std::find(std::begin(kTop), std::end(kTop), role) != std::end(kTop)) return Ok{};
  if (repository.roles.contains(role)) return Ok{};
  std::string names;
  for (const auto& [name, targets] : repository.roles) names += ", " + name;
  return fail(Errc::kUsage, "--role " + printable(role) + ": there is no such role")
      .with_hint("root, targets, snapshot, timestamp" + names);
}

}  // namespace

Status run_renew(const cli::Args& args, cli::Io& io) {
  if (args.get("--every")) return keep_fresh(args, io);
  if (args.get("--status")) return fail(Errc::kUsage, "--status goes with --every");
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_TRY(auto locked, bench->lock_and_load());
  auto roles = args.all("--role");
  if (roles.empty()) roles.emplace_back("timestamp");
  for (const auto& role : roles) PAWL_CHECK(check_role(locked.repository, role));
  Revision revision(std::move(locked.repository), bench->config().expiry, bench->clock().now());
  for (const auto& role : roles) revision.renew(role);
  return sign_and_publish(*bench, revision, {}, {}, "renewed, content unchanged\n", io);
}

}  // namespace pawl::signer
