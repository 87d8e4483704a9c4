#include "http/connection.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include "base/bytes.hpp"

namespace pawl::http {
namespace {

namespace beast = boost::beast::http;
using Descriptor = asio::posix::stream_descriptor;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr unsigned kComplete = 0;
constexpr unsigned kPeerLeft = 1;
constexpr std::size_t kMostUnheard = std::size_t{1} << 20;  // bytes after our last word

std::string_view reason_of(unsigned status) {
  const auto text = beast::obsolete_reason(static_cast<beast::status>(status));
  return {text.data(), text.size()};
}

std::string head_of(const Response& response, std::uint64_t length, Connection::Fate fate) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_of(response.status);
  out += "\r\n" + response.fields;
  if (response.status != 204 && response.status != 304)
    out += "Content-Length: " + std::to_string(length) + "\r\n";
  if (fate == Connection::Fate::kClose) out += "Connection: close\r\n";
  return out + "\r\n";
}

std::string text_of(const Parser& parser, beast::field field) {
  const auto text = parser.get()[field];
  return {text.data(), text.size()};
}

Method method_of(beast::verb verb) {
  if (verb == beast::verb::get) return Method::kGet;
  if (verb == beast::verb::head) return Method::kHead;
  if (verb == beast::verb::post) return Method::kPost;
  return Method::kOther;
}

// What the parser lets through and we do not: each answers 400.
unsigned check_header(const Parser& parser) {
  const auto& message = parser.get();
  if (message.version() != 11) return 505;
  if (parser.chunked() || message.count(beast::field::transfer_encoding) != 0) return 400;
  if (message.count(beast::field::host) != 1 || parser.upgrade()) return 400;
  if (message.count(beast::field::range) > 1 || message.count(beast::field::expect) != 0)
    return 400;
  if (message.count(beast::field::content_length) > 1) return 400;
  return 0;
}

// How much of what the parser took was body.
std::size_t body_bytes(const Parser& parser) {
  const auto length = parser.content_length();
  const auto left = parser.content_length_remaining();
  return length && left ? static_cast<std::size_t>(*length - *left) : 0;
}

unsigned status_of(const boost::system::error_code& error) {
  if (error == beast::error::header_limit) return 431;
  if (error == beast::error::body_limit) return 413;
  return 400;
}

}  // namespace

Connection::Connection(Descriptor socket, const identity::TlsContext* tls, Shared& shared)
    : socket_(std::move(socket)), channel_(socket_.native_handle(), tls), shared_(shared) {
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

void Connection::look(std::chrono::steady_clock::time_point now) {
  if (dead_) return;
  if (doing_ == Doing::kSendingFile && is_cut_short()) return abort();
  if (now < deadline_) return;
  if (doing_ != Doing::kLeaving) ++shared_.stats.timeouts;
  abort();
}

void Connection::drain() {
  if (doing_ == Doing::kIdle || doing_ == Doing::kLeaving) abort();
}

void Connection::abort() {
  dead_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

asio::awaitable<bool> Connection::wait_for(Channel::Next next) {
  if (dead_) co_return false;
  if (next == Channel::Next::kWantRead) {
    co_await socket_.async_wait(Descriptor::wait_read, kNoThrow);
  } else if (next == Channel::Next::kWantWrite) {
    co_await socket_.async_wait(Descriptor::wait_write, kNoThrow);
  } else {
    co_return false;
  }
  co_return !dead_;
}

asio::awaitable<bool> Connection::shake_hands() {
  while (!dead_) {
    const auto next = channel_.shake();
    if (next == Channel::Next::kGoOn) co_return true;
    const bool ready = co_await wait_for(next);
    if (!ready) break;
  }
  note_refusal();
  co_return false;
}

void Connection::note_refusal() {
  const auto& refusal = channel_.handshake().refusal;
  if (refusal.empty()) return;
  ++shared_.stats.refused;
  shared_.log.write(LogLevel::kInfo, "peer-refused", {{"reason", refusal}});
}

asio::awaitable<std::size_t> Connection::read_some() {
  constexpr std::size_t kRecord = 16384;
  while (!dead_) {
    const auto step = channel_.read(std::span(shared_.scratch).first(kRecord));
    if (step.bytes > 0) {
      input_.append(as_text(ByteView(shared_.scratch).first(step.bytes)));
      co_return step.bytes;
    }
    const bool ready = co_await wait_for(step.next);
    if (!ready) break;
  }
  co_return 0;
}

asio::awaitable<bool> Connection::write_all(std::string_view bytes) {
  while (!bytes.empty() && !dead_) {
    const auto step = channel_.write(as_bytes(bytes));
    bytes.remove_prefix(step.bytes);
    if (step.bytes > 0) continue;
    const bool ready = co_await wait_for(step.next);
    if (!ready) break;
  }
  co_return bytes.empty();
}

// The scratch buffer belongs to whoever runs: what the peer does not take at once is copied before
// the first wait.
asio::awaitable<bool> Connection::write_scratch(std::size_t size) {
  auto left = ByteView(shared_.scratch).first(size);
  auto next = Channel::Next::kGoOn;
  while (!left.empty() && next == Channel::Next::kGoOn) {
    const auto step = channel_.write(left);
    left = left.subspan(step.bytes);
    next = step.next;
  }
  if (left.empty()) co_return true;
  const std::string rest(as_text(left));
  const bool ready = co_await wait_for(next);
  if (!ready) co_return false;
  const bool sent = co_await write_all(rest);
  co_return sent;
}

// kComplete, kPeerLeft, or the HTTP status that refuses the request.
asio::awaitable<unsigned> Connection::read_request(Parser& parser) {
  bool checked = false;
  std::size_t taken = 0;
  while (true) {
    while (!input_.empty() && !parser.is_done()) {
      boost::system::error_code error;
      const auto used = parser.put(asio::buffer(input_), error);
      input_.erase(0, used);
      taken += used;
      if (error && error != beast::error::need_more) co_return status_of(error);
      if (parser.is_header_done() && !checked) {
        checked = true;
        if (taken - body_bytes(parser) > shared_.limits.header) co_return 431;
        if (const auto status = check_header(parser); status != 0) co_return status;
      }
      if (error == beast::error::need_more || used == 0) break;
    }
    if (parser.is_done()) co_return kComplete;
    if (!checked && taken + input_.size() > shared_.limits.header) co_return 431;
    const auto received = co_await read_some();
    if (received == 0) co_return kPeerLeft;
    // Counts from the first byte, not the last.
    if (doing_ == Doing::kIdle) expire_in(shared_.limits.request);
    doing_ = Doing::kReceiving;
  }
}

bool Connection::is_cut_short() {
  const bool allowed = static_cast<bool>(shared_.service.allow(peer()));
  if (!allowed) ++shared_.stats.cut_short;
  return !allowed;
}

asio::awaitable<bool> Connection::send_file(File& file, ByteRange part) {
  doing_ = Doing::kSendingFile;
  while (part.length > 0 && !dead_) {
    if (is_cut_short()) co_return false;
    const auto size = std::min<std::uint64_t>(part.length, shared_.scratch.size());
    const auto read = file.read_at(std::span(shared_.scratch).first(size), part.first);
    if (!read || *read != size) co_return false;  // shorter than announced: the peer must notice
    expire_in(shared_.limits.write);
    const bool sent = co_await write_scratch(size);
    if (!sent) co_return false;
    shared_.stats.bytes_sent += size;
    part = {part.first + size, part.length - size};
  }
  co_return !dead_;
}

asio::awaitable<bool> Connection::send(Response& response, Method method, Fate fate) {
  const bool bare = method == Method::kHead || response.status == 204 || response.status == 304;
  const auto length = response.file ? response.part.length : response.body.size();
  auto text = head_of(response, length, fate);
  if (!bare && !response.file) text += response.body;
  expire_in(shared_.limits.write);
  bool sent = co_await write_all(text);
  if (sent && !bare && response.file) {
    sent = co_await send_file(*response.file, response.part);
  }
  co_return sent&& fate == Fate::kKeep;
}

// What the parser holds, as the service sees it; the parser is of no use afterwards.
Request Connection::take_request(Parser& parser) const {
  const auto& message = parser.get();
  Request out{method_of(message.method()),
              {message.target().data(), message.target().size()},
              text_of(parser, beast::field::range),
              text_of(parser, beast::field::if_range),
              text_of(parser, beast::field::if_none_match),
              {},
              channel_.user()};
  out.body = std::move(parser.get().body());
  return out;
}

Response Connection::refuse(unsigned status) {
  ++shared_.stats.malformed;
  return refusal(status, fail(Errc::kMalformed, "not a request of ours"));
}

void Connection::deliver(Response response) {
  if (socket_.get_executor().target<asio::io_context::executor_type>()->running_in_this_thread()) {
    return take_answer(std::move(response));
  }
  asio::post(socket_.get_executor(),
             [this, answer = std::move(response)]() mutable { take_answer(std::move(answer)); });
}

void Connection::take_answer(Response response) {
  answer_ = std::move(response);
  if (answered_) answered_->cancel();
}

// Judges the peer again, then asks the service.
// This coroutine lives until the answer came, whatever becomes of the peer: `deliver` needs it.
asio::awaitable<Response> Connection::ask(const Request& request) {
  if (const auto allowed = shared_.service.allow(peer()); !allowed) {
    co_return refusal(403, allowed.error());
  }
  answer_.reset();
  deadline_ = std::chrono::steady_clock::time_point::max();  // ours to keep, not the peer's
  shared_.service.answer(request, peer(), Reply(*this));
  while (!answer_) {
    answered_.emplace(socket_.get_executor(), std::chrono::steady_clock::time_point::max());
    co_await answered_->async_wait(kNoThrow);
  }
  answered_.reset();
  co_return *std::exchange(answer_, std::nullopt);
}

void Connection::prepare(Parser& parser) {
  parser.eager(true);
  parser.header_limit(static_cast<std::uint32_t>(shared_.limits.header));
  parser.body_limit(shared_.limits.body);
  doing_ = input_.empty() ? Doing::kIdle : Doing::kReceiving;
  if (doing_ == Doing::kReceiving) expire_in(shared_.limits.request);
}

asio::awaitable<bool> Connection::serve_one() {
  auto parser = std::make_unique<Parser>();
  prepare(*parser);
  const auto status = co_await read_request(*parser);
  doing_ = Doing::kAnswering;
  if (status == kPeerLeft) co_return false;
  Response response;
  auto fate = Fate::kClose;
  auto method = Method::kOther;
  if (status != kComplete) {
    response = refuse(status);
  } else {
    ++shared_.stats.requests;
    if (shared_.drain == Drain::kNo && parser->get().keep_alive()) fate = Fate::kKeep;
    const auto request = take_request(*parser);
    parser.reset();
    method = request.method;
    response = co_await ask(request);
    if (response.status == 403) fate = Fate::kClose;
  }
  const bool goes_on = co_await send(response, method, fate);
  co_return goes_on;
}

asio::awaitable<void> Connection::serve() {
  bool goes_on = co_await shake_hands();
  const bool joined = goes_on;
  while (goes_on && !dead_) {
    expire_in(shared_.limits.idle);
    goes_on = co_await serve_one();
    goes_on = goes_on && shared_.drain == Drain::kNo;
  }
  if (joined && !dead_) channel_.close();
}

// To close with bytes unread resets the connection, and a reset may overtake the alert or the
// refusal that was sent last: the peer would never learn the reason.
asio::awaitable<void> Connection::leave() {
  doing_ = Doing::kLeaving;
  expire_in(shared_.limits.linger);
  ::shutdown(socket_.native_handle(), SHUT_WR);
  std::size_t unheard = 0;
  while (!dead_ && unheard < kMostUnheard) {
    const auto got =
        ::recv(socket_.native_handle(), shared_.scratch.data(), shared_.scratch.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) co_return;
    if (got > 0) unheard += static_cast<std::size_t>(got);
    if (got < 0) {
      co_await socket_.async_wait(Descriptor::wait_read, kNoThrow);
    }
  }
}

asio::awaitable<void> Connection::run() {
  co_await serve();
  if (!dead_) {
    co_await leave();
  }
}

}  // namespace pawl::http
