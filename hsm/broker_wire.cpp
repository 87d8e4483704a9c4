#include "hsm/broker_wire.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>

namespace pawl::hsm::wire {
namespace {

using std::chrono::milliseconds;

/// Waits for the socket. @return kTimeout after the deadline
Status wait(int fd, short events, Deadline deadline) {
  for (;;) {
    int limit = -1;
    if (deadline != kNoDeadline) {
      const auto left =
          std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left <= milliseconds(0)) return fail(Errc::kTimeout, "no answer in time");
      limit = static_cast<int>(std::min<std::int64_t>(left.count(), 1000));
    }
    pollfd one{fd, events, 0};
    const int n = ::poll(&one, 1, limit);
    if (n > 0) return Ok{};
    if (n < 0 && errno != EINTR) return fail(Errc::kTransport, "poll failed", errno);
  }
}

Status send_all(int fd, ByteView bytes, Deadline deadline) {
  while (!bytes.empty()) {
    PAWL_CHECK(wait(fd, POLLOUT, deadline));
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return fail(Errc::kTransport, "the other end is gone", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return Ok{};
}

Status receive_all(int fd, std::span<std::uint8_t> out, Deadline deadline) {
  while (!out.empty()) {
    PAWL_CHECK(wait(fd, POLLIN, deadline));
    const auto n = ::recv(fd, out.data(), out.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return fail(Errc::kTransport, "the other end is gone");
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return Ok{};
}

constexpr std::array kFlags{&KeyFacts::is_private,       &KeyFacts::sensitive,
                            &KeyFacts::extractable,      &KeyFacts::local,
                            &KeyFacts::always_sensitive, &KeyFacts::never_extractable,
                            &KeyFacts::may_sign};
constexpr std::uint8_t kUnknown = 2;

Result<bool> take_flag(Reader& in) {
  PAWL_TRY(const auto value, in.u8());
  if (value > 1) return fail(Errc::kMalformed, "not a flag");
  return value == 1;
}

Result<Errc> errc_of(std::uint8_t value) {
  const auto code = static_cast<Errc>(value);
  if (code != Errc::kInternal && errc_name(code) == "internal") {
    return fail(Errc::kMalformed, "unknown error number");
  }
  return code;
}

/// Always fails: with the error that was sent, or kMalformed.
Status take_error(Reader& in) {
  PAWL_TRY(const auto number, in.u8());
  PAWL_TRY(const auto code, errc_of(number));
  PAWL_TRY(const auto raw, in.u64_le());
  PAWL_TRY(auto what, take_text(in));
  PAWL_TRY(auto hint, take_text(in));
  if (!in.empty()) return fail(Errc::kMalformed, "bytes after the error");
  auto out = fail(code, std::move(what), static_cast<std::int64_t>(raw));
  return std::move(out).with_hint(std::move(hint));
}

}  // namespace

Status send(int fd, ByteView frame, Deadline deadline) {
  if (frame.size() > kMaxFrame) return fail(Errc::kTooLarge, "frame over its limit");
  Writer length;
  length.u32_le(static_cast<std::uint32_t>(frame.size()));
  PAWL_CHECK(send_all(fd, length.view(), deadline));
  return send_all(fd, frame, deadline);
}

Result<Bytes> receive(int fd, Deadline deadline) {
  std::array<std::uint8_t, 4> head{};
  PAWL_CHECK(receive_all(fd, head, deadline));
  PAWL_TRY(const auto length, Reader(head).u32_le());
  if (length > kMaxFrame) return fail(Errc::kTooLarge, "frame over its limit");
  Bytes out(length);
  PAWL_CHECK(receive_all(fd, out, deadline));
  return out;
}

void put_text(Writer& out, std::string_view text) {
  text = text.substr(0, kMaxText);
  out.u32_le(static_cast<std::uint32_t>(text.size()));
  out.bytes(as_bytes(text));
}

Result<std::string> take_text(Reader& in) {
  PAWL_TRY(const auto size, in.u32_le());
  if (size > kMaxText) return fail(Errc::kTooLarge, "text over its limit");
  PAWL_TRY(const auto bytes, in.take(size));
  return std::string(as_text(bytes));
}

void put_token(Writer& out, const Token& t) {
  out.u64_le(t.slot_id);
  for (const auto* text : {&t.label, &t.manufacturer, &t.model, &t.serial, &t.slot_description,
                           &t.slot_manufacturer}) {
    put_text(out, *text);
  }
  out.u8(static_cast<std::uint8_t>(t.firmware_major));
  out.u8(static_cast<std::uint8_t>(t.firmware_minor));
  out.u8(static_cast<std::uint8_t>(t.pin));
  out.u64_le(t.min_pin);
  out.u64_le(t.max_pin);
  for (const bool flag : {t.initialised, t.login_required, t.protected_path, t.write_protected}) {
    out.u8(flag ? 1 : 0);
  }
}

Result<Token> take_token(Reader& in) {
  Token t;
  PAWL_TRY(t.slot_id, in.u64_le());
  for (auto* text : {&t.label, &t.manufacturer, &t.model, &t.serial, &t.slot_description,
                     &t.slot_manufacturer}) {
    PAWL_TRY(*text, take_text(in));
  }
  PAWL_TRY(t.firmware_major, in.u8());
  PAWL_TRY(t.firmware_minor, in.u8());
  PAWL_TRY(const auto pin, in.u8());
  if (pin > static_cast<std::uint8_t>(PinState::kToBeChanged)) {
    return fail(Errc::kMalformed, "unknown PIN state");
  }
  t.pin = static_cast<PinState>(pin);
  PAWL_TRY(t.min_pin, in.u64_le());
  PAWL_TRY(t.max_pin, in.u64_le());
  for (auto* flag : {&t.initialised, &t.login_required, &t.protected_path, &t.write_protected}) {
    PAWL_TRY(*flag, take_flag(in));
  }
  return t;
}

void put_key(Writer& out, const KeyReport& key) {
  out.u32_le(key.number);
  out.bytes(key.public_key.span());
  const auto& f = key.facts;
  put_text(out, f.label);
  put_text(out, as_text(f.id));
  for (const auto* text : {&f.token_label, &f.token_serial, &f.token_model}) put_text(out, *text);
  for (const auto member : kFlags) {
    const auto& flag = f.*member;
    out.u8(!flag ? kUnknown : (*flag ? 1 : 0));
  }
}

Result<KeyReport> take_key(Reader& in) {
  KeyReport key;
  PAWL_TRY(key.number, in.u32_le());
  PAWL_CHECK(in.into(key.public_key));
  auto& f = key.facts;
  PAWL_TRY(f.label, take_text(in));
  PAWL_TRY(const auto id, take_text(in));
  f.id.assign(id.begin(), id.end());
  for (auto* text : {&f.token_label, &f.token_serial, &f.token_model}) {
    PAWL_TRY(*text, take_text(in));
  }
  for (const auto member : kFlags) {
    PAWL_TRY(const auto value, in.u8());
    if (value > kUnknown) return fail(Errc::kMalformed, "not a flag");
    if (value != kUnknown) f.*member = value == 1;
  }
  return key;
}

void put_survey(Writer& out, const Survey& survey) {
  const auto& m = survey.module;
  for (const auto* text : {&m.path, &m.manufacturer, &m.description}) put_text(out, *text);
  out.u8(static_cast<std::uint8_t>(m.version_major));
  out.u8(static_cast<std::uint8_t>(m.version_minor));
  for (const bool flag : {survey.signs_ed25519, survey.makes_ed25519}) out.u8(flag ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(survey.point));
}

Result<Survey> take_survey(Reader& in) {
  Survey out;
  auto& m = out.module;
  for (auto* text : {&m.path, &m.manufacturer, &m.description}) {
    PAWL_TRY(*text, take_text(in));
  }
  PAWL_TRY(m.version_major, in.u8());
  PAWL_TRY(m.version_minor, in.u8());
  for (auto* flag : {&out.signs_ed25519, &out.makes_ed25519}) {
    PAWL_TRY(*flag, take_flag(in));
  }
  PAWL_TRY(const auto form, in.u8());
  if (form > static_cast<std::uint8_t>(PointForm::kOther)) {
    return fail(Errc::kMalformed, "unknown form of a point");
  }
  out.point = static_cast<PointForm>(form);
  return out;
}

Bytes error_reply(const Error& error) {
  Writer out;
  out.u8(1);
  out.u8(static_cast<std::uint8_t>(error.code()));
  out.u64_le(static_cast<std::uint64_t>(error.raw()));
  put_text(out, error.what());
  put_text(out, error.hint());
  return std::move(out).take();
}

Result<ByteView> open_reply(ByteView reply) {
  Reader in(reply);
  PAWL_TRY(const auto kind, in.u8());
  if (kind == 0) return reply.subspan(1);
  if (kind != 1) return fail(Errc::kMalformed, "unknown reply of the broker");
  return std::move(take_error(in)).error();
}

}  // namespace pawl::hsm::wire
