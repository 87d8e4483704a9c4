#pragma once
#include <string>

#include "manifest/ticket.hpp"
#include "signer/key_ring.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// What a person asks for: the numbers that `pawl-updater override` printed on the device, the
/// release, and what is to be waived for it.
struct OverrideInput {
  std::string product;
  std::string version;
  std::string device;  // 64 hexadecimal digits each
  std::string nonce;
  std::vector<std::string> waivers;
  UtcTime expires{};
};

/// The ticket, unsigned (FORMAT 15.2). @return kNotForDevice when the repository does not list the
/// release, or root's policy has no development keys for the product; kUsage
[[nodiscard]] Result<manifest::Ticket> plan_override(const Repository& repository,
                                                     const OverrideInput& input);

struct SignedOverride {
  Bytes file;
  std::vector<manifest::KeyId> signers;
};
/// Signs with the development keys at hand and checks the file as a device does.
/// @return kIncomplete when too few are at hand
[[nodiscard]] Result<SignedOverride> sign_override(const Repository& repository,
                                                   const manifest::Ticket& ticket, KeyRing& ring);

}  // namespace pawl::signer
