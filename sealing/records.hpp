#pragma once
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "tpm/nv_objects.hpp"

/// Records that a device's own software wrote and must be able to believe again: journal, floors,
/// device record. Authenticated by a key sealed under the cell; the key itself and the newest
/// floors are vouched for by the NV anchor (FORMAT 8.4). Pure functions.
namespace pawl::sealing {

inline constexpr std::string_view kRecordMagic = "pawl-record-v1 ";
/// Magic, two hashes of 64 digits, a blank and a line feed.
inline constexpr std::size_t kRecordHead = 15 + 64 + 1 + 64 + 1;

/// The key of the records. Whoever can seal can make one, so it counts only when the anchor names
/// it.
class RecordKey {
 public:
  static constexpr std::size_t kSize = 32;
  static Result<RecordKey> create(Random& random);
  /// @return kTpm (kTampered) unless the anchor names exactly this key
  static Result<RecordKey> accept(SecretBytes key, const tpm::RecordsAnchor& anchor);

  [[nodiscard]] const Sha256Digest& hash() const { return hash_; }
  [[nodiscard]] const SecretBytes& secret() const { return key_; }
  /// `payload` behind a head that authenticates it as the record `name`.
  /// @param follows  hash of the floors record that was anchored when this one was written
  [[nodiscard]] Result<Bytes> wrap(std::string_view name, ByteView payload,
                                   const Sha256Digest& follows) const;
  struct Opened {
    Bytes payload;
    Sha256Digest follows;
  };
  /// @return kTpm (kTampered) when the file is no record `name` of this key
  [[nodiscard]] Result<Opened> unwrap(std::string_view name, ByteView file) const;

 private:
  explicit RecordKey(SecretBytes key);
  [[nodiscard]] Result<Blake2bDigest> tag(std::string_view name, ByteView payload,
                                          const Sha256Digest& follows) const;
  SecretBytes key_;
  Sha256Digest hash_;
};

[[nodiscard]] bool is_record(ByteView file);
/// The payload of a record, or the whole file when it is none. NOTHING is verified: to show a
/// closed device, and to provision one.
[[nodiscard]] ByteView unverified_payload(ByteView file);

/// The floors are the anchored ones, or were written after those were (FORMAT 8.4.4).
/// @param file  the whole floors record, already unwrapped to `opened`
/// @return kRollback otherwise: an older record was put back
[[nodiscard]] Status check_newest_floors(ByteView file, const RecordKey::Opened& opened,
                                         const tpm::RecordsAnchor& anchor);

}  // namespace pawl::sealing
