#pragma once
#include <cstdlib>
#include <string>
#include <thread>

#include "fakes/script_server.hpp"

namespace pawl::fakes {

/// An HTTP proxy for one connection after the other: notes what it was asked for, answers as told
/// and, after a 200, passes bytes to `target`, wherever the client wanted to go.
class ConnectProxy {
 public:
  ConnectProxy(std::uint16_t target, std::string answer)
      : target_(target), answer_(std::move(answer)) {
    thread_ = std::thread([this] { run(); });
  }
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;
  ConnectProxy(ConnectProxy&&) = delete;
  ConnectProxy& operator=(ConnectProxy&&) = delete;
  ~ConnectProxy() { end(); }
  [[nodiscard]] std::string origin() const {
    return "http://127.0.0.1:" + std::to_string(listener_.port());
  }
  /// Waits for the end of the connection that runs.
  void end() {
    listener_.stop();
    if (thread_.joinable()) thread_.join();
  }
  std::string asked;  // first lines, after end()

 private:
  static bool pass(int from, int to) {
    char buffer[16384];
    const auto got = ::recv(from, buffer, sizeof(buffer), 0);
    return got > 0 && ::send(to, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
  }
  void serve(int client) {
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(client, &byte, 1, 0) == 1) head += byte;
    asked += head.substr(0, head.find("\r\n")) + "\n";
    ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    if (answer_.find(" 200 ") == std::string::npos) return;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(target_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool alive =
        ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    while (alive) {
      pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      alive = ::poll(both, 2, -1) > 0 && (both[0].revents == 0 || pass(client, server)) &&
              (both[1].revents == 0 || pass(server, client));
    }
    ::close(server);
  }
  void run() {
    for (int fd = listener_.accept(); fd >= 0; fd = listener_.accept()) {
      serve(fd);
      ::close(fd);
    }
  }
  std::uint16_t target_;
  std::string answer_;
  Listener listener_;
  std::thread thread_;
};

/// An environment variable for as long as this lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  Environment(Environment&&) = delete;
  Environment& operator=(Environment&&) = delete;
  ~Environment() { ::unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace pawl::fakes
