#pragma once
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/result.hpp"

namespace pawl::vaultd {

/// Numbers that systemd gives to services without a user of their own (DynamicUser=). The next
/// service may get the same one, so nothing that lasts may belong to them.
/// Source: systemd "Users, Groups, UIDs and GIDs", dynamic service users.
inline constexpr uid_t kDynamicFirst = 61184;
inline constexpr uid_t kDynamicLast = 65519;

/// Whether the process may use the vault of the configured user.
/// @param number   of that user; empty when the system knows no such user
/// @param running  effective user of this process
/// @return kConfig: no such user, or a dynamic one; kVault: somebody else
[[nodiscard]] Status check_owner(const std::string& user, std::optional<uid_t> number,
                                 uid_t running);

/// The number of a user; digits stand for themselves.
[[nodiscard]] Result<std::optional<uid_t>> number_of_user(const std::string& user);

}  // namespace pawl::vaultd
