#pragma once
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tpm/policy.hpp"

/// Handles and attributes of what Pawl keeps in a TPM, and the bytes in it. FORMAT 6.6.
namespace pawl::tpm {

inline constexpr std::uint32_t kSrkHandle = 0x81000001;     // TCG: storage root key
inline constexpr std::uint32_t kCounterIndex = 0x01805001;  // owner range
inline constexpr std::uint32_t kCellIndex = 0x01805002;
inline constexpr std::uint32_t kAnchorIndex = 0x01805003;

inline constexpr std::uint16_t kCounterSize = 8;
inline constexpr std::uint16_t kCellSize = 34;
inline constexpr std::uint16_t kVaultAnchorSize = 72;    // first part of the anchor
inline constexpr std::uint16_t kRecordsAnchorSize = 64;  // second part
inline constexpr std::uint16_t kAnchorSize = kVaultAnchorSize + kRecordsAnchorSize;

// TPMA_NV: OWNERWRITE, OWNERREAD, AUTHREAD, NO_DA; the counter has type COUNTER as well.
inline constexpr std::uint32_t kNvAttributes = 0x02060002;
inline constexpr std::uint32_t kNvCounterAttributes = kNvAttributes | 0x10;

/// As defined and written once: these are the public areas whose Names the policies use.
inline constexpr NvPublic kCounterPublic{kCounterIndex, kNvCounterAttributes | kNvWritten,
                                         kCounterSize};
inline constexpr NvPublic kCellPublic{kCellIndex, kNvAttributes | kNvWritten, kCellSize};
inline constexpr NvPublic kAnchorPublic{kAnchorIndex, kNvAttributes | kNvWritten, kAnchorSize};

/// What the TPM remembers of the vault: a vault with another index or epoch key is refused.
struct Anchor {
  std::uint64_t generation = 0;
  Sha256Digest index_hash;
  Sha256Digest epoch_key_hash;
  friend bool operator==(const Anchor&, const Anchor&) = default;
};
using AnchorBytes = FixedBytes<struct AnchorBytesTag, kVaultAnchorSize>;
/// u64 big-endian, then the two hashes. FORMAT 6.6.3.
[[nodiscard]] AnchorBytes encode_anchor(const Anchor& anchor);
[[nodiscard]] Anchor decode_anchor(const AnchorBytes& bytes);

/// What the TPM remembers of the updater's records: whose they are, and the newest floors.
struct RecordsAnchor {
  Sha256Digest key_hash;     // of the key that authenticates them
  Sha256Digest floors_hash;  // of the floors record of the last commit
  friend bool operator==(const RecordsAnchor&, const RecordsAnchor&) = default;
};
using RecordsAnchorBytes = FixedBytes<struct RecordsAnchorBytesTag, kRecordsAnchorSize>;
/// The two hashes. FORMAT 6.6.7. Vault and updater each write their own part, in one command.
[[nodiscard]] RecordsAnchorBytes encode_records_anchor(const RecordsAnchor& anchor);
[[nodiscard]] RecordsAnchor decode_records_anchor(const RecordsAnchorBytes& bytes);

}  // namespace pawl::tpm
