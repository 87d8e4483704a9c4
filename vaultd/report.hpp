#pragma once
#include <string>

#include "base/cli/command.hpp"
#include "vaultd/verbs.hpp"

/// Results of the verbs as text and JSON. Each names the protector.
namespace pawl::vaultd {

void print_init(cli::Io& io, const Config& config, const vault::VaultStatus& made);
void print_put(cli::Io& io, const Config& config, const vault::EntryInfo& entry);
void print_got(cli::Io& io, const Config& config, const std::string& name, const Range& range,
               const GetResult& got, const std::string& file);
void print_value(cli::Io& io, const Config& config, const std::string& name, const Range& range,
                 const GetValue& got);
void print_list(cli::Io& io, const Config& config, const std::vector<vault::EntryInfo>& entries);
void print_removed(cli::Io& io, const Config& config, const vault::EntryInfo& entry,
                   DryRun dry_run);
void print_rotated(cli::Io& io, const Config& config, const vault::VaultStatus& after,
                   Rotation rotation);
void print_recovered(cli::Io& io, const Config& config, const vault::VaultStatus& after);
void print_status(cli::Io& io, const Config& config, const StatusResult& status);
void print_config(cli::Io& io, const Config& config, const std::string& path);

/// What a person must know of the protector before anything else; empty for one that protects.
[[nodiscard]] std::string_view warning_of(const Config& config);

}  // namespace pawl::vaultd
