#pragma once
#include <memory>
#include <string>

#include "base/cli/command.hpp"
#include "base/disk.hpp"
#include "base/json.hpp"
#include "http/client.hpp"

namespace pawl::distributor {

/// The way of a verb to a running distributor: its unix socket, or its admin listener.
class AdminChannel {
 public:
  virtual ~AdminChannel() = default;
  /// One call of the admin API (FORMAT 12.6). @return the server's own error when it refuses,
  /// kOffline with a hint when nobody listens
  virtual Result<std::string> post(const std::string& target, const std::string& body) = 0;
  /// The same with JSON objects.
  Result<json::Object> call(const std::string& target, const json::Object& body);
};

/// Plain HTTP to the socket of the distributor on this machine.
class SocketChannel final : public AdminChannel {
 public:
  explicit SocketChannel(std::string path) : path_(std::move(path)) {}
  Result<std::string> post(const std::string& target, const std::string& body) override;

 private:
  std::string path_;
};

/// Mutual TLS to the admin listener of another machine.
class RemoteChannel final : public AdminChannel {
 public:
  explicit RemoteChannel(http::Client client) : client_(std::move(client)) {}
  Result<std::string> post(const std::string& target, const std::string& body) override;

 private:
  http::Client client_;
};

/// The options every such verb has.
inline constexpr cli::Option kChannelOptions[] = {
    {"--config", "FILE", "configuration, default /etc/pawl/distributor.toml", cli::Need::kOptional},
    {"--to", "URL", "admin listener of another machine, https://HOST:PORT", cli::Need::kOptional},
    {"--server-id", "ID", "with --to: the exact SPIFFE ID of that distributor",
     cli::Need::kOptional},
    {"--identity", "DIR", "with --to: folder of svid.pem, key.pem and bundle.json",
     cli::Need::kOptional}};

/// @param disk, clock  outlive the channel. @return kUsage for --to without its two companions,
/// kConfig for a configuration that does not parse
[[nodiscard]] Result<std::unique_ptr<AdminChannel>> open_channel(const cli::Args& args, Disk& disk,
                                                                 Clock& clock);

}  // namespace pawl::distributor
