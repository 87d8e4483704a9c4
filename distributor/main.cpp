#include "base/cli/command.hpp"
#include "base/disk.hpp"
#include "base/toml.hpp"
#include "distributor/serve.hpp"

namespace {

using namespace pawl;

constexpr cli::Option kConfigOption[] = {{"--config", "FILE",
                                          "configuration, default /etc/pawl/distributor.toml",
                                          cli::Need::kOptional}};

Result<distributor::Config> load_config(const cli::Args& args) {
  const auto path = args.get_or("--config", "/etc/pawl/distributor.toml");
  PosixDisk disk;
  PAWL_TRY(const auto text, read_file(disk, path, Toml::kMaxBytes));
  return distributor::parse_config(as_text(text), path);
}

Status serve(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(const auto config, load_config(args));
  return distributor::serve(config, io);
}

Status check_config(const cli::Args& args, cli::Io& io) {
  PAWL_CHECK(load_config(args));
  io.result({}, "configuration is valid");
  return Ok{};
}

constexpr cli::Verb kVerbs[] = {
    {"serve", "serve a repository to devices that hold an SVID", kConfigOption, &serve},
    {"check-config", "check the configuration and do nothing else", kConfigOption, &check_config}};

}  // namespace

int main(int argc, char** argv) {
  return cli::run_main({"pawl-distributor", "firmware releases for attested devices", kVerbs}, argc,
                       argv);
}
