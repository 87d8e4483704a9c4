#pragma once
#include <optional>
#include <string>

#include "base/disk.hpp"
#include "http/client.hpp"
#include "identity/workload_client.hpp"
#include "updater/config.hpp"

namespace pawl::updater {

/// Keeps the SVID files fresh, where somebody gives out new ones on request.
class IdentityRenewal {
 public:
  virtual ~IdentityRenewal() = default;
  /// Renews what is due. An error leaves what was there.
  virtual Status refresh() = 0;
};

/// Where this device's SVID comes from, now and after every rotation.
class IdentitySource {
 public:
  /// @param folder  of the files when the configuration names none
  /// @param renewal  may be null; outlives this
  IdentitySource(Config::Identity config, std::string folder, Disk& disk, Clock& clock,
                 IdentityRenewal* renewal = nullptr);
  /// The identity, if it is another one than the last time; the files are looked at once a minute.
  /// @return kIo, kMalformed, kTransport, kRefusedByServer (Workload API); the last one stays good
  Result<std::optional<identity::Identity>> take();
  /// Looks again at once.
  void expect_change() { looked_.reset(); }

 private:
  Result<std::optional<identity::Identity>> from_files();
  Result<std::optional<identity::Identity>> from_stream();
  Config::Identity config_;
  std::string folder_;
  Disk& disk_;
  Clock& clock_;
  IdentityRenewal* renewal_;
  std::optional<std::chrono::steady_clock::time_point> looked_;
  std::string known_;  // what tells one identity from another
  std::optional<identity::WorkloadStream> stream_;
};

}  // namespace pawl::updater
