#pragma once
#include <string>
#include <vector>

#include "manifest/trusted_set.hpp"

namespace pawl::manifest {

/// What a ticket may waive. The security floor, the ceiling and everything that says which device
/// a release is for are not among it.
enum class Waiver : std::uint8_t {
  kReleaseCounter,  // the release counter may be that of a release already left behind
  kRolloutWindow,   // the rollout window does not matter
};
/// "release-counter", "rollout-window".
[[nodiscard]] std::string_view waiver_name(Waiver waiver);
/// @return kMalformed for any other word
[[nodiscard]] Result<Waiver> parse_waiver(std::string_view name);

/// The role that origin and policy.json know the signers of tickets by: "debug-gw3".
[[nodiscard]] std::string ticket_role(std::string_view product);

/// The signed part of an override ticket (FORMAT 15.2): one device, one release, used once.
struct Ticket {
  static constexpr std::size_t kMaxBytes = 4096;  // of the whole file

  Sha256Digest repository;
  std::string product;
  TicketNumber device;
  TicketNumber nonce;
  Sha256Digest manifest;        // of the one release it is for
  std::vector<Waiver> waivers;  // in the order of their names, each once
  UtcTime expires{};

  /// @param signed_text canonical JSON, as UnverifiedEnvelope gives it. @return kMalformed
  [[nodiscard]] static Result<Ticket> parse(std::string_view signed_text);
  [[nodiscard]] std::string serialise() const;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

/// A ticket that is good here and now. Only `accept` makes one.
class Override {
 public:
  /// Signatures by the product's development keys, then repository, product, device, nonce, expiry
  /// (FORMAT 15.3).
  ///
  /// @param trusted  after a refresh: its policy says whether this is a development device
  /// @param tickets  of the floors record; nothing was asked for when absent
  /// @return kNotForDevice, kBadSignature, kMalformed, kTooLarge, kExpired; kRollback for a nonce
  ///         that is not the outstanding one, as after the ticket was used
  [[nodiscard]] static Result<Override> accept(ByteView file, const TrustedSet& trusted,
                                               const std::string& product,
                                               const std::optional<Tickets>& tickets);
  /// kMixAndMatch when the ticket is for another release.
  [[nodiscard]] Status check_release(const Sha256Digest& manifest) const;
  [[nodiscard]] bool waives(Waiver waiver) const;
  [[nodiscard]] const Ticket& ticket() const { return ticket_; }
  [[nodiscard]] const std::vector<KeyId>& signers() const { return signers_; }

 private:
  Override(Ticket ticket, std::vector<KeyId> signers)
      : ticket_(std::move(ticket)), signers_(std::move(signers)) {}
  Ticket ticket_;
  std::vector<KeyId> signers_;
};

}  // namespace pawl::manifest
