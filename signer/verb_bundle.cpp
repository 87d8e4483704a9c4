#include "base/bytes.hpp"
#include "base/progress.hpp"
#include "signer/bundle.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

void print(const BundlePlan& plan, const WrittenBundle& written, const std::string& path,
           UtcTime now, cli::Io& io) {
  const auto& release = plan.release;
  const bool offline = release.offline && release.offline->use == manifest::OfflineUse::kAllowed;
  json::Object out;
  out.set("file", path);
  out.set("product", release.product);
  out.set("version", release.version);
  out.set("manifest_sha256", to_hex(plan.manifest));
  out.set("size", static_cast<std::int64_t>(written.size));
  out.set("files", static_cast<std::int64_t>(written.files));
  out.set("sha256", to_hex(written.sha256));
  out.set("usable_until", format_utc(plan.usable_until));
  if (!offline) {
    io.note("warning: " + release.product + " " + release.version +
            " is not signed for offline use (release build --offline-until): devices refuse the "
            "bundle once the timestamp has expired");
  }
  io.result(std::move(out), path + ": " + release.product + " " + release.version + ", " +
                                std::to_string(written.files) + " files, " +
                                format_size(written.size) + "; usable for " +
                                format_duration(plan.usable_until - now) + ", until " +
                                format_utc(plan.usable_until) + "\n");
}

}  // namespace

Status run_bundle(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  const auto& path = args.value("--out");
  PAWL_TRY(auto locked, bench->lock_and_load());
  PAWL_TRY(const auto plan, plan_bundle(bench->disk(), locked.repository, args.value("--product"),
                                        args.get_or("--version", "")));
  locked.lock.reset();  // payloads are named by their digest and never change
  const auto now = bench->clock().now();
  PAWL_TRY(const auto written,
           write_bundle(bench->disk(), locked.repository, plan, path, now, *io.progress));
  print(plan, written, path, now, io);
  return Ok{};
}

}  // namespace pawl::signer
