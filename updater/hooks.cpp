#include "updater/hooks.hpp"

#include <cerrno>

#include "base/digest.hpp"
#include "base/json.hpp"
#include "updater/host.hpp"
#include "updater/process.hpp"

namespace pawl::updater {
namespace {

std::string input_of(HookPoint point, const HookFacts& facts) {
  json::Object out;
  out.set("schema", 1);
  out.set("hook", hook_name(point));
  out.set("slot", boot::letter(facts.slot));
  out.set("version", facts.version);
  out.set("reason", facts.reason);
  return json::write(out) + "\n";
}

Status answer_of(const ProcessResult& result, const std::string& name, Seconds limit) {
  const auto said = last_line(result.output);
  const auto tail = said.empty() ? said : ": " + said;
  switch (result.end) {
    case ProcessResult::End::kExit:
      if (result.value == 0) return Ok{};
      return fail(Errc::kBusy,
                  name + " refused (exit status " + std::to_string(result.value) + ")" + tail);
    case ProcessResult::End::kSignal:
      return fail(Errc::kIo, name + " ended by signal " + std::to_string(result.value) + tail);
    case ProcessResult::End::kTimeout:
      return fail(Errc::kTimeout, name + " gave no answer in " + format_duration(limit) + tail);
  }
  std::abort();
}

/// Names an outcome in the file; its parts are in the journal.
std::string digest_of(const Outcome& outcome) {
  return to_hex(sha256(as_bytes(std::string(ending_name(outcome.ending)) + "\n" + outcome.version +
                                "\n" + outcome.reason))) +
         "\n";
}

}  // namespace

std::string_view hook_name(HookPoint point) {
  switch (point) {
    case HookPoint::kPreInstall:
      return "pre-install";
    case HookPoint::kPostInstall:
      return "post-install";
    case HookPoint::kPreReboot:
      return "pre-reboot";
    case HookPoint::kPostCommit:
      return "post-commit";
    case HookPoint::kPostRollback:
      return "post-rollback";
  }
  std::abort();
}

Result<std::size_t> HookDirectory::run(HookPoint point, const HookFacts& facts) {
  const auto folder = directory_ + "/" + std::string(hook_name(point));
  PosixDisk disk;
  auto listed = disk.list(folder);
  if (!listed && listed.error().raw() == ENOENT) return std::size_t{0};
  PAWL_TRY(const auto names, std::move(listed));
  const std::vector<std::string> environment{
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PAWL_HOOK=" + std::string(hook_name(point)),
      "PAWL_SLOT=" + std::string(boot::letter(facts.slot)), "PAWL_VERSION=" + facts.version};
  const auto input = input_of(point, facts);
  std::size_t count = 0;
  for (const auto& name : names) {
    const auto path = in_folder(folder, name);
    if (!LinuxHost::stat_executable(path)) continue;
    const auto result = run_process(path, environment, timeout_, input);
    auto answer =
        result ? answer_of(*result, "hook " + std::string(hook_name(point)) + "/" + name, timeout_)
               : Status(fail(Errc::kIo, result.error().what()));
    log_.write(answer ? LogLevel::kInfo : LogLevel::kError, "hook",
               {{"at", std::string(hook_name(point))},
                {"name", name},
                {"problem", answer ? "" : answer.error().what()}});
    PAWL_CHECK(std::move(answer));
    ++count;
  }
  return count;
}

Status ToldFile::forget_if_under_way(const Record& record) {
  if (record.state == State::kIdle) return Ok{};
  return remove_file(disk_, path_);
}

Result<bool> ToldFile::due(const Record& record) {
  if (record.state != State::kIdle || !record.last) return false;
  PAWL_TRY(const auto told, read_optional(disk_, path_, kMaxBytes));
  return !told || as_text(*told) != digest_of(*record.last);
}

Status ToldFile::told(const Outcome& outcome) {
  return replace_file(disk_, path_, as_bytes(digest_of(outcome)));
}

}  // namespace pawl::updater
