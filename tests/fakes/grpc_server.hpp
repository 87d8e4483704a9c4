#pragma once
#include <csignal>
#include <cstdio>
#include <string>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "base/handle.hpp"

namespace pawl::fakes {

/// workload_server.py as a child: gRPC's own server on a Unix socket.
class GrpcServer {
 public:
  explicit GrpcServer(const std::string& socket) {
    int in[2];
    int out[2];
    REQUIRE(::pipe(in) == 0);
    REQUIRE(::pipe(out) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::close(in[1]);
      ::close(out[0]);
      ::execl("/usr/bin/python3", "python3",
              PAWL_SOURCE_DIR "/tests/integration/identity/workload_server.py", socket.c_str(),
              nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_.reset(::fdopen(in[1], "w"));
    from_.reset(::fdopen(out[0], "r"));
    expect("up\n");
  }
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  GrpcServer(GrpcServer&&) = delete;
  GrpcServer& operator=(GrpcServer&&) = delete;
  ~GrpcServer() { kill(); }

  void say(const std::string& command) {
    std::fputs((command + "\n").c_str(), to_.get());
    std::fflush(to_.get());
    expect("done\n");
  }
  void kill() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    child_ = -1;
  }

 private:
  using Stream = Handle<std::FILE, &std::fclose>;
  void expect(const std::string& answer) {
    char line[16] = {};
    REQUIRE(std::fgets(line, sizeof(line), from_.get()) != nullptr);
    REQUIRE(line == answer);
  }
  pid_t child_ = -1;
  Stream to_;
  Stream from_;
};

}  // namespace pawl::fakes
