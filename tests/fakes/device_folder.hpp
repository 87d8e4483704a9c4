#pragma once
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "base/disk.hpp"
#include "fakes/fake_device.hpp"

namespace pawl::fakes {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

inline void spill(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}
inline void spill(const std::filesystem::path& path, ByteView bytes) {
  spill(path, as_text(bytes));
}

/// Moves a simulated repository to the present: valid now, whatever the date.
inline void renew(RepoSimulator& repo) {
  repo.now = std::chrono::floor<Seconds>(std::chrono::system_clock::now());
  repo.root.header.expires = repo.now + std::chrono::hours(24 * 365);
  repo.publish_root();
  repo.repository = manifest::Root::repository_id(repo.root.serialise());
  repo.bump();
}

/// Writes what `factory` serves as a repository folder.
inline void write_repository(ReleaseFactory& factory, const std::filesystem::path& folder) {
  for (const auto& [name, bytes] : factory.repo.metadata_files) {
    spill(folder / "metadata" / name, bytes);
  }
  for (const auto& [name, bytes] : factory.repo.target_files) {
    spill(folder / "targets" / name, bytes);
  }
  for (const auto& [name, bytes] : factory.blobs.files) spill(folder / "blobs" / name, bytes);
}

/// A device made of files for the real program: two slots, loader, configuration, health checks.
class DeviceFolder {
 public:
  DeviceFolder(ReleaseFactory& factory, std::filesystem::path folder, std::size_t slot_size,
               const std::string& version)
      : path(std::move(folder)), factory_(factory) {
    const auto& images = factory.releases.at(version);
    write_repository(factory, path / "repo");
    spill(path / "root.json", factory.repo.root_file(1));
    spill(path / "boot/state", "primary=a trial=- tries=0 bad=-\n");
    spill(path / "slots/a/rootfs.img", images.rootfs);
    spill(path / "slots/b/rootfs.img", std::string_view());
    std::filesystem::resize_file(path / "slots/a/rootfs.img", slot_size);
    std::filesystem::resize_file(path / "slots/b/rootfs.img", slot_size);
    spill(path / "slots/a/uki.efi", images.uki);
    spill(path / "state/installed/a.manifest.json", images.release.serialise());
    health("exit 0");
    spill(path / "updater.toml", config(images.release));
    start();
  }

  /// Replaces the one health check.
  void health(const std::string& body) const {
    const auto script = path / "health.d/10-check";
    spill(script, "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  }
  /// One power cycle of a loader that obeys boot/state and the bytes in the slots.
  /// @return the slot that is up, or nothing
  std::string start() {
    auto line = slurp(path / "boot/state");
    if (line.size() < 32) return {};
    std::string slot = line.substr(8, 1);
    const auto trial = line.substr(16, 1);
    const char tries = line[24];
    if (trial != "-" && tries > '0') {
      slot = trial;
      line[24] = static_cast<char>(tries - 1);
      spill(path / "boot/state", line);
    }
    ++boots_;
    if (!whole_version(slot)) return {};
    spill(path / "run/booted", "slot=" + slot + " boot_id=boot-" + std::to_string(boots_) + "\n");
    return slot;
  }
  [[nodiscard]] std::optional<std::string> whole_version(const std::string& slot) const {
    const auto rootfs = slurp(path / "slots" / slot / "rootfs.img");
    const auto uki = slurp(path / "slots" / slot / "uki.efi");
    for (const auto& [version, images] : factory_.releases) {
      if (rootfs.starts_with(as_text(images.rootfs)) && uki == as_text(images.uki)) return version;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string boot_state() const { return slurp(path / "boot/state"); }

  std::filesystem::path path;

 private:
  [[nodiscard]] std::string config(const manifest::Release& release) const {
    return "[device]\nproduct = \"gw3\"\nhardware = \"b\"\nvendor_id = \"" + release.vendor_id +
           "\"\nclass_id = \"" + release.class_id + "\"\n[server]\nurl = \"file://" +
           (path / "repo").string() +
           "\"\n[trust]\nroot = \"root.json\"\n[slots.a]\nrootfs = \"slots/a/rootfs.img\"\n"
           "uki = \"slots/a/uki.efi\"\n[slots.b]\nrootfs = \"slots/b/rootfs.img\"\n"
           "uki = \"slots/b/uki.efi\"\n[boot]\nbackend = \"file\"\nprofile = \"efi-uki\"\n"
           "state = \"boot/state\"\nbooted = \"run/booted\"\n[health]\ndirectory = \"health.d\"\n"
           "timeout = 10\n";
  }
  ReleaseFactory& factory_;
  unsigned boots_ = 0;
};

}  // namespace pawl::fakes
