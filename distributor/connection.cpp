#include "distributor/connection.hpp"

#include <algorithm>

#include <openssl/err.h>

#include "base/bytes.hpp"

namespace pawl::distributor {
namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr unsigned kComplete = 0;
constexpr unsigned kPeerLeft = 1;

std::string_view reason_of(unsigned status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

std::string head_of(const Response& response, std::uint64_t length, Connection::Fate fate) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_of(response.status);
  out += "\r\n" + response.fields;
  if (response.status != 304) out += "Content-Length: " + std::to_string(length) + "\r\n";
  if (fate == Connection::Fate::kClose) out += "Connection: close\r\n";
  return out + "\r\n";
}

std::string text_of(const Parser& parser, http::field field) {
  const auto text = parser.get()[field];
  return {text.data(), text.size()};
}

Method method_of(http::verb verb) {
  if (verb == http::verb::get) return Method::kGet;
  if (verb == http::verb::head) return Method::kHead;
  if (verb == http::verb::post) return Method::kPost;
  return Method::kOther;
}

// What the parser lets through and we do not: each answers 400.
unsigned check_header(const Parser& parser) {
  const auto& message = parser.get();
  if (message.version() != 11) return 505;
  if (parser.chunked() || message.count(http::field::transfer_encoding) != 0) return 400;
  if (message.count(http::field::host) != 1 || parser.upgrade()) return 400;
  if (message.count(http::field::range) > 1 || message.count(http::field::expect) != 0) return 400;
  if (message.count(http::field::content_length) > 1) return 400;
  return 0;
}

unsigned status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

}  // namespace

Connection::Connection(tcp::socket socket, const identity::TlsContext& tls, Shared& shared)
    : socket_(std::move(socket)), ssl_(tls.connect(handshake_)), shared_(shared) {
  SSL_set_fd(ssl_.get(), socket_.native_handle());
  ++shared_.stats.connections;
  ++shared_.stats.accepted;
  expire_in(shared_.limits.handshake);
}

Connection::~Connection() {
  --shared_.stats.connections;
}

void Connection::expire_in(std::chrono::milliseconds time) {
  deadline_ = std::chrono::steady_clock::now() + time;
}

void Connection::check_deadline(std::chrono::steady_clock::time_point now) {
  if (dead_ || now < deadline_) return;
  ++shared_.stats.timeouts;
  abort();
}

void Connection::drain() {
  if (idle_) abort();
}

void Connection::abort() {
  dead_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

asio::awaitable<bool> Connection::wait_for(int ssl_error) {
  if (dead_) co_return false;
  if (ssl_error == SSL_ERROR_WANT_READ) {
    co_await socket_.async_wait(tcp::socket::wait_read, kNoThrow);
  } else if (ssl_error == SSL_ERROR_WANT_WRITE) {
    co_await socket_.async_wait(tcp::socket::wait_write, kNoThrow);
  } else {
    dead_ = true;
  }
  co_return !dead_;
}

asio::awaitable<bool> Connection::shake_hands() {
  while (!dead_) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) co_return true;
    const bool ready = co_await wait_for(SSL_get_error(ssl_.get(), done));
    if (!ready) break;
  }
  note_refusal();
  co_return false;
}

void Connection::note_refusal() {
  if (handshake_.refusal.empty()) return;
  ++shared_.stats.refused;
  shared_.log.write(LogLevel::kInfo, "peer-refused", {{"reason", handshake_.refusal}});
}

asio::awaitable<std::size_t> Connection::read_some() {
  while (!dead_) {
    ERR_clear_error();
    const int size = SSL_read(ssl_.get(), shared_.scratch.data(), 16384);
    if (size > 0) {
      input_.append(as_text(ByteView(shared_.scratch).first(static_cast<std::size_t>(size))));
      co_return static_cast<std::size_t>(size);
    }
    const bool ready = co_await wait_for(SSL_get_error(ssl_.get(), size));
    if (!ready) break;
  }
  co_return 0;
}

asio::awaitable<bool> Connection::write_all(std::string_view bytes) {
  while (!bytes.empty() && !dead_) {
    ERR_clear_error();
    const int size = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (size > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
      continue;
    }
    const bool ready = co_await wait_for(SSL_get_error(ssl_.get(), size));
    if (!ready) break;
  }
  co_return bytes.empty();
}

// The scratch buffer belongs to whoever runs: what the peer does not take at once is copied before
// the first wait.
asio::awaitable<bool> Connection::write_scratch(std::size_t size) {
  std::size_t at = 0;
  int error = SSL_ERROR_NONE;
  while (at < size && error == SSL_ERROR_NONE) {
    ERR_clear_error();
    const int sent =
        SSL_write(ssl_.get(), shared_.scratch.data() + at, static_cast<int>(size - at));
    if (sent > 0) at += static_cast<std::size_t>(sent);
    if (sent <= 0) error = SSL_get_error(ssl_.get(), sent);
  }
  if (at == size) co_return true;
  const std::string rest(as_text(ByteView(shared_.scratch).subspan(at, size - at)));
  const bool ready = co_await wait_for(error);
  if (!ready) co_return false;
  const bool sent = co_await write_all(rest);
  co_return sent;
}

// kComplete, kPeerLeft, or the HTTP status that refuses the request.
asio::awaitable<unsigned> Connection::read_request(Parser& parser) {
  bool checked = false;
  while (true) {
    while (!input_.empty() && !parser.is_done()) {
      boost::system::error_code error;
      const auto used = parser.put(asio::buffer(input_), error);
      input_.erase(0, used);
      if (error && error != http::error::need_more) co_return status_of(error);
      if (parser.is_header_done() && !checked) {
        checked = true;
        if (const auto status = check_header(parser); status != 0) co_return status;
      }
      if (error == http::error::need_more || used == 0) break;
    }
    if (parser.is_done()) co_return kComplete;
    if (input_.size() > shared_.limits.header) co_return 431;
    const auto received = co_await read_some();
    if (received == 0) co_return kPeerLeft;
    if (idle_) expire_in(shared_.limits.request);  // counts from the first byte, not the last
    idle_ = false;
  }
}

asio::awaitable<bool> Connection::send_file(File& file, ByteRange part) {
  while (part.length > 0) {
    if (const auto allowed = shared_.service.allow(*handshake_.peer); !allowed) {
      ++shared_.stats.cut_short;
      co_return false;
    }
    const auto size = std::min<std::uint64_t>(part.length, shared_.scratch.size());
    const auto read = file.read_at(std::span(shared_.scratch).first(size), part.first);
    if (!read || *read != size) co_return false;  // shorter than announced: the peer must notice
    expire_in(shared_.limits.write);
    const bool sent = co_await write_scratch(size);
    if (!sent) co_return false;
    shared_.stats.bytes_sent += size;
    part = {part.first + size, part.length - size};
  }
  co_return true;
}

asio::awaitable<bool> Connection::send(Response& response, Method method, Fate fate) {
  const bool head = method == Method::kHead;
  const auto length = response.file ? response.part.length : response.body.size();
  auto text = head_of(response, length, fate);
  if (!head && !response.file && response.status != 304) text += response.body;
  expire_in(shared_.limits.write);
  bool sent = co_await write_all(text);
  if (sent && !head && response.file) {
    sent = co_await send_file(*response.file, response.part);
  }
  co_return sent&& fate == Fate::kKeep;
}

// What the parser holds, as the service sees it; the parser is of no use afterwards.
Request Connection::take_request(Parser& parser) {
  const auto& message = parser.get();
  Request out{method_of(message.method()),
              {message.target().data(), message.target().size()},
              text_of(parser, http::field::range),
              text_of(parser, http::field::if_range),
              text_of(parser, http::field::if_none_match),
              {}};
  out.body = std::move(parser.get().body());
  return out;
}

// Checks the peer again, then asks the service.
Connection::Outcome Connection::answer(unsigned status, Parser& parser) {
  if (status != kComplete) {
    ++shared_.stats.malformed;
    return {refusal(status, fail(Errc::kMalformed, "not a request of ours")), Method::kOther,
            Fate::kClose};
  }
  ++shared_.stats.requests;
  const bool close = shared_.draining || !parser.get().keep_alive();
  const auto request = take_request(parser);
  if (const auto allowed = shared_.service.allow(*handshake_.peer); !allowed) {
    return {refusal(403, allowed.error()), request.method, Fate::kClose};
  }
  return {shared_.service.answer(request, *handshake_.peer), request.method,
          close ? Fate::kClose : Fate::kKeep};
}

void Connection::prepare(Parser& parser) {
  parser.eager(true);
  parser.header_limit(static_cast<std::uint32_t>(shared_.limits.header));
  parser.body_limit(shared_.limits.body);
  idle_ = input_.empty();
  if (!idle_) expire_in(shared_.limits.request);
}

asio::awaitable<bool> Connection::serve_one() {
  auto parser = std::make_unique<Parser>();
  prepare(*parser);
  const auto status = co_await read_request(*parser);
  idle_ = false;
  if (status == kPeerLeft) co_return false;
  auto outcome = answer(status, *parser);
  parser.reset();
  const bool goes_on = co_await send(outcome.response, outcome.method, outcome.fate);
  co_return goes_on;
}

asio::awaitable<void> Connection::run() {
  const bool joined = co_await shake_hands();
  if (!joined || !handshake_.peer) co_return;
  bool goes_on = true;
  while (goes_on && !dead_) {
    expire_in(shared_.limits.idle);
    goes_on = co_await serve_one();
    goes_on = goes_on && !shared_.draining;
  }
  if (!dead_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace pawl::distributor
