#include "base/bytes.hpp"
#include "signer/override.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

constexpr std::string_view kDefaultLife = "1d";
constexpr Seconds kLongestLife = std::chrono::hours(24 * 30);

Result<UtcTime> expiry_option(const cli::Args& args, UtcTime now) {
  PAWL_TRY(const auto life, parse_duration(args.get_or("--valid", kDefaultLife)));
  if (life > Seconds(0) && life <= kLongestLife) return now + life;
  return fail(Errc::kUsage, "--valid must be at most 30d");
}

void print(const manifest::Ticket& ticket, const SignedOverride& made, const std::string& path,
           const std::string& version, Workbench& bench, cli::Io& io) {
  json::Array waived;
  json::Array keys;
  std::string text = path + ": " + ticket.product + " " + version + " for device " +
                     to_hex(ticket.device).substr(0, 16) + ", once, until " +
                     format_utc(ticket.expires) + "; waives";
  for (const auto waiver : ticket.waivers) {
    waived.emplace_back(manifest::waiver_name(waiver));
    text += " " + std::string(manifest::waiver_name(waiver));
  }
  for (const auto& id : made.signers) keys.emplace_back(id.text);
  text += "\n";
  json::Object out;
  out.set("file", path);
  out.set("product", ticket.product);
  out.set("version", version);
  out.set("device", to_hex(ticket.device));
  out.set("manifest_sha256", to_hex(ticket.manifest));
  out.set("waives", std::move(waived));
  out.set("keys", std::move(keys));
  out.set("expires", format_utc(ticket.expires));
  mark_development(bench.ring().development_signers(), out, text);
  io.result(std::move(out), text);
}

}  // namespace

Status run_override(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  const auto& path = args.value("--out");
  OverrideInput input{args.value("--product"), args.value("--version"), args.value("--device"),
                      args.value("--nonce"),   args.all("--waive"),     {}};
  PAWL_TRY(input.expires, expiry_option(args, bench->clock().now()));
  PAWL_TRY(const auto repository, bench->load());
  PAWL_TRY(const auto ticket, plan_override(repository, input));
  PAWL_TRY(const auto made, sign_override(repository, ticket, bench->ring()));
  PAWL_CHECK(replace_file(bench->disk(), path, made.file));
  print(ticket, made, path, input.version, *bench, io);
  return Ok{};
}

}  // namespace pawl::signer
