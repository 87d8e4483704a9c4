#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/progress.hpp"
#include "manifest/release.hpp"
#include "payload/install.hpp"
#include "updater/blobs.hpp"
#include "updater/config.hpp"

namespace pawl::updater {

enum class PlaceKind : std::uint8_t {
  kSlot,  // block device or file of fixed size: written in place
  kFile,  // file of the image's size: written beside, then renamed
};

/// Where a component goes.
struct Place {
  PlaceKind kind = PlaceKind::kSlot;
  std::string path;
};

/// Where the components of both slots lie on this device.
struct Layout {
  std::string rootfs;
  std::string uki;
  /// @return kNotForDevice for an install kind or slot role this device has no place for
  [[nodiscard]] Result<Place> place_of(const manifest::Component& component) const;
};

/// One component with everything that is needed to write it, verified and checked for size.
struct PlannedComponent {
  manifest::Component component;
  Place place;
  payload::Index index;
  manifest::BlobReference container;
  std::string base_path;               // where the base image lies; empty for a full payload
  std::optional<payload::Index> full;  // to repair windows that the base cannot give
  manifest::BlobReference full_container;
};

struct InstallTotals {
  std::size_t windows = 0;
  std::size_t present = 0;    // were there already: this is where an interrupted install resumed
  std::uint64_t fetched = 0;  // bytes
};

/// Writes the components of a verified release to a slot that is not running.
class ComponentInstaller {
 public:
  struct Parts {
    Disk& disk;
    BlobSource& blobs;
    Progress& progress;
  };
  explicit ComponentInstaller(Parts parts) : parts_(parts) {}

  /// Fetches and checks every index and looks at every place; changes nothing.
  /// @param running  what the running slot holds, when it is known: the base of deltas
  /// @return kNoSpace naming slot and sizes, kIo (read-only), kHashMismatch, kMalformed,
  ///         kNotForDevice
  [[nodiscard]] Result<std::vector<PlannedComponent>> plan(const manifest::Release& release,
                                                           const Layout& target,
                                                           const Layout& running_layout,
                                                           const manifest::Release* running);
  /// windows -> sync -> drop cache -> read back (ARCHITECTURE); for a file then the rename.
  /// Resumes at the first window that is not there yet.
  [[nodiscard]] Result<InstallTotals> write(const PlannedComponent& planned);

 private:
  [[nodiscard]] Status choose_payload(PlannedComponent& planned, const Layout& running_layout,
                                      const manifest::Release* running);
  [[nodiscard]] Result<payload::Index> fetch_index(const manifest::Component& component,
                                                   const manifest::Payload& payload);
  [[nodiscard]] Status check_place(const PlannedComponent& planned);
  [[nodiscard]] Result<payload::InstallReport> write_windows(const PlannedComponent& planned,
                                                             File& target);
  [[nodiscard]] Result<payload::InstallReport> write_file(const PlannedComponent& planned);
  [[nodiscard]] Result<bool> in_place(const PlannedComponent& planned);
  Parts parts_;
};

}  // namespace pawl::updater
