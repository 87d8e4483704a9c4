#pragma once
#include "updater/device.hpp"
#include "updater/spool.hpp"

/// What becomes of an update, for the server. Nothing here can fail an update: a spool that cannot
/// be written is logged.
namespace pawl::updater {

/// Records what is new in the journal. Without a server nothing. Needs the lock.
void report(Device& device, const Record& record);
/// Records that a release was refused or could not be written, unless a retry may help.
/// @param offered  the manifest the server named; a release in the journal goes first
void report_failure(Device& device, const Record& record,
                    const std::optional<Sha256Digest>& offered, const Error& why);

}  // namespace pawl::updater
