#pragma once
#include <span>

#include "base/cli/command.hpp"

/// The verbs of pawl-signer: each reads its options, calls the room and prints one result.
namespace pawl::signer {

Status run_key_new(const cli::Args& args, cli::Io& io);
Status run_key_list(const cli::Args& args, cli::Io& io);
Status run_key_import_attestation(const cli::Args& args, cli::Io& io);
Status run_repo_add_key(const cli::Args& args, cli::Io& io);
Status run_repo_revoke_key(const cli::Args& args, cli::Io& io);
Status run_repo_set_threshold(const cli::Args& args, cli::Io& io);
Status run_repo_delegate(const cli::Args& args, cli::Io& io);
Status run_repo_init(const cli::Args& args, cli::Io& io);
Status run_release_build(const cli::Args& args, cli::Io& io);
Status run_release_add(const cli::Args& args, cli::Io& io);
Status run_release_withdraw(const cli::Args& args, cli::Io& io);
Status run_delta(const cli::Args& args, cli::Io& io);
Status run_release_prune(const cli::Args& args, cli::Io& io);
Status run_ledger_init(const cli::Args& args, cli::Io& io);
Status run_ledger_show(const cli::Args& args, cli::Io& io);
Status run_ceremony_new(const cli::Args& args, cli::Io& io);
Status run_ceremony_show(const cli::Args& args, cli::Io& io);
Status run_ceremony_sign(const cli::Args& args, cli::Io& io);
Status run_ceremony_merge(const cli::Args& args, cli::Io& io);
Status run_ceremony_check(const cli::Args& args, cli::Io& io);
Status run_ceremony_publish(const cli::Args& args, cli::Io& io);
Status run_renew(const cli::Args& args, cli::Io& io);
Status run_bundle(const cli::Args& args, cli::Io& io);
Status run_override(const cli::Args& args, cli::Io& io);
Status run_verify(const cli::Args& args, cli::Io& io);
Status run_lint(const cli::Args& args, cli::Io& io);
Status run_inspect(const cli::Args& args, cli::Io& io);
Status run_doctor(const cli::Args& args, cli::Io& io);

/// The whole program: its table of verbs.
[[nodiscard]] const cli::Program& program();

}  // namespace pawl::signer
