#pragma once
#include <cstdint>

#include <sys/types.h>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "hsm/ckr.hpp"
#include "hsm/module.hpp"
#include "hsm/pin_source.hpp"

namespace pawl::hsm {

enum class Access : std::uint8_t { kRead, kWrite };
enum class PinTry : std::uint8_t {
  kSafe,    // refuses when the token says that a wrong PIN was given before
  kForced,  // spends the try anyway; never on a locked token
};

/// One PKCS#11 session; move-only, one thread at a time, refused in a forked child. The module
/// must outlive it. All sessions of a process on one token share its login.
class Session {
 public:
  /// @return kHsm with the CKR: no token any more, all sessions taken ...
  static Result<Session> open(Module& module, const Token& token, Access access);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;
  ~Session();

  /// Logs in as the token's user: at most one try, none when the token's flags say count low,
  /// final try or locked, or when the PIN's length cannot be right. The PIN lives in locked memory
  /// and is gone on return. Does nothing when the process is logged in already.
  /// @return kHsm; kUsage and kIo of the PIN source.
  Status login(PinSource& source, PinTry tries = PinTry::kSafe);
  [[nodiscard]] Result<bool> logged_in() const;
  [[nodiscard]] const Token& token() const { return token_; }

  // For the room's own files: the calls, after the check that this is the opening process.
  [[nodiscard]] Result<Calls*> calls() const;
  [[nodiscard]] unsigned long handle() const { return handle_; }

 private:
  Session(Module& module, Token token, unsigned long handle);
  void close() noexcept;
  Module* module_;
  Token token_;
  unsigned long handle_;
  pid_t process_;
  bool open_ = true;
};

}  // namespace pawl::hsm
