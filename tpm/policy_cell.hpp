#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "tpm/context.hpp"
#include "tpm/nv_objects.hpp"
#include "tpm/policy.hpp"

namespace pawl::tpm {

inline constexpr std::size_t kMaxSecret = 128;  // bytes of a sealed object
inline constexpr std::size_t kMaxBlob = 1024;   // of its private or public area

/// The releases the cell allows, in order, and which of them runs now. Computed from verified
/// manifests and the live event log at every start; never read from a disk.
struct CellText {
  std::vector<Branch> branches;  // 1 to 8
  std::size_t running = 0;       // position in `branches`
  friend bool operator==(const CellText&, const CellText&) = default;
};
/// The 34 bytes that stand for this text. @return kInternal for a text without branches.
[[nodiscard]] Result<CellContent> content_of(const CellText& text);

/// A sealed or a signing object outside the TPM, as marshalled by it. Not secret.
struct KeyBlob {
  Bytes private_area;  // TPM2B_PRIVATE
  Bytes public_area;   // TPMT_PUBLIC
};

/// Counter, cell, anchor and storage root key of a dedicated TPM, and what an allowed boot state
/// may do with them: open secrets, move the cell, move the anchor, raise the counter.
///
/// Every operation satisfies the policy anew and repeats when a PCR moved meanwhile.
/// Errors are kTpm; kPolicyRefused means that this boot state (or the counter) is not in the cell.
/// Source: ARCHITECTURE; FORMAT 6.5, 6.6.
class PolicyCell {
 public:
  /// Finds the objects and compares their Names with those that policies were computed for.
  ///
  /// @param srk  Name of the storage root key, pinned at provisioning
  /// @return kCleared, kForeign, kNotProvisioned, kTampered: in this order of checks
  static Result<PolicyCell> attach(Context& tpm, const Name& srk);

  [[nodiscard]] Result<std::uint64_t> counter();
  [[nodiscard]] Result<CellContent> cell();
  [[nodiscard]] Result<Anchor> anchor();
  [[nodiscard]] Result<RecordsAnchor> records_anchor();

  /// Seals a secret of 1 to 128 bytes under PolicyAuthorizeNV(cell). Needs no allowed state.
  [[nodiscard]] Result<KeyBlob> seal(const SecretBytes& secret);
  /// The secret crosses the bus encrypted.
  [[nodiscard]] Result<SecretBytes> unseal(const KeyBlob& blob, const CellText& text);

  /// Replaces the text of the cell: one atomic write that moves every secret.
  /// After a lost answer, read the cell: it holds one text or the other, whole.
  [[nodiscard]] Status write_cell(const CellText& now, const CellText& next);
  /// Writes once more what the cell holds: proves that the owner policy lets this boot state write.
  [[nodiscard]] Status rewrite_cell(const CellText& now);
  /// Each writes its part of the anchor and leaves the other alone.
  [[nodiscard]] Status write_anchor(const CellText& now, const Anchor& anchor);
  [[nodiscard]] Status write_records_anchor(const CellText& now, const RecordsAnchor& anchor);
  /// Increments while the counter is below `target`; calling it again changes nothing.
  /// @return kTpm (kCounter) when `target` is more than 64 above the counter.
  [[nodiscard]] Status raise_counter(const CellText& now, std::uint64_t target);

  [[nodiscard]] EsysHandle srk() const { return srk_; }

 private:
  struct Handles {
    EsysHandle srk, counter, cell, anchor;
  };
  PolicyCell(Context& tpm, const Handles& h)
      : tpm_(tpm), srk_(h.srk), counter_(h.counter), cell_(h.cell), anchor_(h.anchor) {}
  [[nodiscard]] Result<Bytes> read(EsysHandle index, std::uint16_t size, std::uint16_t offset = 0);
  [[nodiscard]] Status satisfy(const Loaded& session, const CellText& text);
  [[nodiscard]] Status satisfy_owner(const Loaded& session, const CellText& text,
                                     CommandCode command);
  [[nodiscard]] Status write(EsysHandle index, ByteView bytes, const CellText& now,
                             std::uint16_t offset = 0);
  [[nodiscard]] Status increment(const CellText& now);
  /// Runs `use` with a satisfied policy session until no PCR moves in between.
  [[nodiscard]] Status with_policy(const std::function<Status(const Loaded&)>& satisfy,
                                   const std::function<Status(const Loaded&)>& use);

  Context& tpm_;
  EsysHandle srk_;
  EsysHandle counter_;
  EsysHandle cell_;
  EsysHandle anchor_;
};

}  // namespace pawl::tpm
