#include "hsm/module.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <dlfcn.h>
#include <libp11.h>
#include <openssl/err.h>
#include <p11-kit/pkcs11.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/handle.hpp"

namespace pawl::hsm {
namespace {

using ContextPtr = Handle<PKCS11_CTX, &PKCS11_CTX_free>;
using LibraryPtr = Handle<void, &::dlclose>;
constexpr std::size_t kMaxSlots = 256;
constexpr std::size_t kMaxMechanisms = 4096;

/// Fixed-width, blank-padded text of PKCS#11.
template <std::size_t N>
std::string trimmed(const unsigned char (&field)[N]) {
  std::string out(reinterpret_cast<const char*>(field), N);
  while (!out.empty() && (out.back() == ' ' || out.back() == '\0')) out.pop_back();
  return out;
}

/// libp11 leaves the CKR as the reason of the newest entry of the OpenSSL error queue.
Error libp11_error(std::string_view call) {
  unsigned long last = 0;
  while (const unsigned long e = ERR_get_error()) last = e;
  const auto rv = static_cast<Ckr>(ERR_GET_REASON(last));
  return ckr_error(call, rv == CKR_OK ? CKR_GENERAL_ERROR : rv);
}

Error module_error(const std::string& path, const std::string& why) {
  return fail(Errc::kHsm, "PKCS#11 module " + printable(path) + ": " + why);
}

Result<std::string> resolve(const std::string& path) {
  if (path.empty() || path.front() != '/') {
    return module_error(path, "the path must be absolute");
  }
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  if (error) {
    return module_error(path, error.message())
        .with_hint("SoftHSM: apt-get install softhsm2, /usr/lib/softhsm/libsofthsm2.so");
  }
  return real.string();
}

/// The module runs in our process with our PIN: whoever can write the file owns the keys.
Status check_owner(const std::string& path) {
  struct stat st = {};
  if (::stat(path.c_str(), &st) != 0) {
    return module_error(path, std::generic_category().message(errno));
  }
  if (!S_ISREG(st.st_mode)) return module_error(path, "not a regular file");
  if (st.st_uid != 0 && st.st_uid != ::geteuid()) {
    return module_error(path, "owned by user " + std::to_string(st.st_uid));
  }
  if ((st.st_mode & 0022U) != 0) return module_error(path, "others may write it");
  return Ok{};
}

Result<CK_FUNCTION_LIST*> function_list(const std::string& path, void* library) {
  const auto entry = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  if (entry == nullptr) return module_error(path, "not a PKCS#11 module");
  CK_FUNCTION_LIST* calls = nullptr;
  const CK_RV rv = entry(&calls);
  if (rv != CKR_OK) return ckr_error("C_GetFunctionList", rv);
  if (calls == nullptr) return module_error(path, "gives no functions");
  if (calls->version.major != 2 && calls->version.major != 3) {
    return module_error(path,
                        "speaks PKCS#11 " + std::to_string(calls->version.major) + ", not 2 or 3");
  }
  return calls;
}

/// The module is its own registry: a process-wide library that answers is already in use.
Status check_unused(const std::string& path, CK_FUNCTION_LIST& calls) {
  CK_INFO info = {};
  if (calls.C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED) {
    return module_error(path, "already in use in this process");
  }
  return Ok{};
}

PinState pin_state(CK_FLAGS flags) {
  if ((flags & CKF_USER_PIN_INITIALIZED) == 0) return PinState::kNotSet;
  if ((flags & CKF_USER_PIN_LOCKED) != 0) return PinState::kLocked;
  if ((flags & CKF_USER_PIN_TO_BE_CHANGED) != 0) return PinState::kToBeChanged;
  if ((flags & CKF_USER_PIN_FINAL_TRY) != 0) return PinState::kFinalTry;
  if ((flags & CKF_USER_PIN_COUNT_LOW) != 0) return PinState::kCountLow;
  return PinState::kGood;
}

Token token_of(CK_SLOT_ID slot_id, const CK_TOKEN_INFO& info) {
  Token out;
  out.slot_id = slot_id;
  out.label = trimmed(info.label);
  out.manufacturer = trimmed(info.manufacturerID);
  out.model = trimmed(info.model);
  out.serial = trimmed(info.serialNumber);
  out.firmware_major = info.firmwareVersion.major;
  out.firmware_minor = info.firmwareVersion.minor;
  out.pin = pin_state(info.flags);
  out.min_pin = info.ulMinPinLen;
  out.max_pin = info.ulMaxPinLen;
  out.initialised = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
  out.login_required = (info.flags & CKF_LOGIN_REQUIRED) != 0;
  out.protected_path = (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  out.write_protected = (info.flags & CKF_WRITE_PROTECTED) != 0;
  return out;
}

bool is_empty_slot(const Error& error) {
  return error.raw() == static_cast<std::int64_t>(CKR_TOKEN_NOT_PRESENT) ||
         error.raw() == static_cast<std::int64_t>(CKR_TOKEN_NOT_RECOGNIZED);
}

}  // namespace

struct Module::Body {
  Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  Body(Body&&) = delete;
  Body& operator=(Body&&) = delete;
  ~Body() {
    if (slots != nullptr) PKCS11_release_all_slots(context.get(), slots, slot_count);
    if (initialised) PKCS11_CTX_unload(context.get());
  }
  /// Once: releasing libp11's slots closes every session on them, ours too.
  Status enumerate() {
    if (slots != nullptr) return Ok{};
    ERR_clear_error();
    if (PKCS11_enumerate_slots(context.get(), &slots, &slot_count) < 0) {
      return libp11_error("C_GetSlotList");
    }
    if (slot_count > kMaxSlots) return fail(Errc::kTooLarge, "the module shows over 256 slots");
    return Ok{};
  }
  ModuleInfo info;
  LibraryPtr library;  // closed last
  CK_FUNCTION_LIST* calls = nullptr;
  ContextPtr context;
  bool initialised = false;
  PKCS11_SLOT* slots = nullptr;  // owned by the context's release call
  unsigned slot_count = 0;
};

Module::Module(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Module::Module(Module&&) noexcept = default;
Module& Module::operator=(Module&&) noexcept = default;
Module::~Module() = default;

const ModuleInfo& Module::info() const {
  return body_->info;
}
Calls& Module::calls() {
  return *body_->calls;
}

Result<Module> Module::load(const std::string& path) {
  auto body = std::make_unique<Body>();
  PAWL_TRY(body->info.path, resolve(path));
  const auto& real = body->info.path;
  PAWL_CHECK(check_owner(real));
  body->library.reset(::dlopen(real.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!body->library) {
    const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): thread-local in glibc
    return module_error(real, "cannot be loaded: " + printable(why == nullptr ? "" : why));
  }
  PAWL_TRY(body->calls, function_list(real, body->library.get()));
  PAWL_CHECK(check_unused(real, *body->calls));
  ERR_clear_error();
  body->context.reset(PKCS11_CTX_new());
  if (!body->context) return libp11_error("PKCS11_CTX_new");
  if (PKCS11_CTX_load(body->context.get(), real.c_str()) < 0) return libp11_error("C_Initialize");
  body->initialised = true;
  CK_INFO info = {};
  if (const CK_RV rv = body->calls->C_GetInfo(&info); rv != CKR_OK) {
    return ckr_error("C_GetInfo", rv);
  }
  body->info.manufacturer = trimmed(info.manufacturerID);
  body->info.description = trimmed(info.libraryDescription);
  body->info.version_major = info.libraryVersion.major;
  body->info.version_minor = info.libraryVersion.minor;
  return Module(std::move(body));
}

Result<std::vector<Token>> Module::tokens() {
  PAWL_CHECK(body_->enumerate());
  std::vector<Token> out;
  for (unsigned i = 0; i < body_->slot_count; ++i) {
    auto& slot = body_->slots[i];
    auto token = token_at(PKCS11_get_slotid_from_slot(&slot));
    if (!token && is_empty_slot(token.error())) continue;
    if (!token) return std::move(token).error();
    token->slot_description = slot.description == nullptr ? "" : slot.description;
    token->slot_manufacturer = slot.manufacturer == nullptr ? "" : slot.manufacturer;
    if (token->initialised) out.push_back(*std::move(token));
  }
  return out;
}

Result<Token> Module::token_at(std::uint64_t slot_id) {
  CK_TOKEN_INFO info = {};
  const CK_RV rv = body_->calls->C_GetTokenInfo(slot_id, &info);
  if (rv != CKR_OK) return ckr_error("C_GetTokenInfo", rv);
  return token_of(slot_id, info);
}

Result<std::vector<std::uint64_t>> Module::mechanisms(std::uint64_t slot_id) {
  CK_ULONG count = 0;
  CK_RV rv = body_->calls->C_GetMechanismList(slot_id, nullptr, &count);
  if (rv != CKR_OK) return ckr_error("C_GetMechanismList", rv);
  if (count > kMaxMechanisms) return fail(Errc::kTooLarge, "the token has over 4096 mechanisms");
  std::vector<CK_MECHANISM_TYPE> list(count);
  rv = body_->calls->C_GetMechanismList(slot_id, list.data(), &count);
  if (rv != CKR_OK) return ckr_error("C_GetMechanismList", rv);
  list.resize(std::min<std::size_t>(count, list.size()));
  std::vector<std::uint64_t> out(list.begin(), list.end());
  std::sort(out.begin(), out.end());
  return out;
}

Result<Module*> Modules::get(const std::string& path) {
  PAWL_TRY(const auto real, resolve(path));
  for (const auto& module : loaded_) {
    if (module->info().path == real) return module.get();
  }
  PAWL_TRY(auto module, Module::load(real));
  loaded_.push_back(std::make_unique<Module>(std::move(module)));
  return loaded_.back().get();
}

Result<std::string> module_path(const Uri& uri, const std::string& otherwise) {
  if (uri.module_path) return *uri.module_path;
  if (!otherwise.empty()) return otherwise;
  return fail(Errc::kUsage, "no PKCS#11 module given")
      .with_hint("add ?module-path=/usr/lib/softhsm/libsofthsm2.so to the URI");
}

Status check_library(const Uri& uri, const ModuleInfo& info) {
  const auto major = std::to_string(info.version_major);
  const auto full = major + "." + std::to_string(info.version_minor);
  const bool fits =
      (!uri.library_manufacturer || *uri.library_manufacturer == info.manufacturer) &&
      (!uri.library_description || *uri.library_description == info.description) &&
      (!uri.library_version || *uri.library_version == major || *uri.library_version == full);
  if (fits) return Ok{};
  return fail(Errc::kHsm, "the module is " + printable(info.description) + " of " +
                              printable(info.manufacturer) + ", version " + full +
                              ", not the one the URI names");
}

}  // namespace pawl::hsm
