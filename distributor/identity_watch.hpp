#pragma once
#include <csignal>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.hpp"
#include "distributor/config.hpp"
#include "http/server.hpp"
#include "identity/svid_files.hpp"
#include "identity/workload_client.hpp"

namespace pawl::distributor {

/// The signals of this program as a file descriptor; blocked in every thread made after it.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  Signals(Signals&&) = delete;
  Signals& operator=(Signals&&) = delete;
  ~Signals();
  [[nodiscard]] int fd() const { return fd_; }
  /// The next pending signal, or 0.
  [[nodiscard]] int take() const;

 private:
  sigset_t set_{};
  int fd_ = -1;
};

/// Where the SVID comes from, first and later.
class IdentityReader {
 public:
  /// Both outlive the reader.
  IdentityReader(const IdentitySource& source, Disk& disk) : source_(source), disk_(disk) {}
  Result<identity::Identity> load();
  /// The stream to wait on; -1 without one.
  [[nodiscard]] int fd() const { return stream_ ? stream_->fd() : -1; }
  /// What the stream brought, if anything; a broken stream is closed and its error returned.
  Result<std::optional<identity::Identity>> poll_stream();
  [[nodiscard]] bool is_broken() const {
    return source_.kind == IdentitySource::Kind::kWorkloadApi && !stream_;
  }

 private:
  const IdentitySource& source_;
  Disk& disk_;
  std::optional<identity::WorkloadStream> stream_;
};

/// Waits for signals and rotations on its own thread and hands them to the server's.
class IdentityWatch {
 public:
  /// What a new identity is put into; all of it outlives the watch.
  struct Targets {
    identity::TrustSet& trust;
    std::vector<identity::TlsContext*> contexts;
    http::Server& server;
    Log& log;
  };
  IdentityWatch(const Signals& signals, IdentityReader& reader, Targets targets)
      : signals_(signals), reader_(reader), targets_(std::move(targets)) {}
  /// Until SIGUSR1, which says that the server has ended.
  void run();

 private:
  int next_wait();
  void on_signal(int signal);
  void on_stream();
  void reload();
  void complain(const Error& why);
  void hand_over(identity::Identity fresh);
  void use(std::unique_ptr<identity::Identity> fresh);
  const Signals& signals_;
  IdentityReader& reader_;
  Targets targets_;
  unsigned failures_ = 0;
  bool done_ = false;
};

}  // namespace pawl::distributor
