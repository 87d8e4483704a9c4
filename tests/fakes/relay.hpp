#pragma once
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes/script_server.hpp"

namespace pawl::fakes {

/// A TCP uplink that a test can cut: passes bytes between a device and a server, counts them, and
/// ends every connection once it was told to.
class Relay {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  explicit Relay(std::uint16_t to) : to_(to), wake_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this] { run(); });
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  Relay(Relay&&) = delete;
  Relay& operator=(Relay&&) = delete;
  ~Relay() {
    ended_ = true;
    ::eventfd_write(wake_, 1);
    thread_.join();
    ::close(wake_);
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  [[nodiscard]] std::string origin() const { return "https://127.0.0.1:" + std::to_string(port()); }
  /// Everything ends when the device has got `bytes` more; new connections end at once.
  void cut_after(std::uint64_t bytes) { left_ = bytes; }
  void restore() { left_ = kNever; }
  /// Nothing more is taken from the server once the device has got `bytes` more.
  void hold_after(std::uint64_t bytes) { hold_ = down_ + bytes; }
  [[nodiscard]] bool is_held() const { return down_ >= hold_; }
  void release() {
    hold_ = kNever;
    ::eventfd_write(wake_, 1);
  }
  [[nodiscard]] bool is_cut() const { return left_ == 0; }
  [[nodiscard]] std::uint64_t up() const { return up_; }      // bytes from the device
  [[nodiscard]] std::uint64_t down() const { return down_; }  // bytes to the device
  [[nodiscard]] unsigned connections() const { return connections_; }
  void go_to(std::uint16_t port) { to_ = port; }

 private:
  struct Pair {
    int device;
    int server;
  };
  static void close(const Pair& pair) {
    ::close(pair.device);
    ::close(pair.server);
  }
  static bool send_all(int fd, const char* data, std::size_t size) {
    while (size > 0) {
      const auto sent = ::send(fd, data, size, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data += sent;
      size -= static_cast<std::size_t>(sent);
    }
    return true;
  }
  void take() {
    const int device = listener_.accept();
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const Pair pair{device, server};
    const bool up = left_ != 0 && ::connect(server, reinterpret_cast<const sockaddr*>(&address),
                                            sizeof(address)) == 0;
    if (!up) return close(pair);
    ++connections_;
    pairs_.push_back(pair);
  }
  bool pass_up(const Pair& pair) {
    char buffer[16384];
    const auto got = ::recv(pair.device, buffer, sizeof(buffer), 0);
    if (got <= 0 || left_ == 0) return false;
    up_ += static_cast<std::uint64_t>(got);
    return send_all(pair.server, buffer, static_cast<std::size_t>(got));
  }
  bool pass_down(const Pair& pair) {
    char buffer[16384];
    const auto got = ::recv(pair.server, buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    const auto left = left_.load();
    const auto size = std::min(static_cast<std::uint64_t>(got), left);
    if (left != kNever) left_ = left - size;
    down_ += size;
    return size > 0 && send_all(pair.device, buffer, size) && left_ != 0;
  }
  void run() {
    while (!ended_) {
      std::vector<pollfd> all{{listener_.fd(), POLLIN, 0}, {wake_, POLLIN, 0}};
      for (const auto& pair : pairs_) {
        all.push_back({pair.device, POLLIN, 0});
        all.push_back({pair.server, is_held() ? short{0} : short{POLLIN}, 0});
      }
      if (::poll(all.data(), all.size(), -1) < 0) continue;
      eventfd_t woken = 0;
      if (all[1].revents != 0) ::eventfd_read(wake_, &woken);
      std::vector<Pair> kept;
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        bool alive = all[2 + 2 * i].revents == 0 || pass_up(pairs_[i]);
        alive = alive && (all[3 + 2 * i].revents == 0 || pass_down(pairs_[i]));
        alive ? kept.push_back(pairs_[i]) : close(pairs_[i]);
      }
      pairs_ = std::move(kept);
      if (all[0].revents != 0) take();
    }
    for (const auto& pair : pairs_) close(pair);
  }
  std::atomic<std::uint16_t> to_;
  int wake_;
  Listener listener_;
  std::vector<Pair> pairs_;
  std::atomic<std::uint64_t> left_ = kNever;
  std::atomic<std::uint64_t> hold_ = kNever;
  std::atomic<std::uint64_t> up_ = 0;
  std::atomic<std::uint64_t> down_ = 0;
  std::atomic<unsigned> connections_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace pawl::fakes
