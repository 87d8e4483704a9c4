#pragma once
#include <memory>

#include "base/cli/command.hpp"
#include "bootloader-hooks/efi_variables.hpp"
#include "manifest/directory_fetcher.hpp"
#include "updater/enroll.hpp"
#include "updater/net_link.hpp"
#include "updater/verbs.hpp"

namespace pawl::updater {

/// The parts of a real device, made from its configuration.
class Program {
 public:
  /// @return kIo or kConfig for the configuration file
  static Result<std::unique_ptr<Program>> open(const std::string& config_path,
                                               const std::string& state_directory, cli::Io& io);
  [[nodiscard]] Device& device() { return device_; }
  /// The connection to the distributor. @return kConfig when the configuration names none
  [[nodiscard]] Result<NetLink*> link();
  /// @return kConfig when the SVID does not come from an issuer
  [[nodiscard]] Result<Enroller*> enroller();

 private:
  Program(Config config, const std::string& state_directory, cli::Io& io);
  static std::unique_ptr<boot::BootControl> boot_control(Disk& disk, boot::EfiVariables& variables,
                                                         const Config& config);
  std::unique_ptr<Enroller> make_enroller(const StateDir& dir, Log& log);
  std::unique_ptr<NetLink> make_link(const StateDir& dir, Log& log);
  std::unique_ptr<manifest::Fetcher> make_fetcher();
  std::unique_ptr<BlobSource> make_blobs();
  static std::unique_ptr<Sealing> sealing(Disk& disk, Log& log, const StateDir& dir,
                                          const Config& config);

  Config config_;
  PosixDisk disk_;
  boot::Efivarfs variables_{disk_, "/sys/firmware/efi/efivars"};
  SystemClock clock_;
  std::unique_ptr<Sealing> sealing_;
  std::unique_ptr<boot::BootControl> boot_;
  std::unique_ptr<Enroller> enroller_;  // null: the SVID comes from elsewhere
  std::unique_ptr<NetLink> link_;       // null: the repository is a folder
  std::unique_ptr<manifest::Fetcher> fetcher_;
  std::unique_ptr<BlobSource> blobs_;
  HealthDirectory health_;
  LinuxHost host_{disk_};
  HookDirectory hooks_;
  Device device_;
};

/// The verbs of pawl-updater for cli::run.
[[nodiscard]] const cli::Program& program();

}  // namespace pawl::updater
