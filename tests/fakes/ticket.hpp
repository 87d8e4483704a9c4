#pragma once
#include "fakes/repo_simulator.hpp"
#include "manifest/ticket.hpp"

namespace pawl::fakes {

/// Makes the devices of a repository's product gw3 development devices: the next root says so.
inline void make_development(RepoSimulator& repo, const std::string& product = "gw3") {
  const SigningKey key("debug");
  manifest::DevelopmentKeys keys;
  keys.keys.emplace(key.id(), key.key());
  keys.role.key_ids = {key.id()};
  repo.policy.development[product] = std::move(keys);
  repo.bump_root();
}

/// A ticket for `tickets`' outstanding request and a release of `repo`, an hour long.
inline manifest::Ticket ticket_for(const RepoSimulator& repo, const manifest::Tickets& tickets,
                                   const manifest::Release& release) {
  manifest::Ticket out;
  out.repository = repo.repository;
  out.product = "gw3";
  out.device = tickets.device;
  if (tickets.nonce) out.nonce = *tickets.nonce;
  out.manifest = sha256(as_bytes(release.serialise()));
  out.waivers = {manifest::Waiver::kReleaseCounter};
  out.expires = repo.now + std::chrono::hours(24);
  return out;
}
inline Bytes signed_ticket(const manifest::Ticket& ticket, std::string_view key = "debug") {
  return RepoSimulator::sign(ticket.serialise(), {SigningKey(key)});
}

}  // namespace pawl::fakes
