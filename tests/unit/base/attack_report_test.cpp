#include <sstream>

#include <catch2/catch.hpp>

#include "base/cli/command.hpp"

using namespace pawl;

namespace {

Status refuse(const cli::Args&, cli::Io&) {
  auto error = fail(Errc::kRollback, "timestamp 1 is older than version 2");
  error.set_attack("rollback");
  return std::move(error).with_seen("timestamp", 1).with_trusted("timestamp", 2);
}
Status fail_plainly(const cli::Args&, cli::Io&) {
  return fail(Errc::kIo, "disk is gone");
}

}  // namespace

TEST_CASE("cli: a refusal names the attack in text and JSON with its numbers (FORMAT 2.9.2)",
          "[base][cli]") {
  const cli::Verb verbs[] = {{"refuse", "refuses", {}, &refuse},
                             {"fail", "fails", {}, &fail_plainly}};
  const cli::Program program{"pawl-test", "a test", verbs};
  const auto run = [&](std::string_view verb, std::ostringstream& out, std::ostringstream& err) {
    cli::Io io(out, err);
    io.program = program.name;
    const std::string_view args[] = {verb, "--json"};
    return cli::run(program, args, io);
  };
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run("refuse", out, err) == 14);
  CHECK(err.str().find("attack: rollback\n") != std::string::npos);
  CHECK(out.str().find("\"attack\":\"rollback\"") != std::string::npos);
  CHECK(out.str().find(R"("seen":{"timestamp":1},"trusted":{"timestamp":2})") != std::string::npos);
  out.str("");
  err.str("");
  CHECK(run("fail", out, err) == 30);
  CHECK(out.str().find("attack") == std::string::npos);
  CHECK(out.str().find("seen") == std::string::npos);
  CHECK(err.str().find("attack") == std::string::npos);
}
