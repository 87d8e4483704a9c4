#include "base/cli/command.hpp"

#include <sstream>

#include <catch2/catch.hpp>

using namespace pawl;

namespace {

constexpr cli::Option kOptions[] = {
    {"--repo", "DIR", "repository directory", cli::Need::kRequired},
    {"--count", "N", "how many", cli::Need::kOptional},
    {"--to", "WHERE", "may be repeated", cli::Need::kRepeated},
    {"--dry-run", "", "change nothing", cli::Need::kFlag},
    {"FILE", "", "files", cli::Need::kRepeated},
};

Status show(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(const auto count, args.number("--count", 1, 9));
  json::Object object;
  object.set("repo", args.value("--repo"));
  object.set("count", static_cast<int>(count.value_or(0)));
  object.set("to", static_cast<int>(args.all("--to").size()));
  object.set("files", static_cast<int>(args.all("FILE").size()));
  object.set("dry_run", args.flag("--dry-run"));
  io.result(std::move(object), "repo " + args.value("--repo"));
  return Ok{};
}

Status refuse(const cli::Args&, cli::Io&) {
  return fail(Errc::kRollback, "security version 3 is below the floor 4")
      .with_hint("nothing to do");
}

constexpr cli::Verb kVerbs[] = {{"key new", "make a key", kOptions, &show},
                                {"verify", "check a release", {}, &refuse}};
constexpr cli::Program kProgram{"pawl-test", "tests command lines", kVerbs};

struct Ran {
  int status;
  std::string out;
  std::string err;
};

Ran run(std::vector<std::string_view> args) {
  std::ostringstream out;
  std::ostringstream err;
  cli::Io io(out, err);
  const int status = cli::run(kProgram, args, io);
  return {status, out.str(), err.str()};
}

}  // namespace

TEST_CASE("command line: options, flags, repeats and positionals arrive", "[base][cli]") {
  const auto r = run({"key", "new", "--repo", "r", "--count", "3", "--to", "a", "--to", "b", "x",
                      "y", "--dry-run", "--json"});
  CHECK(r.status == 0);
  CHECK(r.out == R"({"count":3,"dry_run":true,"files":2,"repo":"r","schema":1,"to":2})"
                 "\n");
  CHECK(r.err.empty());
  CHECK(run({"key", "new", "--repo", "r"}).out == "repo r\n");
}

TEST_CASE("command line: misuse is 2 and names the argument", "[base][cli]") {
  const auto args = GENERATE(
      values<std::vector<std::string_view>>({{},
                                             {"bogus"},
                                             {"key"},
                                             {"key", "new"},
                                             {"key", "new", "--repo", "a", "--repo", "b"},
                                             {"key", "new", "--repo", "a", "--count", "10"},
                                             {"key", "new", "--repo", "a", "--count", "1x"},
                                             {"verify", "--nope"},
                                             {"verify", "extra"},
                                             {"verify", "--progress", "loud"}}));
  const auto r = run(args);
  CHECK(r.status == 2);
  CHECK(r.out.empty());
  CHECK(r.err.starts_with("pawl-test: "));
  CHECK(run({"key", "new", "--repo", "a", "--count", "10"}).err ==
        "pawl-test: --count '10' must be a number from 1 to 9\n");
}

TEST_CASE("command line: an error is text with a hint, and one JSON object", "[base][cli]") {
  const auto r = run({"verify", "--json"});
  CHECK(r.status == 14);
  CHECK(r.err == "pawl-test: security version 3 is below the floor 4\nhint: nothing to do\n");
  CHECK(r.out ==
        R"({"code":14,"error":"rollback","hint":"nothing to do","message":"security version 3 is )"
        R"(below the floor 4","ok":false,"schema":1})"
        "\n");
  CHECK(run({"verify", "--json", "--nope"}).out.find("\"code\":2") != std::string::npos);
}

TEST_CASE("command line: help and version are results, not errors", "[base][cli]") {
  const auto help = run({"key", "new", "--help"});
  CHECK(help.status == 0);
  CHECK(help.out.find("--dry-run") != std::string::npos);
  CHECK(run({"--version"}).out.starts_with("pawl-test "));
}
