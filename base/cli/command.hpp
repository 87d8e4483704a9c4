#pragma once
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"

/// Command lines of all programs: a table of verbs; parsing, help, errors and exit status are here.
namespace pawl::cli {

enum class Need : std::uint8_t { kFlag, kOptional, kRequired, kRepeated };

struct Option {
  std::string_view name;   // "--repo", or "FILE" for a positional argument
  std::string_view value;  // what follows it, e.g. "DIR"; empty for a flag
  std::string_view help;
  Need need = Need::kOptional;
};

/// What was given on the command line. Asking for an option the verb does not declare aborts.
class Args {
 public:
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  [[nodiscard]] std::string get_or(std::string_view name, std::string_view otherwise) const;
  /// The value of a kRequired option.
  [[nodiscard]] const std::string& value(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& all(std::string_view name) const;
  /// A decimal integer between `least` and `most`; kUsage names the option and the limits.
  [[nodiscard]] Result<std::optional<std::uint64_t>> number(std::string_view name,
                                                            std::uint64_t least,
                                                            std::uint64_t most) const;

 private:
  friend class Parser;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// What a verb may write to. Results go to `out`, everything else to `err`.
class Io {
 public:
  Io(std::ostream& out_stream, std::ostream& err_stream) : out(out_stream), err(err_stream) {}
  std::ostream& out;
  std::ostream& err;
  bool json = false;
  std::string program;
  Log* log = nullptr;            // set by run
  Progress* progress = nullptr;  // set by run

  /// Prints one result: `text` for people, or with --json the object with "schema":1 added.
  void result(json::Object object, std::string_view text);
  /// One line for people on `err`, program name first.
  void note(std::string_view line);
};

struct Verb {
  std::string_view name;  // "install", or two words: "key new"
  std::string_view summary;
  std::span<const Option> options;
  Status (*run)(const Args& args, Io& io);
};

struct Program {
  std::string_view name;
  std::string_view summary;
  std::span<const Verb> verbs;
};

/// Parses, runs one verb, prints its error. @return the exit status: 0 or the Errc.
/// Every verb also takes --help, --json, --progress auto|json|none and --log LEVEL.
int run(const Program& program, std::span<const std::string_view> args, Io& io);
/// The `main` of a program: run() on stdin, stdout and stderr; catches what libraries throw.
int run_main(const Program& program, int argc, char** argv);

}  // namespace pawl::cli
