#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/reader.hpp"
#include "base/result.hpp"
#include "hsm/key_facts.hpp"
#include "hsm/survey.hpp"
#include "hsm/token.hpp"

/// What the broker and its parent say to each other: frames of a little-endian u32 length and so
/// many bytes, requests and replies in turn. Both ends are the same program, but the child runs a
/// vendor's module: the parent reads replies as untrusted bytes. FORMAT 10.7.
namespace pawl::hsm::wire {

inline constexpr std::size_t kMaxFrame = kMaxMessage + 65536;
inline constexpr std::size_t kMaxText = 4096;

enum class Op : std::uint8_t {
  kToken = 1,
  kFind = 2,
  kList = 3,
  kGenerate = 4,
  kSign = 5,
  kSurvey = 6,
};

using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

/// A key as the child describes it; `number` names it in later requests.
struct KeyReport {
  std::uint32_t number = 0;
  Ed25519PublicKey public_key;
  KeyFacts facts;
};

/// @return kTransport when the other end is gone, kTimeout after the deadline, kTooLarge.
[[nodiscard]] Status send(int fd, ByteView frame, Deadline deadline);
[[nodiscard]] Result<Bytes> receive(int fd, Deadline deadline);

void put_text(Writer& out, std::string_view text);
[[nodiscard]] Result<std::string> take_text(Reader& in);
void put_token(Writer& out, const Token& token);
[[nodiscard]] Result<Token> take_token(Reader& in);
void put_key(Writer& out, const KeyReport& key);
[[nodiscard]] Result<KeyReport> take_key(Reader& in);
void put_survey(Writer& out, const Survey& survey);
[[nodiscard]] Result<Survey> take_survey(Reader& in);
/// A whole reply: first byte 0 and a payload, or first byte 1 and an error.
[[nodiscard]] Bytes error_reply(const Error& error);
/// The payload of a good reply, else the error it carries. @return kMalformed for anything else.
[[nodiscard]] Result<ByteView> open_reply(ByteView reply);

}  // namespace pawl::hsm::wire
