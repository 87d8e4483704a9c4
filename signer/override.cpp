#include "signer/override.hpp"

#include <algorithm>

#include "manifest/path.hpp"

namespace pawl::signer {
namespace {

Result<manifest::TicketNumber> number(std::string_view option, const std::string& text) {
  auto out = fixed_from_hex<manifest::TicketNumber>(text);
  if (out) return out;
  return fail(Errc::kUsage, std::string(option) + " must be 64 hexadecimal digits")
      .with_hint("copy it from `pawl-updater override` on the device");
}

Result<std::vector<manifest::Waiver>> waivers_of(const std::vector<std::string>& names) {
  auto sorted = names;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<manifest::Waiver> out;
  for (const auto& name : sorted) {
    const auto waiver = manifest::parse_waiver(name);
    if (!waiver) {
      return fail(Errc::kUsage, "--waive: " + waiver.error().what())
          .with_hint("release-counter or rollout-window; nothing waives the security version");
    }
    out.push_back(*waiver);
  }
  if (!out.empty()) return out;
  return fail(Errc::kUsage, "a ticket has to waive something")
      .with_hint("--waive release-counter, --waive rollout-window");
}

Result<manifest::RoleKeys> development_keys(const Repository& repository,
                                            const std::string& product) {
  const auto found = repository.policy.development.find(product);
  if (found != repository.policy.development.end()) {
    return manifest::select_keys(found->second.keys, found->second.role);
  }
  return fail(Errc::kNotForDevice,
              "devices of product " + printable(product) + " are no development devices")
      .with_hint(
          "root says so in policy.json: repo init --development, ceremony new "
          "--development");
}

}  // namespace

Result<manifest::Ticket> plan_override(const Repository& repository, const OverrideInput& input) {
  PAWL_TRY(const auto keys, development_keys(repository, input.product));
  (void)keys;
  manifest::Ticket out;
  out.repository = repository.id;
  out.product = input.product;
  PAWL_TRY(out.device, number("--device", input.device));
  PAWL_TRY(out.nonce, number("--nonce", input.nonce));
  PAWL_TRY(out.waivers, waivers_of(input.waivers));
  out.expires = input.expires;
  const auto role = repository.roles.find(manifest::release_role(input.product));
  if (role != repository.roles.end()) {
    const auto& listed = role->second.targets;
    const auto target = listed.find(manifest::release_path(input.product, input.version));
    if (target != listed.end() && target->second.hashes.sha256) {
      out.manifest = *target->second.hashes.sha256;
      return out;
    }
  }
  return fail(Errc::kNotForDevice,
              input.product + " " + printable(input.version) + " is not published")
      .with_hint("pawl-signer verify lists what is");
}

Result<SignedOverride> sign_override(const Repository& repository, const manifest::Ticket& ticket,
                                     KeyRing& ring) {
  PAWL_TRY(const auto keys, development_keys(repository, ticket.product));
  const auto role = manifest::ticket_role(ticket.product);
  const auto text = ticket.serialise();
  SignedOverride out;
  PAWL_TRY(out.signers, ring.choose(role, keys));
  for (const auto& id : out.signers) PAWL_CHECK(ring.check_size(id, role, text.size()));
  std::vector<manifest::Signature> signatures;
  for (const auto& id : out.signers) {
    PAWL_TRY(auto signature, ring.sign(id, text));
    signatures.push_back(std::move(signature));
  }
  out.file = manifest::assemble_envelope(text, std::move(signatures));
  PAWL_TRY(const auto again,
           manifest::UnverifiedEnvelope::split(out.file, manifest::Ticket::kMaxBytes,
                                               manifest::Profile::kStrict));
  PAWL_CHECK(again.verify(keys));
  PAWL_CHECK(manifest::Ticket::parse(again.signed_text()));
  return out;
}

}  // namespace pawl::signer
