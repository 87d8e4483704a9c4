#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "bootloader-hooks/slot.hpp"
#include "http/client.hpp"
#include "manifest/transparency.hpp"

namespace pawl::updater {

/// `updater.toml` (FORMAT 5.6). Lives inside the verified image; paths that do not begin with `/`
/// are below the folder of the configuration file.
struct Config {
  struct Device {
    std::string product;
    std::string hardware;   // revision
    std::string vendor_id;  // UUID
    std::string class_id;   // UUID
  };
  struct SlotPaths {
    std::string rootfs;  // block device or file of fixed size
    std::string uki;     // file; with systemd-boot, grub and uefi it has a fixed place on the ESP
  };
  enum class Backend : std::uint8_t { kFile, kSystemdBoot, kUBoot, kGrub, kUefi };
  struct Boot {
    Backend backend = Backend::kFile;
    std::string profile;  // efi-uki grub-uki uboot-uki uboot-bootm
    std::string state;    // file: the boot-state file
    std::string booted;   // file: the marker of the firmware; u-boot: the device tree's property
    std::string esp;      // systemd-boot, grub, uefi: mount point of the EFI system partition
    std::string environment;  // u-boot: fw_env.config
    std::uint64_t loader_version = 0;
    std::optional<std::string> reboot;  // program that restarts the device after a revert
  };
  /// A distributor; without one the repository is a folder.
  struct Server {
    http::Origin origin;
    identity::SpiffeId id;  // the only peer accepted
  };
  struct Identity {
    enum class Source : std::uint8_t { kFiles, kWorkloadApi, kIssuer };
    Source source = Source::kFiles;
    std::string folder;    // files; empty: svid/ of the state directory
    std::string endpoint;  // workload-api
  };
  /// Who gives this device its SVID, with source = "issuer".
  struct Issuer {
    http::Origin origin;
    identity::SpiffeId id;  // the only peer accepted
    std::string bundle;     // file of the image: the authorities of the issuer's domain
    std::string tcti;
  };
  struct Health {
    std::string directory = "/etc/pawl/health.d";
    Seconds timeout{60};  // of one check; 1 s to 1 h
    Seconds uptime{0};    // least time since the boot before the verdict; 0 s to 1 h
  };

  struct Hooks {
    std::string directory = "/etc/pawl/hooks.d";
    Seconds timeout{60};  // of one hook; 1 s to 1 h
  };

  /// A dedicated TPM; without it nothing is sealed and the floor is soft.
  struct Tpm {
    std::string tcti;
    std::string event_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
    std::string handover = "/run/pawl/cell";
    FixedBytes<struct RecoveryPublicKeyTag, 32> recovery_key;  // X25519
  };

  Device device;
  std::string repository;  // folder behind server.url file://; empty with a server
  std::optional<Server> server;
  std::optional<Identity> identity;
  std::optional<Issuer> issuer;
  Seconds poll{3600};  // between two polls of the server; 60 s to 7 days
  std::string trust_root = "/etc/pawl/root.json";
  UtcTime build_epoch{};  // no clock is believed to be before this
  manifest::LogMode tlog = manifest::LogMode::kWarn;
  std::array<SlotPaths, 2> slots;  // a, b
  Boot boot;
  Health health;
  Hooks hooks;
  std::optional<Tpm> tpm;

  [[nodiscard]] const SlotPaths& slot(boot::Slot which) const {
    return slots[which == boot::Slot::kA ? 0 : 1];
  }
};

/// Parses and checks a configuration. Unknown, repeated, missing and contradicting keys are
/// kConfig and name file and line. Nothing is defaulted that weakens a check.
/// @param origin  path of the file: for messages and as the base of relative paths
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& origin);

}  // namespace pawl::updater
