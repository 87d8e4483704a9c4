#pragma once
#include <string>

#include "manifest/ports.hpp"

namespace pawl::conformance {

/// Plain HTTP/1.0 over a loopback socket: all the conformance suite's server speaks. Not for any
/// other use: no TLS, no redirects, no timeouts beyond the socket's.
class HttpFetcher final : public manifest::Fetcher {
 public:
  /// @param metadata_url, target_url as the suite gives them: "http://127.0.0.1:PORT/.../"
  HttpFetcher(std::string metadata_url, std::string target_url);
  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override;
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override;

 private:
  std::string metadata_url_;
  std::string target_url_;
};

}  // namespace pawl::conformance
