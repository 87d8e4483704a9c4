#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "manifest/release.hpp"

namespace pawl::signer {

/// What `--component` says: name=rootfs,slot_role=rootfs,install=erofs-verity,image=FILE and,
/// for erofs-verity, verity_root=HEX.
struct ComponentSpec {
  std::string name;
  manifest::SlotRole slot_role = manifest::SlotRole::kRootfs;
  manifest::Install install;
  std::string image;  // path; must not hold a comma
  std::optional<Sha256Digest> verity_root;
};

/// @return kUsage naming the member: unknown, repeated, missing or out of its set
[[nodiscard]] Result<ComponentSpec> parse_component_spec(std::string_view text);

}  // namespace pawl::signer
