// pawl-tuf-client: the command line of the public TUF conformance suite over the client library,
// interop profile. A test program: it is not installed.
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "conformance/http_fetcher.hpp"
#include "manifest/path.hpp"
#include "manifest/updater.hpp"

namespace pawl::conformance {
namespace {

using namespace manifest;

/// The suite's layout: one file per role, the newest root as root.json.
class FlatStore final : public Store {
 public:
  FlatStore(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}
  Result<std::optional<Bytes>> load(const std::string& name, std::size_t limit) override {
    if (name.ends_with(".root")) return std::optional<Bytes>();
    auto bytes = read_optional(disk_, path_of(name), limit);
    return bytes ? std::move(bytes) : std::optional<Bytes>();
  }
  Status save(const std::string& name, ByteView bytes) override {
    return replace_file(disk_, path_of(name.ends_with(".root") ? "root" : name), bytes);
  }
  Status drop(const std::string& name) override { return remove_file(disk_, path_of(name)); }

 private:
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return directory_ + "/" + encode_role_name(name) + ".json";
  }
  Disk& disk_;
  std::string directory_;
};

struct Command {
  std::map<std::string, std::string> options;
  std::vector<std::string> targets;
  std::string verb;
  std::string argument;
};

Result<Command> parse_command(const std::vector<std::string>& args) {
  Command out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (!args[i].starts_with("--")) {
      (out.verb.empty() ? out.verb : out.argument) = args[i];
      continue;
    }
    if (i + 1 == args.size()) return fail(Errc::kUsage, args[i] + " lacks its value");
    if (args[i] == "--target-name") {
      out.targets.push_back(args[i + 1]);
    } else {
      out.options[args[i]] = args[i + 1];
    }
    ++i;
  }
  return out;
}

Status download(Updater& client, Disk& disk, const Command& command) {
  for (const auto& path : command.targets) {
    PAWL_TRY(const auto info, client.find(path));
    if (!info) return fail(Errc::kTransport, "no role lists target " + path);
    const auto file = command.options.at("--target-dir") + "/" + encode_role_name(path);
    PAWL_TRY(const auto cached, read_optional(disk, file, info->length));
    if (cached && cached->size() == info->length && info->hashes.check(*cached, path)) continue;
    PAWL_TRY(const auto bytes, client.fetch(*info, limits_of(Profile::kInterop).targets));
    PAWL_CHECK(replace_file(disk, file, bytes));
  }
  return Ok{};
}

Status run(const Command& command) {
  PosixDisk disk;
  const auto option = [&](const char* name) {
    const auto found = command.options.find(name);
    return found == command.options.end() ? std::string() : found->second;
  };
  const auto directory = option("--metadata-dir");
  UpdaterOptions options;
  options.profile = Profile::kInterop;
  options.limits = limits_of(Profile::kInterop);
  if (command.verb == "init") {
    PAWL_TRY(const auto root, read_file(disk, command.argument, options.limits.root));
    PAWL_CHECK(make_directories(disk, directory));
    return replace_file(disk, directory + "/root.json", root);
  }
  const bool wants_targets = command.verb == "download";
  if (command.verb != "refresh" && !wants_targets) return fail(Errc::kUsage, "unknown verb");
  PAWL_TRY(options.anchor, read_file(disk, directory + "/root.json", options.limits.root));
  HttpFetcher fetcher(option("--metadata-url"), option("--target-base-url"));
  FlatStore store(disk, directory);
  SystemClock clock;
  Updater client(fetcher, store, clock, std::move(options));
  PAWL_CHECK(client.refresh());
  return wants_targets ? download(client, disk, command) : Status(Ok{});
}

}  // namespace
}  // namespace pawl::conformance

int main(int argc, char** argv) {
  using namespace pawl::conformance;
  const auto command = parse_command({argv + 1, argv + argc});
  const auto status =
      command ? run(*command) : pawl::Status(pawl::fail(pawl::Errc::kUsage, "bad arguments"));
  if (status) return 0;
  std::cerr << "pawl-tuf-client: " << status.error().what() << '\n';
  return 1;  // the suite knows no other status
}
