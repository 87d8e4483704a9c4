#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/disk.hpp"

namespace pawl::updater {

enum class Watchdog : std::uint8_t { kNone, kIdle, kArmed };

/// What a path leads to: a block device by its number, anything else by file system and inode.
struct PathIdentity {
  bool block = false;
  unsigned major = 0;
  unsigned minor = 0;
  std::uint64_t inode = 0;  // 0 for a block device
  friend bool operator==(const PathIdentity&, const PathIdentity&) = default;
};

/// "folder/name".
std::string in_folder(std::string folder, std::string_view name);

/// What the machine says of itself right now. Nothing is kept: every call looks again.
class Host {
 public:
  virtual ~Host() = default;
  /// Lowest charge in percent of the batteries this device runs on; empty on mains or without one.
  /// A battery that does not tell its charge counts as empty.
  virtual Result<std::optional<unsigned>> battery() = 0;
  virtual Result<PathIdentity> identity(const std::string& path) = 0;
  /// Who uses a block device or a part of it: "mounted at /srv", "swap", "held by dm-0". Empty for
  /// an unused one and for a regular file.
  virtual Result<std::string> use_of(const std::string& path) = 0;
  virtual Result<Watchdog> watchdog() = 0;
  virtual bool executable(const std::string& path) = 0;
};

/// A Linux machine, by /proc and /sys.
class LinuxHost final : public Host {
 public:
  using IdentityOf = std::function<Result<PathIdentity>(const std::string&)>;
  using Executable = std::function<bool(const std::string&)>;
  /// The real ones; tests give others.
  static Result<PathIdentity> stat_identity(const std::string& path);
  static bool stat_executable(const std::string& path);

  explicit LinuxHost(Disk& disk, IdentityOf identity_of = &stat_identity,
                     Executable executable_of = &stat_executable)
      : disk_(disk), identity_(std::move(identity_of)), executable_(std::move(executable_of)) {}
  Result<std::optional<unsigned>> battery() override;
  Result<PathIdentity> identity(const std::string& path) override { return identity_(path); }
  Result<std::string> use_of(const std::string& path) override;
  Result<Watchdog> watchdog() override;
  bool executable(const std::string& path) override { return executable_(path); }

 private:
  [[nodiscard]] Result<std::string> line_of(const std::string& path);
  [[nodiscard]] Result<std::string> use_of_number(const std::string& number);
  [[nodiscard]] Result<std::string> swap_on(const std::string& path);
  Disk& disk_;
  IdentityOf identity_;
  Executable executable_;
};

}  // namespace pawl::updater
