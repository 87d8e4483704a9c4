#pragma once
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http/channel.hpp"
#include "http/reactor.hpp"
#include "http/server.hpp"

namespace pawl::http {

namespace asio = boost::asio;
using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
using Scratch = std::array<std::uint8_t, 65536>;  // of whoever runs; nothing stays over a wait
enum class Drain : std::uint8_t { kNo, kYes };

/// What all connections of a listener share. One thread uses it.
struct Shared {
  Service& service;
  Log& log;
  Limits limits;
  Scratch& scratch;
  ServerStats stats;
  Drain drain = Drain::kNo;
};

/// One peer: handshake, then requests one after the other, each in order.
class Connection final : private Waiter {
 public:
  Connection(asio::posix::stream_descriptor socket, const identity::TlsContext* tls,
             Shared& shared);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  /// Runs until the peer leaves, breaks a rule or a deadline passes.
  asio::awaitable<void> run();
  /// Ends what waits when its deadline has passed, and a transfer whose peer may not go on.
  void look(std::chrono::steady_clock::time_point now);
  /// Closes an idle connection now and a busy one after its answer.
  void drain();
  void abort();

  enum class Fate : std::uint8_t { kKeep, kClose };  // of the connection, after an answer

 private:
  enum class Doing : std::uint8_t { kIdle, kReceiving, kAnswering, kSendingFile, kLeaving };
  void deliver(Response response) override;
  void take_answer(Response response);
  asio::awaitable<bool> shake_hands();
  asio::awaitable<bool> wait_for(Channel::Next next);
  asio::awaitable<std::size_t> read_some();
  asio::awaitable<bool> write_all(std::string_view bytes);
  asio::awaitable<bool> write_scratch(std::size_t size);
  asio::awaitable<unsigned> read_request(Parser& parser);
  asio::awaitable<bool> serve_one();
  asio::awaitable<void> serve();
  asio::awaitable<void> leave();
  asio::awaitable<Response> ask(const Request& request);
  asio::awaitable<bool> send(Response& response, Method method, Fate fate);
  asio::awaitable<bool> send_file(File& file, ByteRange part);
  [[nodiscard]] const Peer& peer() const { return channel_.handshake().peer; }
  bool is_cut_short();
  void note_refusal();
  void prepare(Parser& parser);
  Request take_request(Parser& parser) const;
  Response refuse(unsigned status);
  void expire_in(std::chrono::milliseconds time);

  asio::posix::stream_descriptor socket_;
  Channel channel_;
  Shared& shared_;
  std::string input_;  // received and not yet parsed
  std::chrono::steady_clock::time_point deadline_;
  std::optional<asio::steady_timer> answered_;  // only where an answer comes later
  std::optional<Response> answer_;
  Doing doing_ = Doing::kReceiving;
  bool dead_ = false;  // aborted: nothing is said or waited for any more
};

}  // namespace pawl::http
