#include "hsm/broker.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pawl::hsm {

namespace {

constexpr std::chrono::milliseconds kGrace{2'000};  // for C_Finalize

std::string_view op_name(wire::Op op) {
  switch (op) {
    case wire::Op::kToken:
      return "looking for tokens";
    case wire::Op::kFind:
      return "opening a key";
    case wire::Op::kList:
      return "listing keys";
    case wire::Op::kGenerate:
      return "making a key";
    case wire::Op::kSign:
      return "signing";
    case wire::Op::kSurvey:
      return "looking at a token";
  }
  return "working";
}

Bytes uri_request(wire::Op op, const Uri& uri) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(op));
  wire::put_text(out, uri.text());
  return std::move(out).take();
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

Result<std::vector<wire::KeyReport>> take_keys(ByteView reply) {
  PAWL_TRY(const auto payload, wire::open_reply(reply));
  Reader in(payload);
  PAWL_TRY(const auto count, in.u32_le());
  std::vector<wire::KeyReport> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    PAWL_TRY(auto key, wire::take_key(in));
    out.push_back(std::move(key));
  }
  if (!in.empty()) return fail(Errc::kMalformed, "bytes after the keys");
  return out;
}

Result<wire::KeyReport> take_one(ByteView reply) {
  PAWL_TRY(auto keys, take_keys(reply));
  if (keys.size() != 1) return fail(Errc::kMalformed, "the broker gave not one key");
  return std::move(keys.front());
}

}  // namespace

/// Signs in the child; the base class verifies here.
class BrokerSigner final : public Signer {
 public:
  BrokerSigner(Broker& broker, wire::KeyReport key, std::size_t limit)
      : Signer(key.public_key, std::move(key.facts), limit), broker_(broker), number_(key.number) {}

 private:
  Result<Ed25519Signature> make_signature(ByteView message) override {
    Writer request;
    request.u8(static_cast<std::uint8_t>(wire::Op::kSign));
    request.u32_le(number_);
    request.bytes(message);
    PAWL_TRY(const auto reply, broker_.ask(wire::Op::kSign, request.view()));
    PAWL_TRY(const auto payload, wire::open_reply(reply));
    Reader in(payload);
    Ed25519Signature out;
    PAWL_CHECK(in.into(out));
    if (!in.empty()) return fail(Errc::kMalformed, "bytes after the signature");
    return out;
  }
  Broker& broker_;
  std::uint32_t number_;
};

Broker::Broker(BrokerOptions options, bool person, int socket, pid_t child)
    : options_(std::move(options)), person_(person), socket_(socket), child_(child) {}

Broker::~Broker() {
  (void)end_child(kGrace);
}

Result<std::unique_ptr<Broker>> Broker::start(BrokerOptions options, PinSource pin) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Errc::kIo, "socketpair: " + std::generic_category().message(errno), errno);
  }
  const bool person =
      pin.kind() == PinSource::Kind::kPrompt || pin.kind() == PinSource::Kind::kProtectedPath;
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::close(ends[0]);
    serve_broker(ends[1], options, std::move(pin));
    ::_exit(0);  // nothing of the parent's is flushed or freed here
  }
  (void)::close(ends[1]);
  if (child < 0) {
    const int number = errno;
    (void)::close(ends[0]);
    return fail(Errc::kIo, "fork: " + std::generic_category().message(number), number);
  }
  return std::unique_ptr<Broker>(new Broker(std::move(options), person, ends[0], child));
}

std::string Broker::end_child(std::chrono::milliseconds grace) noexcept {
  if (child_ <= 0) return {};
  (void)::shutdown(socket_, SHUT_WR);
  const auto deadline = std::chrono::steady_clock::now() + grace;
  for (;;) {  // the child's end closes when it is gone, whatever it still sends
    const auto more = wire::receive(socket_, deadline);
    if (more) continue;
    if (more.error().code() == Errc::kTransport) break;
    (void)::kill(child_, SIGKILL);
    break;
  }
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  (void)::close(socket_);
  child_ = -1;
  return how_it_ended(status);
}

Error Broker::lost(Error error, wire::Op op) {
  const bool late = error.code() == Errc::kTimeout;
  const auto ended = end_child(late ? std::chrono::milliseconds(0) : kGrace);
  const std::string doing(op_name(op));
  if (late) {
    return fail(Errc::kTimeout,
                "the PKCS#11 module did not answer while " + doing + "; its process was killed")
        .with_hint("is the token still plugged in and its connector running?");
  }
  return fail(Errc::kHsm, "the PKCS#11 module's process ended while " + doing + " (" + ended + ")")
      .with_hint("see the module's own log");
}

Result<Bytes> Broker::ask(wire::Op op, ByteView request) {
  if (child_ <= 0) return fail(Errc::kHsm, "the PKCS#11 module's process has ended before");
  const bool waits =
      person_ && op != wire::Op::kToken && op != wire::Op::kSign && op != wire::Op::kSurvey;
  const auto limit = waits ? options_.person_limit : options_.call_limit;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  if (auto sent = wire::send(socket_, request, deadline); !sent) {
    return lost(std::move(sent).error(), op);
  }
  auto reply = wire::receive(socket_, deadline);
  if (!reply) return lost(std::move(reply).error(), op);
  return reply;
}

Result<Token> Broker::token(const Uri& uri) {
  PAWL_TRY(const auto reply, ask(wire::Op::kToken, uri_request(wire::Op::kToken, uri)));
  PAWL_TRY(const auto payload, wire::open_reply(reply));
  Reader in(payload);
  PAWL_TRY(auto token, wire::take_token(in));
  if (!in.empty()) return fail(Errc::kMalformed, "bytes after the token");
  return token;
}

Result<Survey> Broker::survey(const Uri& uri) {
  PAWL_TRY(const auto reply, ask(wire::Op::kSurvey, uri_request(wire::Op::kSurvey, uri)));
  PAWL_TRY(const auto payload, wire::open_reply(reply));
  Reader in(payload);
  PAWL_TRY(auto found, wire::take_survey(in));
  if (!in.empty()) return fail(Errc::kMalformed, "bytes after the survey");
  return found;
}

Result<std::vector<wire::KeyReport>> Broker::list(const Uri& uri) {
  PAWL_TRY(const auto reply, ask(wire::Op::kList, uri_request(wire::Op::kList, uri)));
  return take_keys(reply);
}

Result<wire::KeyReport> Broker::find(const Uri& uri) {
  PAWL_TRY(const auto reply, ask(wire::Op::kFind, uri_request(wire::Op::kFind, uri)));
  return take_one(reply);
}

Result<wire::KeyReport> Broker::generate(const Uri& uri) {
  PAWL_TRY(const auto reply, ask(wire::Op::kGenerate, uri_request(wire::Op::kGenerate, uri)));
  return take_one(reply);
}

Result<std::unique_ptr<Signer>> Broker::signer(const Uri& uri, const Ed25519PublicKey& pinned) {
  PAWL_TRY(const auto where, token(uri));
  PAWL_TRY(auto key, find(uri));
  PAWL_CHECK(check_usable(key.facts));
  PAWL_CHECK(check_pinned(key.facts, key.public_key, pinned));
  return std::unique_ptr<Signer>(
      std::make_unique<BrokerSigner>(*this, std::move(key), message_limit(where)));
}

}  // namespace pawl::hsm
