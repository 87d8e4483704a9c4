#include "signer/lint.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

json::Object finding_json(const LintFinding& finding) {
  json::Object out;
  out.set("weight", finding.weight == LintFinding::Weight::kStuck ? "stuck" : "warning");
  out.set("what", finding.what);
  if (!finding.remedy.empty()) out.set("remedy", finding.remedy);
  return out;
}

void print(const LintReport& report, const std::string& directory, cli::Io& io) {
  json::Array findings;
  std::string text;
  for (const auto& finding : report.findings) {
    findings.emplace_back(finding_json(finding));
    const bool stuck = finding.weight == LintFinding::Weight::kStuck;
    text += (stuck ? "STUCK: " : "warning: ") + finding.what + "\n";
    if (!finding.remedy.empty()) text += "  " + finding.remedy + "\n";
  }
  if (text.empty()) {
    text = directory + ": devices of every age update (" + std::to_string(report.roots) +
           (report.roots == 1 ? " root)\n" : " roots)\n");
  }
  json::Object result;
  result.set("repository", directory);
  result.set("roots", static_cast<std::int64_t>(report.roots));
  result.set("findings", std::move(findings));
  io.result(std::move(result), text);
}

}  // namespace

Status run_lint(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  const auto named = args.get("DIR");
  PAWL_TRY(const auto config, load_config(disk, args.get("--config"), named));
  if (!named && !config.repository) {
    return fail(Errc::kUsage, "which repository?").with_hint("pawl-signer lint DIR");
  }
  const auto directory = named ? *named : *config.repository;
  PAWL_TRY(const auto now, clock_option(args));
  PAWL_TRY(const auto report, lint_repository(disk, directory, now));
  print(report, directory, io);
  if (!report.stuck()) return Ok{};
  return fail(Errc::kIncomplete, directory + ": some devices cannot update")
      .with_hint("the lines that begin with STUCK say which, and why");
}

}  // namespace pawl::signer
