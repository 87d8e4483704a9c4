#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "signer/delta.hpp"
#include "signer/release_rules.hpp"
#include "signer/spread.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

constexpr std::uint64_t kDefaultCover = 90;  // percent of the devices

std::vector<std::string> last_versions(const std::vector<PublishedRelease>& published,
                                       std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(count, published.size()); ++i) {
    out.push_back(published[i].version);
  }
  return out;
}

Result<std::vector<std::string>> from_spread(Workbench& bench, const std::string& file,
                                             const std::string& product, unsigned cover) {
  PAWL_TRY(const auto bytes, read_file(bench.disk(), file, kMaxSpreadBytes));
  auto spread = Spread::parse(as_text(bytes));
  if (!spread) {
    auto error = std::move(spread).error();
    error.prefix(file);
    return error;
  }
  if (spread->product != product) {
    return fail(Errc::kUsage, file + " is of product " + printable(spread->product) +
                                  ", the release is of " + product);
  }
  return spread->cover(cover, kMaxDeltas);
}

/// One of --from, --last, --spread; --last 1 when none is given.
Result<std::vector<std::string>> versions_of(const cli::Args& args, Workbench& bench,
                                             const std::string& repository,
                                             const std::string& product) {
  const auto& from = args.all("--from");
  PAWL_TRY(const auto last, args.number("--last", 1, kMaxDeltas));
  PAWL_TRY(const auto cover, args.number("--cover", 1, 100));
  const auto spread = args.get("--spread");
  if (static_cast<int>(!from.empty()) + static_cast<int>(last.has_value()) +
          static_cast<int>(spread.has_value()) >
      1) {
    return fail(Errc::kUsage, "--from, --last and --spread exclude each other");
  }
  if (cover && !spread) return fail(Errc::kUsage, "--cover needs --spread");
  if (!from.empty()) return from;
  if (spread) {
    return from_spread(bench, *spread, product,
                       static_cast<unsigned>(cover.value_or(kDefaultCover)));
  }
  PAWL_TRY(const auto published, published_releases(bench.disk(), repository, product));
  return last_versions(published, last.value_or(1));
}

std::string_view use_name(DeltaMade::Use use) {
  switch (use) {
    case DeltaMade::Use::kAdded:
      return "added";
    case DeltaMade::Use::kThere:
      return "there";
    case DeltaMade::Use::kNoSmaller:
      return "no-smaller";
    case DeltaMade::Use::kNoBase:
      return "no-base";
  }
  return "";
}

json::Object row_of(const DeltaMade& made) {
  constexpr std::array<const char*, 5> kKinds{"zero", "copy", "zstd", "zstd_old", "copy_add"};
  json::Object windows;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    windows.set(kKinds[i], static_cast<std::int64_t>(made.frames.windows[i]));
  }
  json::Object out;
  out.set("component", made.component);
  out.set("from", made.from);
  out.set("use", use_name(made.use));
  out.set("bytes", static_cast<std::int64_t>(made.bytes));
  out.set("full_bytes", static_cast<std::int64_t>(made.full_bytes));
  out.set("windows", std::move(windows));
  return out;
}

std::string line_of(const DeltaMade& made) {
  const auto head = "  " + made.component + " from " + made.from + ": ";
  if (made.use == DeltaMade::Use::kNoBase) return head + "that release has no such component\n";
  const auto percent = made.bytes * 100 / std::max<std::uint64_t>(made.full_bytes, 1);
  auto out = head + format_size(made.bytes) + ", " + std::to_string(percent) + " % of the full " +
             format_size(made.full_bytes);
  if (made.use == DeltaMade::Use::kThere) out += " (was there)";
  if (made.use == DeltaMade::Use::kNoSmaller) out += " (left out)";
  return out + "\n";
}

void print(const DeltaResult& done, const std::string& directory, cli::Io& io) {
  json::Object result;
  result.set("release", directory);
  result.set("version", done.release.release.version);
  result.set("manifest_sha256", to_hex(done.release.digest));
  result.set("changed", done.changed);
  json::Array rows;
  auto text = "release " + done.release.release.product + " " + done.release.release.version +
              " in " + directory + "\n";
  for (const auto& made : done.made) {
    rows.emplace_back(row_of(made));
    text += line_of(made);
  }
  result.set("deltas", std::move(rows));
  text += "  manifest " + to_hex(done.release.digest) + (done.changed ? "\n" : " (unchanged)\n");
  io.result(std::move(result), text);
}

}  // namespace

Status run_delta(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  DeltaInput input;
  input.release = args.value("DIR");
  PAWL_TRY(input.repository, bench->repository());
  PAWL_TRY(input.payload, read_payload_options(args, kDeltaPayloadLevel));
  PAWL_TRY(const auto built, load_release(bench->disk(), input.release));
  PAWL_TRY(input.versions, versions_of(args, *bench, input.repository, built.release.product));
  PAWL_TRY(const auto done, add_deltas(bench->disk(), input, *io.progress));
  print(done, input.release, io);
  return Ok{};
}

}  // namespace pawl::signer
