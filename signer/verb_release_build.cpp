#include <algorithm>
#include <charconv>

#include "base/bytes.hpp"
#include "signer/release_build.hpp"
#include "signer/release_rules.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

constexpr std::uint64_t kMaxSecurityVersion = 65535;

Result<manifest::HardwareRevision> parse_hardware(const std::string& text) {
  manifest::HardwareRevision out;
  const auto colon = text.find(':');
  out.revision = text.substr(0, colon);
  if (colon == std::string::npos) return out;
  const auto* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, out.min_boot);
  if (error != std::errc{} || end != last) {
    return fail(Errc::kUsage, "--hardware " + printable(text) + " is not REVISION[:BOOT]");
  }
  return out;
}

Result<std::string> id_option(const cli::Args& args, std::string_view option,
                              const std::optional<std::string>& configured) {
  const auto given = args.get(option);
  if (given) return *given;
  if (configured) return *configured;
  return fail(Errc::kUsage, std::string(option) + " is missing")
      .with_hint("give it here, or as [products.NAME] vendor_id and class_id in signer.toml");
}

Status read_identity(const cli::Args& args, const ProductEntry& product, manifest::Release& out) {
  out.product = args.value("--product");
  out.version = args.value("--version");
  PAWL_TRY(out.vendor_id, id_option(args, "--vendor-id", product.vendor_id));
  PAWL_TRY(out.class_id, id_option(args, "--class-id", product.class_id));
  auto hardware = args.all("--hardware");
  if (hardware.empty()) hardware = product.hardware;
  if (hardware.empty()) return fail(Errc::kUsage, "--hardware is missing");
  for (const auto& text : hardware) {
    PAWL_TRY(auto revision, parse_hardware(text));
    out.hardware.push_back(std::move(revision));
  }
  return Ok{};
}

/// One above the last release of the product in the repository.
Result<ReleaseCounter> next_counter(Workbench& bench, const std::string& product) {
  const auto directory = bench.repository();
  if (!directory) {
    return fail(Errc::kUsage, "--counter is missing and there is no repository to count from")
        .with_hint("give --counter N, or --repo DIR");
  }
  PAWL_TRY(const auto published, published_releases(bench.disk(), *directory, product));
  return ReleaseCounter(published.empty() ? 1 : published.front().counter.get() + 1);
}

Status read_counters(const cli::Args& args, Workbench& bench, manifest::Release& out) {
  PAWL_TRY(const auto counter,
           args.number("--counter", 1, static_cast<std::uint64_t>(json::kMaxInteger)));
  PAWL_TRY(const auto security, args.number("--security-version", 0, kMaxSecurityVersion));
  PAWL_TRY(const auto least, args.number("--min-security-version", 0, kMaxSecurityVersion));
  out.security_version = SecurityVersion(security.value_or(0));
  out.min_security_version = SecurityVersion(least.value_or(0));
  if (out.min_security_version > out.security_version) {
    return fail(Errc::kUsage, "--min-security-version " + std::to_string(least.value_or(0)) +
                                  " is above --security-version " +
                                  std::to_string(security.value_or(0)));
  }
  if (counter) {
    out.release_counter = ReleaseCounter(*counter);
    return Ok{};
  }
  PAWL_TRY(out.release_counter, next_counter(bench, out.product));
  return Ok{};
}

Status read_offline(const cli::Args& args, manifest::Release& out) {
  const auto text = args.get("--offline-until");
  if (!text) return Ok{};
  auto until = parse_utc(*text);
  if (!until) {
    return fail(Errc::kUsage,
                "--offline-until " + printable(*text) + " is not like 2027-06-01T00:00:00Z");
  }
  out.offline = manifest::OfflineRule{manifest::OfflineUse::kAllowed, *until};
  return Ok{};
}

Status read_rules(const cli::Args& args, manifest::Release& out) {
  PAWL_CHECK(read_offline(args, out));
  if (const auto timeout = args.get("--health-timeout")) {
    PAWL_TRY(out.boot.health_timeout, parse_duration(*timeout));
  }
  const auto severity = args.get("--severity");
  if (!severity) return Ok{};
  using manifest::Severity;
  for (const auto word :
       {Severity::kLow, Severity::kMedium, Severity::kHigh, Severity::kCritical}) {
    if (manifest::severity_name(word) != *severity) continue;
    out.rollout = manifest::Rollout{};
    out.rollout->severity = word;
    return Ok{};
  }
  return fail(Errc::kUsage,
              "--severity " + printable(*severity) + " is not low, medium, high or critical");
}

std::string media_type_of(std::string_view kind) {
  if (kind == "sbom-cyclonedx") return "application/vnd.cyclonedx+json";
  if (kind == "sbom-spdx") return "application/spdx+json";
  if (kind == "slsa-provenance") return "application/vnd.in-toto+json";
  return kind == "notes" ? "text/markdown" : "application/json";
}

Status read_parts(const cli::Args& args, const ProductEntry& product, BuildInput& out) {
  for (const auto& text : args.all("--component")) {
    PAWL_TRY(auto spec, parse_component_spec(text));
    out.components.push_back(std::move(spec));
  }
  for (const auto& text : args.all("--attach")) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      return fail(Errc::kUsage, "--attach " + printable(text) + " is not KIND=FILE");
    }
    const auto kind = text.substr(0, equals);
    out.attachments.push_back({kind, media_type_of(kind), text.substr(equals + 1)});
  }
  out.uki = args.get("--uki");
  out.boot_profiles = args.all("--boot-profile");
  if (out.boot_profiles.empty()) out.boot_profiles = product.boot_profiles;
  if (out.boot_profiles.empty()) out.boot_profiles = {"efi-uki"};
  out.phases = args.get_or("--phases", product.phases.value_or(out.phases));
  if (out.components.empty() && !out.uki) {
    return fail(Errc::kUsage, "a release has at least one --component or --uki");
  }
  return Ok{};
}

void print(const BuiltRelease& built, const std::string& out, cli::Io& io) {
  const auto& release = built.release;
  json::Object result;
  result.set("release", out);
  result.set("product", release.product);
  result.set("version", release.version);
  result.set("release_counter", static_cast<std::int64_t>(release.release_counter.get()));
  result.set("security_version", static_cast<std::int64_t>(release.security_version.get()));
  result.set("manifest_sha256", to_hex(built.digest));
  auto text = "release " + release.product + " " + release.version + " in " + out + "\n  counter " +
              std::to_string(release.release_counter.get()) + ", security version " +
              std::to_string(release.security_version.get()) + " (floor " +
              std::to_string(release.min_security_version.get()) + ")\n  manifest " +
              to_hex(built.digest) + "\n";
  json::Array components;
  for (const auto& component : release.components) {
    const auto& payload = component.payloads.front();
    json::Object object;
    object.set("name", component.name);
    object.set("size", static_cast<std::int64_t>(component.size));
    object.set("container_size", static_cast<std::int64_t>(payload.container.size));
    object.set("sha256", to_hex(component.sha256));
    components.emplace_back(std::move(object));
    text += "  " + component.name + ": " + format_size(component.size) + ", as payload " +
            format_size(payload.container.size) + "\n";
  }
  result.set("components", std::move(components));
  for (const auto& record : release.measurements) {
    text += "  " + record.profile + ": " + std::to_string(record.digests.size()) +
            " measured digests, PCR 11 " + to_hex(*record.pcr11) + "\n";
  }
  io.result(std::move(result), text);
}

}  // namespace

Status run_release_build(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  const auto product = bench->config().product(args.value("--product"));
  BuildInput input;
  PAWL_CHECK(read_identity(args, product, input.release));
  PAWL_CHECK(read_counters(args, *bench, input.release));
  PAWL_CHECK(read_rules(args, input.release));
  PAWL_CHECK(read_parts(args, product, input));
  PAWL_TRY(input.payload, read_payload_options(args, kFullPayloadLevel));
  const auto& out = args.value("--out");
  PAWL_TRY(const auto built, build_release(bench->disk(), input, out, *io.progress));
  print(built, out, io);
  return Ok{};
}

}  // namespace pawl::signer
