#pragma once
#include <cstdint>
#include <string>

#include "base/disk.hpp"
#include "tpm/policy_cell.hpp"

namespace pawl::sealing {

/// What the updater found out about this boot and hands on to whoever opens secrets under the same
/// cell (FORMAT 8.2). It carries no authority: the TPM checks it, a wrong one opens nothing. So it
/// needs to be whole, not secret; it lies on a tmpfs that only root can write.
struct Handover {
  tpm::Name srk;               // pinned
  tpm::CellText text;          // what the cell holds, in slot order, and which branch runs
  std::uint64_t rotation = 0;  // rises when the epoch key has to be replaced (FORMAT 8.2.4)
};
inline constexpr std::size_t kMaxHandover = 8192;

[[nodiscard]] Bytes serialise(const Handover& handover);
/// @return kMalformed for anything but FORMAT 8.2
[[nodiscard]] Result<Handover> parse_handover(ByteView bytes);

/// The file, replaced whole; the directory is made when it is missing.
[[nodiscard]] Status write_handover(Disk& disk, const std::string& path, const Handover& handover);
/// @return kTpm (kNotProvisioned) when there is none, with a hint to run `pawl-updater boot`
[[nodiscard]] Result<Handover> read_handover(Disk& disk, const std::string& path);

}  // namespace pawl::sealing
