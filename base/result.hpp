#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pawl {

/// Why an operation was refused. Values are stable: they name the process exit
/// status, the `code` member of `--json` output and the log field `code`.
/// docs/ERRORS.md has a row for each; a test compares the two.
enum class Errc : std::uint8_t {
  kUsage = 2,             // the caller broke the command-line or API contract
  kIncomplete = 3,        // a ceremony has fewer signatures than its threshold
  kMalformed = 10,        // bytes do not follow docs/FORMAT.md
  kTooLarge = 11,         // a declared or actual length is over its limit
  kBadSignature = 12,     // fewer valid signatures than the role's threshold
  kExpired = 13,          // TUF freeze attack, or a clock that is wrong
  kRollback = 14,         // version, counter or security version below the stored floor
  kHashMismatch = 15,     // bytes are not those that were signed
  kNotForDevice = 16,     // product, hardware, trust domain or residency does not match
  kLedger = 17,           // the signer's ledger forbids this signature
  kPeer = 20,             // TLS peer has no acceptable X.509-SVID
  kTransport = 21,        // network failed; a retry may help
  kOffline = 22,          // no route to the server, or offline rules forbid the bundle
  kRefusedByServer = 23,  // the server answered and said no
  kConfig = 24,           // a configuration file is wrong
  kIo = 30,
  kNoSpace = 31,
  kTpm = 40,
  kHsm = 41,
  kBootloader = 42,
  kVault = 43,
  kBusy = 50,     // another process holds the lock
  kTimeout = 51,  // a deadline passed
  kInternal = 70,
};

/// The enumerator's name without `k`, in snake_case: `bad_signature`.
[[nodiscard]] std::string_view errc_name(Errc code);

/// One number behind a refusal: a version or counter by the name of its role or member, a size as
/// "bytes", a time as "expires" or "time" in seconds since 1970.
struct Figure {
  std::string name;
  std::uint64_t value = 0;
  friend bool operator==(const Figure&, const Figure&) = default;
};

/// Owns its text on the heap so that a Result stays one pointer wider than its
/// value and the success path stays small. Moves only.
class [[nodiscard]] Error {
 public:
  [[gnu::cold]] Error(Errc code, std::string what, std::int64_t raw);
  Error(const Error&) = delete;
  Error& operator=(const Error&) = delete;
  Error(Error&&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();
  [[nodiscard]] Errc code() const;
  [[nodiscard]] const std::string& what() const;  // one lower-case clause, no full stop, no secrets
  [[nodiscard]] const std::string& hint() const;  // what the user can do; empty if unknown
  [[nodiscard]] std::int64_t raw() const;  // errno, TSS2_RC, CK_RV or CURLcode behind it; 0 if none
  void prefix(std::string_view where);     // "where: what"
  /// The attack an accepted input would have served ("rollback"); empty for plain failures.
  [[nodiscard]] const std::string& attack() const;
  void set_attack(std::string_view attack);
  /// What the refused input showed, and what it was compared with; `--json` prints both.
  [[nodiscard]] const std::vector<Figure>& seen() const;
  [[nodiscard]] const std::vector<Figure>& trusted() const;
  Error with_seen(std::string_view name, std::uint64_t value) &&;
  Error with_trusted(std::string_view name, std::uint64_t value) &&;
  /// Adds the hint unless a more specific one is there already.
  Error with_hint(std::string hint) &&;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

/// A value or an Error. Reading the wrong side aborts in every build type.
template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return fail(...)` read best.
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)
  explicit operator bool() const noexcept { return v_.index() == 0; }
  const T& operator*() const& { return side<0>(v_); }
  T& operator*() & { return side<0>(v_); }
  T&& operator*() && { return std::move(side<0>(v_)); }
  const T* operator->() const { return &side<0>(v_); }
  T* operator->() { return &side<0>(v_); }
  const Error& error() const& { return side<1>(v_); }
  Error&& error() && { return std::move(side<1>(v_)); }

 private:
  template <std::size_t I, class V>
  static auto& side(V& v) {
    auto* p = std::get_if<I>(&v);
    if (p == nullptr) std::abort();
    return *p;
  }
  std::variant<T, Error> v_;
};

struct Ok {};
using Status = Result<Ok>;

[[gnu::cold]] Error fail(Errc code, std::string what, std::int64_t raw = 0);

}  // namespace pawl

#define PAWL_CAT2(a, b) a##b
#define PAWL_CAT(a, b) PAWL_CAT2(a, b)
/// `PAWL_TRY(auto x, f());` binds the value of f() or returns its Error. Two statements:
/// never the body of an `if` without braces.
#define PAWL_TRY(decl, expr) PAWL_TRY_IMPL(PAWL_CAT(pawl_try_, __COUNTER__), decl, expr)
#define PAWL_TRY_IMPL(tmp, decl, expr)     \
  auto tmp = (expr);                       \
  if (!tmp) return std::move(tmp).error(); \
  decl = *std::move(tmp)
/// `PAWL_CHECK(f());` returns the Error of f(), if any. A single statement.
#define PAWL_CHECK(expr)                                                                \
  do {                                                                                  \
    if (auto pawl_status = (expr); !pawl_status) return std::move(pawl_status).error(); \
  } while (false)
/// A broken invariant of our own ends the process, in every build type.
#define PAWL_ASSERT(condition)      \
  do {                              \
    if (!(condition)) std::abort(); \
  } while (false)
