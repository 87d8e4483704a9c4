#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "identity/workload_api.hpp"

namespace pawl::identity {

/// One open FetchX509SVID stream over a Unix socket or loopback TCP, never blocking.
///
/// Order: open, then wait until fd() is readable (or writable while wants_write()), then advance.
/// The server sends a message at once and after every rotation. When the stream ends, advance
/// returns an error that says what to do:
///   kConfig           InvalidArgument or Unimplemented: stop, a retry cannot help
///   kRefusedByServer  PermissionDenied: no identity is registered; retry with backoff
///   kTransport        everything else: open again with backoff
///   kMalformed, kTooLarge  the server sent something else; retry with backoff
/// Source: SPIFFE Workload Endpoint, SPIFFE Workload API 5.2 and 6.
class WorkloadStream {
 public:
  /// @param endpoint  "unix:///abs/path" or "tcp://127.0.0.1:port" (SPIFFE_ENDPOINT_SOCKET)
  /// @return kConfig for another form, kTransport when nobody listens.
  static Result<WorkloadStream> open(std::string_view endpoint);
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool wants_write() const;
  /// Reads and writes what is possible now. @return an update, or nothing yet.
  Result<std::optional<WorkloadUpdate>> advance();
  /// Blocks until an update, an error, or `timeout` (kTimeout).
  Result<WorkloadUpdate> next(std::chrono::milliseconds timeout);

  struct Session;
  struct SessionFree {
    void operator()(Session* session) const noexcept;
  };

 private:
  explicit WorkloadStream(std::unique_ptr<Session, SessionFree> session)
      : session_(std::move(session)) {}
  std::unique_ptr<Session, SessionFree> session_;
};

/// How long to wait before the next open: doubles from 1 s to 60 s, any part of it by chance.
/// @param failures  streams in a row that brought no update, 1 or more
/// @param random    uniform 64 bits
[[nodiscard]] std::chrono::milliseconds workload_backoff(unsigned failures, std::uint64_t random);

}  // namespace pawl::identity
