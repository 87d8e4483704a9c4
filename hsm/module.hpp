#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "hsm/ckr.hpp"
#include "hsm/token.hpp"
#include "hsm/uri.hpp"

namespace pawl::hsm {

struct ModuleInfo {
  std::string path;  // resolved
  std::string manufacturer, description;
  unsigned version_major = 0, version_minor = 0;
};

/// One loaded and initialised PKCS#11 module. At most one per file and process: the module itself
/// is asked, and a second load is refused. Sessions must go first.
class Module {
 public:
  /// @param path  absolute; the file must belong to root or the user and be writable by no others
  /// @return kHsm: not found, not a module, wrong version, already in use, or the module's error.
  static Result<Module> load(const std::string& path);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  Module(Module&&) noexcept;
  Module& operator=(Module&&) noexcept;
  ~Module();

  [[nodiscard]] const ModuleInfo& info() const;
  /// Initialised tokens that are in the module's slots now. The slots are those of the first call:
  /// a slot that appears later is seen by a new Module only.
  [[nodiscard]] Result<std::vector<Token>> tokens();
  /// Fresh facts of one slot: PIN state without spending a try.
  [[nodiscard]] Result<Token> token_at(std::uint64_t slot_id);
  /// Mechanism numbers of a slot, sorted.
  [[nodiscard]] Result<std::vector<std::uint64_t>> mechanisms(std::uint64_t slot_id);
  /// The module's function list; valid while this object lives.
  [[nodiscard]] Calls& calls();

 private:
  struct Body;
  explicit Module(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

/// The modules of one program, each loaded once, by resolved path. Outlives all sessions.
class Modules {
 public:
  /// Loads on first use. @return the errors of Module::load
  Result<Module*> get(const std::string& path);

 private:
  std::vector<std::unique_ptr<Module>> loaded_;
};

/// module-path of the URI, else `otherwise`. @return kUsage when neither is given or the URI's
/// library attributes do not fit `otherwise`.
[[nodiscard]] Result<std::string> module_path(const Uri& uri, const std::string& otherwise);
/// The module's library-* attributes against the URI. @return kHsm when they differ.
[[nodiscard]] Status check_library(const Uri& uri, const ModuleInfo& info);

}  // namespace pawl::hsm
