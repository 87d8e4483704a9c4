#include "base/cli/command.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/version.hpp"

namespace pawl::cli {

bool Args::flag(std::string_view name) const {
  return !all(name).empty();
}

std::optional<std::string> Args::get(std::string_view name) const {
  const auto& values = all(name);
  if (values.empty()) return std::nullopt;
  return values.front();
}

std::string Args::get_or(std::string_view name, std::string_view otherwise) const {
  const auto& values = all(name);
  return values.empty() ? std::string(otherwise) : values.front();
}

const std::string& Args::value(std::string_view name) const {
  const auto& values = all(name);
  PAWL_ASSERT(!values.empty());
  return values.front();
}

const std::vector<std::string>& Args::all(std::string_view name) const {
  const auto at = values_.find(name);
  PAWL_ASSERT(at != values_.end());
  return at->second;
}

Result<std::optional<std::uint64_t>> Args::number(std::string_view name, std::uint64_t least,
                                                  std::uint64_t most) const {
  const auto text = get(name);
  if (!text) return std::optional<std::uint64_t>();
  std::uint64_t v = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), v);
  if (error != std::errc{} || end != text->data() + text->size() || v < least || v > most) {
    return fail(Errc::kUsage, std::string(name) + " " + printable(*text) +
                                  " must be a number from " + std::to_string(least) + " to " +
                                  std::to_string(most));
  }
  return std::optional(v);
}

void Io::result(json::Object object, std::string_view text) {
  if (json) {
    object.set("schema", 1);
    out << json::write(object) << '\n';
  } else {
    out << text << (text.empty() || text.ends_with('\n') ? "" : "\n");
  }
  out.flush();
}

void Io::note(std::string_view line) {
  err << program << ": " << line << '\n' << std::flush;
}

namespace {

struct Common {
  bool json = false;
  std::string progress = "auto";
  std::string log = "warning";
};

json::Object figures(const std::vector<Figure>& list) {
  json::Object out;
  for (const auto& figure : list) out.set(figure.name, static_cast<std::int64_t>(figure.value));
  return out;
}

void report(const Error& error, Io& io) {
  io.note(error.what());
  if (!error.attack().empty()) io.err << "attack: " << error.attack() << '\n';
  if (!error.hint().empty()) io.err << "hint: " << error.hint() << '\n';
  if (!io.json) return;
  json::Object object;
  object.set("ok", false);
  object.set("code", static_cast<int>(error.code()));
  object.set("error", errc_name(error.code()));
  object.set("message", error.what());
  if (!error.attack().empty()) object.set("attack", error.attack());
  if (!error.seen().empty()) object.set("seen", figures(error.seen()));
  if (!error.trusted().empty()) object.set("trusted", figures(error.trusted()));
  if (!error.hint().empty()) object.set("hint", error.hint());
  io.result(std::move(object), "");
}

LogLevel level_of(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  return name == "warning" ? LogLevel::kWarning : LogLevel::kError;
}

}  // namespace

/// One CLI11 application per program; the values land in Args.
class Parser {
 public:
  explicit Parser(const Program& program)
      : program_(program), app_(std::string(program.summary), std::string(program.name)) {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string(program.name) + " " + std::string(kVersion));
    app_.set_help_flag("-h,--help", "print this help and exit");
    for (const auto& verb : program.verbs) add(verb);
  }

  void parse(std::span<const std::string_view> args) {
    std::vector<std::string> reversed(args.rbegin(), args.rend());  // as CLI11 wants it
    app_.parse(reversed);
  }
  int help(const CLI::ParseError& wish, Io& io) { return app_.exit(wish, io.out, io.err); }

  [[nodiscard]] const Verb* chosen() const { return chosen_; }
  [[nodiscard]] const Args& args() const { return args_; }
  [[nodiscard]] const Common& common() const { return common_; }

 private:
  void add(const Verb& verb) {
    auto* sub = parent_for(verb);
    sub->description(std::string(verb.summary));
    sub->final_callback([this, &verb] {
      chosen_ = &verb;
      collect(verb);
    });
    for (const auto& option : verb.options) add(*sub, verb, option);
    sub->add_flag("--json", common_.json, "print results as JSON, one object per line");
    sub->add_option("--progress", common_.progress, "auto, json or none")
        ->type_name("MODE")
        ->check(CLI::IsMember({"auto", "json", "none"}));
    sub->add_option("--log", common_.log, "least level of log lines on standard error")
        ->type_name("LEVEL")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  }

  CLI::App* parent_for(const Verb& verb) {
    const auto space = verb.name.find(' ');
    if (space == std::string_view::npos) return app_.add_subcommand(std::string(verb.name));
    const std::string group(verb.name.substr(0, space));
    auto*& parent = groups_[group];
    if (parent == nullptr) {
      parent = app_.add_subcommand(group, "see " + group + " --help");
      parent->require_subcommand(1);
    }
    return parent->add_subcommand(std::string(verb.name.substr(space + 1)));
  }

  void add(CLI::App& sub, const Verb& verb, const Option& option) {
    auto& slot = given_[std::string(verb.name)][std::string(option.name)];
    const std::string name(option.name);
    const std::string help(option.help);
    if (option.need == Need::kFlag) {
      sub.add_flag_callback(
          name, [&slot] { slot.emplace_back("1"); }, help);
      return;
    }
    auto* added = sub.add_option(name, slot, help)->type_name(std::string(option.value));
    if (option.need == Need::kRequired) added->required();
    added->expected(1);
    added->allow_extra_args(false);
    if (option.need == Need::kRepeated) {
      added->expected(-1);
      added->allow_extra_args(!name.starts_with("--"));  // `--to X FILE`: FILE is not for --to
      added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    } else {
      added->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
  }

  void collect(const Verb& verb) {
    for (const auto& option : verb.options) {
      args_.values_[std::string(option.name)] =
          given_[std::string(verb.name)][std::string(option.name)];
    }
  }

  using Values = std::map<std::string, std::vector<std::string>>;
  const Program& program_;
  CLI::App app_;
  std::map<std::string, CLI::App*> groups_;  // owned by app_
  std::map<std::string, Values> given_;
  Common common_;
  Args args_;
  const Verb* chosen_ = nullptr;
};

namespace {

int run_verb(const Parser& parser, Io& io) {
  io.json = parser.common().json;
  StreamLog log(io.err, level_of(parser.common().log));
  SystemClock clock;
  NoProgress none;
  TerminalProgress terminal(io.err, clock);
  JsonProgress lines(io.err, clock);
  io.log = &log;
  io.progress = &none;
  if (parser.common().progress == "json") io.progress = &lines;
  if (parser.common().progress == "auto" && &io.err == &std::cerr && ::isatty(2) != 0) {
    io.progress = &terminal;
  }
  const auto done = parser.chosen()->run(parser.args(), io);
  io.progress->finish();
  io.log = nullptr;
  io.progress = nullptr;
  if (done) return 0;
  report(done.error(), io);
  return static_cast<int>(done.error().code());
}

}  // namespace

int run(const Program& program, std::span<const std::string_view> args, Io& io) {
  io.program = program.name;
  try {
    Parser parser(program);
    try {
      parser.parse(args);
    } catch (const CLI::Success& wish) {
      return parser.help(wish, io);
    } catch (const CLI::ParseError& why) {
      io.json = std::find(args.begin(), args.end(), "--json") != args.end();
      report(fail(Errc::kUsage, why.what()).with_hint(io.program + " --help lists the verbs"), io);
      return static_cast<int>(Errc::kUsage);
    }
    return run_verb(parser, io);
  } catch (const std::exception& why) {
    report(fail(Errc::kInternal, std::string("unexpected: ") + why.what()), io);
    return static_cast<int>(Errc::kInternal);
  }
}

int run_main(const Program& program, int argc, char** argv) {
  std::vector<std::string_view> args;
  for (int i = 1; i < argc; ++i) args.emplace_back(argv[i]);
  Io io(std::cout, std::cerr);
  return run(program, args, io);
}

}  // namespace pawl::cli
