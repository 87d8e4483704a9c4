#include "vaultd/owner.hpp"

#include <array>
#include <charconv>

#include <pwd.h>

namespace pawl::vaultd {

Status check_owner(const std::string& user, std::optional<uid_t> number, uid_t running) {
  if (!number) {
    return fail(Errc::kConfig, "vault.user: there is no user " + user)
        .with_hint("name an existing user in vault.toml");
  }
  if (*number >= kDynamicFirst && *number <= kDynamicLast) {
    return fail(Errc::kConfig, "vault.user: " + user + " has the dynamic number " +
                                   std::to_string(*number) + ", which another service may get next")
        .with_hint("give the service a user of its own (User= without DynamicUser=)");
  }
  if (running != *number) {
    return fail(Errc::kVault, "the vault belongs to user " + user + " (number " +
                                  std::to_string(*number) + "), not to number " +
                                  std::to_string(running))
        .with_hint("run it as that user, or name another one in vault.toml");
  }
  return Ok{};
}

Result<std::optional<uid_t>> number_of_user(const std::string& user) {
  uid_t number = 0;
  const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), number);
  if (error == std::errc{} && end == user.data() + user.size()) return std::optional(number);
  std::array<char, 4096> memory{};
  passwd entry{};
  passwd* found = nullptr;
  const int failed = ::getpwnam_r(user.c_str(), &entry, memory.data(), memory.size(), &found);
  if (found != nullptr) return std::optional(found->pw_uid);
  if (failed != 0) return fail(Errc::kIo, "user " + user + " cannot be looked up", failed);
  return std::optional<uid_t>();
}

}  // namespace pawl::vaultd
