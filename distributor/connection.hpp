#pragma once
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "distributor/reactor.hpp"
#include "distributor/server.hpp"

namespace pawl::distributor {

namespace asio = boost::asio;
using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

/// What all connections of a listener share. One thread uses it.
struct Shared {
  Service& service;
  Log& log;
  Limits limits;
  ServerStats stats;
  bool draining = false;
  std::array<std::uint8_t, 65536> scratch{};  // of whoever runs; nothing stays in it over a wait
};

/// One peer: handshake, then requests one after the other, each in order.
class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, const identity::TlsContext& tls, Shared& shared);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  /// Runs until the peer leaves, breaks a rule or a deadline passes.
  asio::awaitable<void> run();
  /// Ends what waits when its deadline has passed.
  void check_deadline(std::chrono::steady_clock::time_point now);
  /// Closes an idle connection now and a busy one after its answer.
  void drain();
  void abort();

  enum class Fate : std::uint8_t { kKeep, kClose };  // of the connection, after an answer

 private:
  struct Outcome {
    Response response;
    Method method = Method::kOther;
    Fate fate = Fate::kClose;
  };
  asio::awaitable<bool> shake_hands();
  asio::awaitable<bool> wait_for(int ssl_error);
  asio::awaitable<std::size_t> read_some();
  asio::awaitable<bool> write_all(std::string_view bytes);
  asio::awaitable<bool> write_scratch(std::size_t size);
  asio::awaitable<unsigned> read_request(Parser& parser);
  asio::awaitable<bool> serve_one();
  asio::awaitable<bool> send(Response& response, Method method, Fate fate);
  asio::awaitable<bool> send_file(File& file, ByteRange part);
  void note_refusal();
  void prepare(Parser& parser);
  static Request take_request(Parser& parser);
  Outcome answer(unsigned status, Parser& parser);
  void expire_in(std::chrono::milliseconds time);

  asio::ip::tcp::socket socket_;
  identity::HandshakeResult handshake_;
  identity::SslPtr ssl_;
  Shared& shared_;
  std::string input_;  // received and not yet parsed
  std::chrono::steady_clock::time_point deadline_;
  bool idle_ = false;
  bool dead_ = false;
};

}  // namespace pawl::distributor
