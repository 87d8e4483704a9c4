#pragma once
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl::manifest {

/// Where repository files come from: a directory, HTTPS, a bundle. Checks nothing but `limit`.
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  /// One file of `metadata/`, by its name there ("4.root.json", already percent-encoded).
  /// @return nothing only when the source says that there is no such file (HTTP 404): this is what
  ///         ends the chain of roots. Anything else that fails is kTransport, kIo or kTimeout.
  ///         kTooLarge as soon as `limit` bytes are exceeded.
  virtual Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) = 0;
  /// One file of `targets/`, by its path there.
  virtual Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) = 0;
};

/// Keeps metadata files between runs, raw as they were received. Nothing it returns is trusted:
/// every file is verified again. Names: "root", "timestamp", "snapshot", "targets", "policy", a
/// delegated role, or "<N>.root" for the chain of roots; any bytes, the store encodes them.
class Store {
 public:
  virtual ~Store() = default;
  /// Nothing when absent or unreadable for good; a damaged file is found by verifying it.
  virtual Result<std::optional<Bytes>> load(const std::string& name, std::size_t limit) = 0;
  /// Durable when it returns; a power cut leaves the old file or the new one.
  virtual Status save(const std::string& name, ByteView bytes) = 0;
  virtual Status drop(const std::string& name) = 0;
};

}  // namespace pawl::manifest
