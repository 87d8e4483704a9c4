#pragma once
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "identity/trust_bundle.hpp"
#include "identity/x509_svid.hpp"

/// Messages of the SPIFFE Workload API (FORMAT 9.4); the connection is in workload_client.hpp.
namespace pawl::identity {

/// One message of FetchX509SVID: the whole state. What it does not name exists no longer.
struct WorkloadUpdate {
  std::vector<X509Svid> svids;  // at least one; the first is the default identity
  std::vector<TrustBundle> bundles;
};

/// Reads X509SVIDResponse. Unknown fields are skipped.
/// @return kMalformed, also when an SVID's `spiffe_id` is not the one in its certificate;
/// kTooLarge over 16 SVIDs or 64 federated domains.
[[nodiscard]] Result<WorkloadUpdate> parse_x509_response(ByteView message);

/// Cuts the gRPC frames of one stream into messages. The buffer may hold private keys: it has its
/// full size before the first byte arrives and is wiped.
class GrpcFrames {
 public:
  static constexpr std::size_t kMaxMessage = std::size_t{4} * 1024 * 1024;

  GrpcFrames() = default;
  GrpcFrames(const GrpcFrames&) = delete;
  GrpcFrames& operator=(const GrpcFrames&) = delete;
  GrpcFrames(GrpcFrames&&) = delete;
  GrpcFrames& operator=(GrpcFrames&&) = delete;
  ~GrpcFrames() { wipe(); }

  /// Consumes bytes up to the end of one message at most and removes them from `in`.
  /// @return true when message() is whole; kTooLarge over 4 MiB, kMalformed when compressed.
  Result<bool> feed(ByteView& in);
  [[nodiscard]] ByteView message() const { return message_; }
  /// Wipes the message; the next frame may follow.
  void wipe();

 private:
  Status start();
  std::vector<std::uint8_t> header_;
  Bytes message_;
  std::size_t size_ = 0;
};

}  // namespace pawl::identity
