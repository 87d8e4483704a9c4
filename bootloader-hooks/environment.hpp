#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bootloader-hooks/boot_state.hpp"

namespace pawl::boot {

/// A loader's variables in the order of its file; ours among those of others, which are kept.
class Environment {
 public:
  using Variable = std::pair<std::string, std::string>;

  /// The last one of that name wins, as in the loaders.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  /// Takes the place of the variable of that name, or comes last.
  void set(std::string_view name, std::string value);
  [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }
  /// Adds a line as it was read. @return kMalformed without name or `=`.
  [[nodiscard]] Status append(std::string_view line);

  /// The boot state in `pawl_primary`, `pawl_trial`, `pawl_tries` and `pawl_bad`. FORMAT 5.11.
  /// @return kMalformed when one is missing or says anything but FORMAT 5.1
  [[nodiscard]] Result<BootState> boot_state() const;
  void set_boot_state(const BootState& state);

 private:
  std::vector<Variable> variables_;
};

}  // namespace pawl::boot
