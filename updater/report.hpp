#pragma once
#include "base/cli/command.hpp"
#include "updater/agent.hpp"
#include "updater/doctor.hpp"
#include "updater/enroll.hpp"
#include "updater/provision.hpp"
#include "updater/verbs.hpp"

/// The results of the verbs as text and as JSON (docs/man/pawl-updater.scd).
namespace pawl::updater {

void print(cli::Io& io, const ProvisionResult& result, std::string_view floor_kind);
void print(cli::Io& io, const CheckResultOf& result);
void print(cli::Io& io, const InstallResult& result, std::string_view floor_kind);
void print(cli::Io& io, const manifest::Tickets& request, const std::string& product);
void print(cli::Io& io, const BootResult& result, std::string_view floor_kind);
void print(cli::Io& io, const TrialResult& result, std::string_view floor_kind);
void print(cli::Io& io, const RollbackResult& result, std::string_view floor_kind);
void print(cli::Io& io, const StatusResult& result);
void print(cli::Io& io, const PollResult& result);
void print(cli::Io& io, const std::vector<Finding>& findings);
void print(cli::Io& io, const EnrolmentResult& result);
void print(cli::Io& io, const Config& config, const std::string& path);

}  // namespace pawl::updater
