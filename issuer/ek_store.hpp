#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/strong.hpp"
#include "tpm/policy.hpp"

namespace pawl::issuer {

/// Who vouched for a TPM.
enum class Origin : std::uint8_t {
  kListed,  // the operator, by the hash of its endorsement key
  kMaker,   // its maker, by a certificate
};
enum class Admission : std::uint8_t { kAdmitted, kBanned };

/// What the issuer knows of one TPM (FORMAT 13.5).
struct EkRecord {
  Origin origin = Origin::kListed;
  Admission admission = Admission::kAdmitted;
  std::optional<tpm::Name> ak;  // the only attestation key accepted, once one has enrolled
  std::string note;
};
struct ListedEk {
  Sha256Digest ek;  // EndorsementKey::fingerprint
  EkRecord record;
};

enum class Change : std::uint8_t { kNone, kDone };

/// One small file per TPM, named by its endorsement key: looking one up reads one file, and a power
/// cut leaves each as it was or as it is to be. Changes take the store's lock (kBusy), so the verbs
/// may be used while the issuer serves.
class EkStore {
 public:
  static constexpr std::size_t kMaxNote = 200;

  EkStore(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}
  /// @return kMalformed for a damaged file: such a TPM is refused, not forgotten.
  [[nodiscard]] Result<std::optional<EkRecord>> find(const Sha256Digest& ek);
  [[nodiscard]] Result<std::vector<ListedEk>> list();
  /// Admits; lifts a ban; an attestation key that is bound stays bound.
  /// @return kUsage for a note over 200 characters or with other than printable ASCII.
  [[nodiscard]] Result<Change> add(const Sha256Digest& ek, const std::string& note);
  /// Forgets the TPM and its attestation key. One that its maker vouches for can come back.
  [[nodiscard]] Result<Change> remove(const Sha256Digest& ek);
  /// Refuses the TPM from now on, whoever vouches for it.
  [[nodiscard]] Result<Change> ban(const Sha256Digest& ek);
  /// Keeps the first attestation key of a TPM; the same one again changes nothing.
  /// @return kPeer when another is bound, the TPM is banned, or it is no longer listed.
  [[nodiscard]] Status bind(const Sha256Digest& ek, Origin origin, const tpm::Name& ak);

 private:
  [[nodiscard]] std::string path_of(const Sha256Digest& ek) const;
  [[nodiscard]] Result<std::unique_ptr<DiskLock>> lock();
  [[nodiscard]] Status save(const Sha256Digest& ek, const EkRecord& record);
  Disk& disk_;
  std::string folder_;
};

/// The text of one record, and back. @return kTooLarge over 1 KiB, kMalformed.
[[nodiscard]] std::string write_ek_record(const EkRecord& record);
[[nodiscard]] Result<EkRecord> parse_ek_record(std::string_view text);

/// Whether this TPM and this attestation key may enrol, given what is known of it. @return kPeer.
[[nodiscard]] Status check_admitted(const std::optional<EkRecord>& record, Origin origin,
                                    const tpm::Name& ak);

}  // namespace pawl::issuer
