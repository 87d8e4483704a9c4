#include <csignal>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hsm/broker.hpp"

namespace pawl::hsm {
namespace {

using wire::Op;

/// Requests of the parent against one key ring. Keys found stay numbered while the child lives.
class Service {
 public:
  Service(const BrokerOptions& options, PinSource pin)
      : ring_(options.module, options.tries), pin_(std::move(pin)) {}

  Result<Bytes> answer(ByteView frame) {
    Reader in(frame);
    PAWL_TRY(const auto op, in.u8());
    Writer out;
    out.u8(0);
    if (static_cast<Op>(op) == Op::kSign) {
      PAWL_CHECK(sign(in, out));
      return std::move(out).take();
    }
    PAWL_TRY(const auto text, wire::take_text(in));
    PAWL_TRY(const auto uri, Uri::parse(text));
    switch (static_cast<Op>(op)) {
      case Op::kToken: {
        PAWL_TRY(const auto token, ring_.token(uri));
        wire::put_token(out, token);
        return std::move(out).take();
      }
      case Op::kSurvey: {
        PAWL_TRY(const auto found, ring_.survey(uri));
        wire::put_survey(out, found);
        return std::move(out).take();
      }
      case Op::kFind:
      case Op::kList:
      case Op::kGenerate:
        PAWL_CHECK(keys(static_cast<Op>(op), uri, out));
        return std::move(out).take();
      case Op::kSign:
        break;
    }
    return fail(Errc::kMalformed, "unknown request");
  }

 private:
  struct Known {
    Session* session;
    unsigned long object;
  };

  Status keys(Op op, const Uri& uri, Writer& out) {
    PAWL_TRY(auto* session, ring_.session(uri, pin_));
    std::vector<TokenKey> found;
    if (op == Op::kList) {
      PAWL_TRY(found, list_keys(*session));
    } else {
      PAWL_TRY(auto key, op == Op::kFind ? find_key(*session, KeyQuery::of(uri))
                                         : generate_key(*session, KeyQuery::of(uri)));
      found.push_back(std::move(key));
    }
    out.u32_le(static_cast<std::uint32_t>(found.size()));
    for (auto& key : found) {
      const auto number = static_cast<std::uint32_t>(known_.size());
      known_.push_back({session, key.object});
      wire::put_key(out, {number, key.public_key, std::move(key.facts)});
    }
    return Ok{};
  }

  Status sign(Reader& in, Writer& out) {
    PAWL_TRY(const auto number, in.u32_le());
    if (number >= known_.size()) return fail(Errc::kMalformed, "unknown key number");
    const auto& key = known_[number];
    PAWL_TRY(const auto message, in.take(in.left()));
    PAWL_TRY(const auto signature, raw_eddsa(*key.session, key.object, message));
    out.bytes(signature.span());
    return Ok{};
  }

  Keyring ring_;
  PinSource pin_;
  std::vector<Known> known_;
};

/// No core file, no tracing, no new privileges; ends with the parent.
void confine() {
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/// Lets go of what the parent holds for itself, a lock above all, which would outlive a parent that
/// is killed. What another program is meant to get, as the descriptor of a PIN, has no
/// close-on-exec.
void close_private(int socket) {
  constexpr int kFirst = 3;
  constexpr int kMost = 1024;  // more than a program of ours ever opens
  for (int fd = kFirst; fd < kMost; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (fd != socket && flags >= 0 && (flags & FD_CLOEXEC) != 0) (void)::close(fd);
  }
}

}  // namespace

void serve_broker(int socket, const BrokerOptions& options, PinSource pin) {
  confine();
  close_private(socket);
  Service service(options, std::move(pin));
  for (;;) {
    const auto request = wire::receive(socket, wire::kNoDeadline);
    if (!request) return;
    const auto reply = service.answer(*request);
    const auto bytes = reply ? *reply : wire::error_reply(reply.error());
    if (!wire::send(socket, bytes, wire::kNoDeadline)) return;
  }
}

}  // namespace pawl::hsm
