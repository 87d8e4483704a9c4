#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "signer/expiry.hpp"
#include "signer/key_ring.hpp"
#include "signer/publication.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// A YubiHSM takes this many bytes in one signature; older firmware takes 2,026 (FORMAT 11).
inline constexpr std::size_t kTokenLimit = 3114;
inline constexpr std::size_t kOldTokenLimit = 2026;

/// The next state of a repository, as values, and which roles have to be signed for it. What lies
/// above a changed role follows by itself: a product role changes snapshot, snapshot changes
/// timestamp.
class Revision {
 public:
  /// @param base  what is published; for a new repository, what `repo init` made up
  /// @param now   expiry is counted from here
  Revision(Repository base, const Expiry& expiry, UtcTime now);

  [[nodiscard]] const Repository& state() const { return next_; }
  [[nodiscard]] const Repository& base() const { return base_; }
  /// Same content, new version and expiry.
  void renew(const std::string& role);
  /// Replaces the content; the header is filled in by `sign`.
  void set_root(manifest::Root root);
  void set_policy(const manifest::Policy& policy);  // changes root
  void set_targets(manifest::Targets targets);
  void set_role(const std::string& role, manifest::Targets targets);

  /// Takes a version that was signed elsewhere; `sign` only checks it. For root, the policy it
  /// names comes along. @return kMalformed, or kLedger when that version is on disk already
  [[nodiscard]] Status adopt(const std::string& role, Bytes file, std::optional<Bytes> policy);
  /// The bytes that `sign` would sign for `role` now; for signing elsewhere.
  [[nodiscard]] std::string draft(const std::string& role) const;

  /// A role that decides something: every one but snapshot and timestamp, which only say what is
  /// there.
  struct Decision {
    std::string role;
    MetadataVersion version{1};
    std::string text;  // the bytes that `sign` signs
  };
  struct Decisions {
    Sha256Digest repository;  // also of one whose first root is signed here
    std::vector<Decision> roles;
  };
  /// What `sign` signs here of that kind; nothing that was signed elsewhere.
  [[nodiscard]] Decisions decisions() const;
  /// The next version of `role` is above `version`, even if nothing of it is on disk.
  void start_above(const std::string& role, MetadataVersion version);
  /// All that `sign` needs is at hand. Asks for no PIN. @return kIncomplete, kTooLarge
  [[nodiscard]] Status check_ready(KeyRing& ring) const;

  struct Summary {
    std::string role;
    MetadataVersion version{1};
    UtcTime expires{};
    std::size_t size = 0;  // of the signed part, bytes
    std::vector<manifest::KeyId> signers;
  };
  struct Signed {
    Publication publication;
    std::vector<Summary> roles;  // in the order signed
  };
  /// Chooses keys for every role and compares sizes with what their tokens take first, so that no
  /// PIN is asked for when something is missing; then signs from root to timestamp and checks every
  /// file as a client would.
  /// @return kIncomplete, kTooLarge, or the error of a token; nothing is written in any case
  [[nodiscard]] Result<Signed> sign(KeyRing& ring);

 private:
  struct Draft {
    std::string role;
    std::vector<manifest::RoleKeys> keys;  // each threshold must be reached
    std::vector<manifest::KeyId> signers;
  };
  [[nodiscard]] Result<std::vector<Draft>> plan(KeyRing& ring) const;
  [[nodiscard]] Status check_development_keys() const;
  [[nodiscard]] Status check_sizes(const std::vector<Draft>& drafts, KeyRing& ring) const;
  [[nodiscard]] std::vector<manifest::RoleKeys> keys_for(const std::string& role) const;
  [[nodiscard]] manifest::Header header_for(const std::string& role) const;
  [[nodiscard]] std::string text_for(const std::string& role);
  [[nodiscard]] Result<Bytes> sign_one(const Draft& draft, KeyRing& ring, Signed& out);

  Repository base_;
  Repository next_;
  Expiry expiry_;
  UtcTime now_;
  std::set<std::string> changed_;
  std::map<std::string, Bytes> adopted_;
  std::optional<Bytes> policy_file_;
  Bytes snapshot_file_;  // as signed in this revision; timestamp names its digest
};

/// What to say about sizes: one line for each role that a token could not sign.
[[nodiscard]] std::vector<std::string> size_warnings(const std::vector<Revision::Summary>& roles);

}  // namespace pawl::signer
