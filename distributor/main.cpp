#include <array>

#include "base/cli/command.hpp"
#include "distributor/admin_channel.hpp"
#include "distributor/verbs.hpp"

namespace {

using namespace pawl;
using distributor::kChannelOptions;

constexpr cli::Option kConfigOption[] = {kChannelOptions[0]};
constexpr cli::Option kReason{"--reason", "TEXT", "for the audit", cli::Need::kOptional};
constexpr cli::Option kTag{"--tag", "TAG", "may be given again; replaces all tags",
                           cli::Need::kRepeated};

/// The options of the channel, then a verb's own.
template <std::size_t N>
constexpr std::array<cli::Option, N + 4> with_channel(const cli::Option (&own)[N]) {
  std::array<cli::Option, N + 4> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = own[i];
  for (std::size_t i = 0; i < 4; ++i) out[N + i] = kChannelOptions[i];
  return out;
}

constexpr cli::Option kId{"ID", "", "SPIFFE ID of the device", cli::Need::kRequired};
constexpr auto kPublish = with_channel(
    {cli::Option{"DIR", "", "repository directory that pawl-signer wrote", cli::Need::kRequired}});
constexpr auto kList = with_channel({cli::Option{
    "--state", "STATE", "only pending, admitted, banned or retired", cli::Need::kOptional}});
constexpr auto kShow = with_channel({kId});
constexpr auto kAdmit = with_channel(
    {kId, cli::Option{"--product", "NAME", "whose releases it gets", cli::Need::kOptional}, kTag,
     kReason});
constexpr auto kDecide = with_channel({kId, kReason});
constexpr auto kTags = with_channel({kId, kTag});
constexpr auto kRelease = with_channel({cli::Option{"PRODUCT", "", "", cli::Need::kRequired},
                                        cli::Option{"VERSION", "", "", cli::Need::kRequired}});
constexpr auto kAudit = with_channel(
    {cli::Option{"--after", "NUMBER", "entries above this one", cli::Need::kOptional}});

constexpr cli::Verb kVerbs[] = {
    {"serve", "serve a repository to devices that hold an SVID", kConfigOption,
     &distributor::run_serve},
    {"publish", "bring the served repository up to DIR", kPublish, &distributor::run_publish},
    {"device list", "list devices", kList, &distributor::run_device_list},
    {"device show", "show a device and what it reported", kShow, &distributor::run_device_show},
    {"device admit", "let a device have releases", kAdmit, &distributor::run_device_admit},
    {"device ban", "refuse a device from now on", kDecide, &distributor::run_device_ban},
    {"device unban", "let a banned device wait for admission again", kDecide,
     &distributor::run_device_unban},
    {"device retire", "refuse a device that is out of service", kDecide,
     &distributor::run_device_retire},
    {"device tag", "replace a device's tags", kTags, &distributor::run_device_tag},
    {"release list", "list what the repository offers", kChannelOptions,
     &distributor::run_release_list},
    {"release withdraw", "stop offering a release", kRelease, &distributor::run_release_withdraw},
    {"release restore", "offer a withdrawn release again", kRelease,
     &distributor::run_release_restore},
    {"audit", "show who changed what", kAudit, &distributor::run_audit},
    {"status", "figures of the running distributor", kChannelOptions, &distributor::run_status},
    {"check-config", "check the configuration and do nothing else", kConfigOption,
     &distributor::run_check_config}};

}  // namespace

int main(int argc, char** argv) {
  return cli::run_main({"pawl-distributor", "firmware releases for attested devices", kVerbs}, argc,
                       argv);
}
