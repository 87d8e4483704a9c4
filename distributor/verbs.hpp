#pragma once
#include "base/cli/command.hpp"

/// The verbs of pawl-distributor, as main's table names them.
namespace pawl::distributor {

Status run_serve(const cli::Args& args, cli::Io& io);
Status run_check_config(const cli::Args& args, cli::Io& io);
Status run_publish(const cli::Args& args, cli::Io& io);
Status run_device_list(const cli::Args& args, cli::Io& io);
Status run_device_show(const cli::Args& args, cli::Io& io);
Status run_device_admit(const cli::Args& args, cli::Io& io);
Status run_device_ban(const cli::Args& args, cli::Io& io);
Status run_device_unban(const cli::Args& args, cli::Io& io);
Status run_device_retire(const cli::Args& args, cli::Io& io);
Status run_device_tag(const cli::Args& args, cli::Io& io);
Status run_release_list(const cli::Args& args, cli::Io& io);
Status run_release_withdraw(const cli::Args& args, cli::Io& io);
Status run_release_restore(const cli::Args& args, cli::Io& io);
Status run_audit(const cli::Args& args, cli::Io& io);
Status run_status(const cli::Args& args, cli::Io& io);

}  // namespace pawl::distributor
