#include "updater/config.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/disk.hpp"
#include "base/toml.hpp"

namespace pawl::updater {
namespace {

constexpr std::size_t kMaxPath = 1024;
constexpr std::size_t kMaxName = 64;
constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kWeek = std::int64_t{7} * 24 * kHour;
constexpr std::string_view kFileUrl = "file://";
constexpr std::array<std::string_view, 4> kProfiles{"efi-uki", "grub-uki", "uboot-uki",
                                                    "uboot-bootm"};

/// Reads keys in the words of this file: every check is here, none in the callers.
class ConfigReader {
 public:
  ConfigReader(Toml& toml, const std::string& origin) : toml_(toml), folder_(parent_of(origin)) {}

  Result<std::string> name(std::string_view key) {
    PAWL_TRY(auto text, toml_.required(key));
    if (text.empty() || text.size() > kMaxName)
      return toml_.error(key, "must have 1 to 64 characters");
    return text;
  }

  Result<std::string> uuid(std::string_view key) {
    PAWL_TRY(auto text, toml_.required(key));
    const auto shaped = [&] {
      if (text.size() != 36) return false;
      for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (dash ? text[i] != '-' : !hex) return false;
      }
      return true;
    };
    if (!shaped()) return toml_.error(key, "must be a lower-case UUID");
    return text;
  }

  Result<std::string> path(std::string_view key) {
    PAWL_TRY(const auto text, toml_.required(key));
    return resolve(key, text);
  }
  Result<std::string> path_or(std::string_view key, std::string otherwise) {
    PAWL_TRY(const auto text, toml_.string(key));
    if (!text) return otherwise;
    return resolve(key, *text);
  }

  Result<Seconds> seconds(std::string_view key, Seconds otherwise, std::int64_t least,
                          std::int64_t most = kHour) {
    PAWL_TRY(const auto number, toml_.integer(key, least, most));
    return number ? Seconds(*number) : otherwise;
  }

  Result<std::string> repository(std::string_view key, const std::string& url) {
    const auto folder = url.substr(kFileUrl.size());
    if (!folder.starts_with('/')) return toml_.error(key, "must be file:/// and an absolute path");
    return resolve(key, folder);
  }

  Result<http::Origin> origin(std::string_view key, const std::string& url) {
    auto origin = http::Origin::parse(url);
    if (origin) return origin;
    return toml_.error(key, "must be https://HOST[:PORT], or file:/// and a repository folder");
  }

  Result<identity::SpiffeId> spiffe_id(std::string_view key) {
    PAWL_TRY(const auto text, toml_.required(key));
    auto id = identity::SpiffeId::parse(text);
    if (id) return id;
    return toml_.error(key, "must be the exact SPIFFE ID of the server: " + id.error().what());
  }

  Result<UtcTime> time_or_epoch(std::string_view key) {
    PAWL_TRY(const auto text, toml_.string(key));
    if (!text) return UtcTime{};
    auto time = parse_utc(*text);
    if (!time) return toml_.error(key, "must be a time like 2026-11-20T08:00:00Z");
    return time;
  }

  Toml& toml() { return toml_; }

 private:
  Result<std::string> resolve(std::string_view key, const std::string& text) {
    if (text.empty() || text.size() > kMaxPath || text.ends_with('/')) {
      return toml_.error(key, "must be a path of 1 to 1024 characters that does not end in /");
    }
    if (text.starts_with('/')) return text;
    return folder_ + "/" + text;
  }

  Toml& toml_;
  std::string folder_;
};

Result<manifest::LogMode> read_log_mode(ConfigReader& in) {
  PAWL_TRY(const auto word, in.toml().string("trust.tlog"));
  if (!word || *word == "warn") return manifest::LogMode::kWarn;
  if (*word == "off") return manifest::LogMode::kOff;
  if (*word == "require") return manifest::LogMode::kRequire;
  return in.toml().error("trust.tlog", "must be off, warn or require, not " + printable(*word));
}

Status read_device(ConfigReader& in, Config& out) {
  PAWL_TRY(out.device.product, in.name("device.product"));
  PAWL_TRY(out.device.hardware, in.name("device.hardware"));
  PAWL_TRY(out.device.vendor_id, in.uuid("device.vendor_id"));
  PAWL_TRY(out.device.class_id, in.uuid("device.class_id"));
  PAWL_TRY(out.trust_root, in.path_or("trust.root", out.trust_root));
  PAWL_TRY(out.build_epoch, in.time_or_epoch("trust.epoch"));
  PAWL_TRY(out.tlog, read_log_mode(in));
  return Ok{};
}

Status read_server(ConfigReader& in, Config& out) {
  PAWL_TRY(const auto url, in.toml().required("server.url"));
  if (url.starts_with(kFileUrl)) {
    PAWL_TRY(out.repository, in.repository("server.url", url));
    return Ok{};
  }
  PAWL_TRY(auto origin, in.origin("server.url", url));
  PAWL_TRY(auto id, in.spiffe_id("server.id"));
  out.server.emplace(Config::Server{std::move(origin), std::move(id)});
  PAWL_TRY(out.poll, in.seconds("policy.poll", out.poll, kMinute, kWeek));
  return Ok{};
}

Status read_issuer(ConfigReader& in, Config& out) {
  PAWL_TRY(const auto url, in.toml().required("identity.url"));
  auto origin = http::Origin::parse(url);
  if (!origin) return in.toml().error("identity.url", "must be https://HOST[:PORT]");
  PAWL_TRY(auto id, in.spiffe_id("identity.id"));
  PAWL_TRY(auto bundle, in.path("identity.bundle"));
  PAWL_TRY(const auto named, in.toml().string("identity.tcti"));
  auto tcti = named.value_or("");
  if (named && tcti.find(':') == std::string::npos) {
    return in.toml().error("identity.tcti", "must be named in full, like device:/dev/tpmrm0");
  }
  out.issuer.emplace(
      Config::Issuer{*std::move(origin), std::move(id), std::move(bundle), std::move(tcti)});
  return Ok{};
}

Status read_identity(ConfigReader& in, Config& out) {
  using Source = Config::Identity::Source;
  PAWL_TRY(const auto source, in.toml().string("identity.source"));
  if (!source && !out.server) return Ok{};
  if (!source) return in.toml().error("server.url", "needs [identity] source");
  Config::Identity identity;
  if (*source == "workload-api") {
    identity.source = Source::kWorkloadApi;
    PAWL_TRY(identity.endpoint, in.toml().required("identity.endpoint"));
  } else if (*source == "files") {
    PAWL_TRY(identity.folder, in.path_or("identity.path", ""));
  } else if (*source == "issuer") {
    identity.source = Source::kIssuer;
    PAWL_CHECK(read_issuer(in, out));
  } else {
    return in.toml().error("identity.source",
                           "must be files, workload-api or issuer, not " + printable(*source));
  }
  out.identity = std::move(identity);
  return Ok{};
}

/// What a back end is called, which measured boot it can have, and who places the UKIs.
struct BackendRow {
  std::string_view word;
  Config::Backend backend;
  std::array<std::string_view, 2> profiles;  // empty: any
  bool places_ukis;
};
constexpr std::array kBackends{
    BackendRow{"file", Config::Backend::kFile, {}, false},
    BackendRow{"systemd-boot", Config::Backend::kSystemdBoot, {"efi-uki"}, true},
    BackendRow{"u-boot", Config::Backend::kUBoot, {"uboot-uki", "uboot-bootm"}, false},
    BackendRow{"grub", Config::Backend::kGrub, {"grub-uki"}, true},
    BackendRow{"uefi", Config::Backend::kUefi, {"efi-uki"}, true}};

const BackendRow& row_of(Config::Backend backend) {
  return *std::find_if(kBackends.begin(), kBackends.end(),
                       [&](const BackendRow& row) { return row.backend == backend; });
}

Result<Config::Backend> read_backend(ConfigReader& in) {
  PAWL_TRY(const auto word, in.toml().required("boot.backend"));
  std::string known;
  for (const auto& row : kBackends) {
    if (word == row.word) return row.backend;
    known += (known.empty() ? "" : ", ") + std::string(row.word);
  }
  return in.toml().error("boot.backend", "must be one of " + known + ", not " + printable(word));
}

Result<std::string> read_profile(ConfigReader& in, const BackendRow& row) {
  PAWL_TRY(auto profile, in.toml().required("boot.profile"));
  if (std::find(kProfiles.begin(), kProfiles.end(), profile) == kProfiles.end()) {
    return in.toml().error("boot.profile", "must be efi-uki, grub-uki, uboot-uki or uboot-bootm");
  }
  if (row.profiles[0].empty() || profile == row.profiles[0] || profile == row.profiles[1]) {
    return profile;
  }
  return in.toml().error("boot.profile", "must be " + std::string(row.profiles[0]) +
                                             (row.profiles[1].empty() ? "" : " or ") +
                                             std::string(row.profiles[1]) + " with " +
                                             std::string(row.word));
}

Status read_backend_places(ConfigReader& in, Config::Boot& boot) {
  switch (boot.backend) {
    case Config::Backend::kFile: {
      PAWL_TRY(boot.state, in.path("boot.state"));
      PAWL_TRY(boot.booted, in.path("boot.booted"));
      return Ok{};
    }
    case Config::Backend::kUBoot: {
      PAWL_TRY(boot.environment, in.path_or("boot.environment", "/etc/fw_env.config"));
      PAWL_TRY(boot.booted, in.path_or("boot.booted", "/proc/device-tree/chosen/pawl,slot"));
      return Ok{};
    }
    case Config::Backend::kSystemdBoot:
    case Config::Backend::kGrub:
    case Config::Backend::kUefi: {
      PAWL_TRY(boot.esp, in.path("boot.esp"));
      return Ok{};
    }
  }
  std::abort();
}

Status read_boot(ConfigReader& in, Config& out) {
  auto& boot = out.boot;
  PAWL_TRY(boot.backend, read_backend(in));
  PAWL_TRY(boot.profile, read_profile(in, row_of(boot.backend)));
  PAWL_CHECK(read_backend_places(in, boot));
  PAWL_TRY(const auto version, in.toml().integer("boot.loader_version", 0, 1'000'000));
  boot.loader_version = static_cast<std::uint64_t>(version.value_or(0));
  PAWL_TRY(const auto reboot, in.toml().string("boot.reboot"));
  if (reboot && !reboot->starts_with('/')) {
    return in.toml().error("boot.reboot", "must be the absolute path of a program");
  }
  boot.reboot = reboot;
  return Ok{};
}

Status read_slots(ConfigReader& in, Config& out) {
  for (const auto slot : {boot::Slot::kA, boot::Slot::kB}) {
    auto& paths = out.slots[slot == boot::Slot::kA ? 0 : 1];
    const auto table = "slots." + std::string(boot::letter(slot));
    PAWL_TRY(paths.rootfs, in.path(table + ".rootfs"));
    if (!row_of(out.boot.backend).places_ukis) {
      PAWL_TRY(paths.uki, in.path(table + ".uki"));
    }
  }
  if (out.slots[0].rootfs == out.slots[1].rootfs) {
    return in.toml().error("slots.b.rootfs", "is the same as slots.a.rootfs");
  }
  if (!out.slots[0].uki.empty() && out.slots[0].uki == out.slots[1].uki) {
    return in.toml().error("slots.b.uki", "is the same as slots.a.uki");
  }
  return Ok{};
}

Status read_health(ConfigReader& in, Config& out) {
  PAWL_TRY(out.health.directory, in.path_or("health.directory", out.health.directory));
  PAWL_TRY(out.health.timeout, in.seconds("health.timeout", out.health.timeout, 1));
  PAWL_TRY(out.health.uptime, in.seconds("health.uptime", out.health.uptime, 0));
  return Ok{};
}

Status read_hooks(ConfigReader& in, Config& out) {
  PAWL_TRY(out.hooks.directory, in.path_or("hooks.directory", out.hooks.directory));
  PAWL_TRY(out.hooks.timeout, in.seconds("hooks.timeout", out.hooks.timeout, 1));
  return Ok{};
}

Status read_tpm(ConfigReader& in, Config& out) {
  PAWL_TRY(const auto tcti, in.toml().string("tpm.tcti"));
  if (!tcti) return Ok{};
  Config::Tpm tpm;
  tpm.tcti = *tcti;
  if (tcti->find(':') == std::string::npos) {
    return in.toml().error("tpm.tcti", "must be named in full, like device:/dev/tpmrm0");
  }
  PAWL_TRY(const auto mode, in.toml().string("tpm.mode"));
  if (mode && *mode != "dedicated") return in.toml().error("tpm.mode", "must be dedicated");
  PAWL_TRY(tpm.event_log, in.path_or("tpm.eventlog", tpm.event_log));
  PAWL_TRY(tpm.handover, in.path_or("tpm.handover", tpm.handover));
  PAWL_TRY(const auto key, in.toml().required("tpm.recovery_key"));
  const auto bytes = fixed_from_hex<decltype(tpm.recovery_key)>(key);
  if (!bytes) return in.toml().error("tpm.recovery_key", "must be 64 hexadecimal digits (X25519)");
  tpm.recovery_key = *bytes;
  if (out.boot.profile != "efi-uki") {
    return in.toml().error("boot.profile", "must be efi-uki with a TPM: no other can be predicted");
  }
  out.tpm = std::move(tpm);
  return Ok{};
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& origin) {
  PAWL_TRY(auto toml, Toml::parse(text, origin));
  ConfigReader in(toml, origin);
  Config out;
  PAWL_CHECK(read_device(in, out));
  PAWL_CHECK(read_server(in, out));
  PAWL_CHECK(read_identity(in, out));
  PAWL_CHECK(read_boot(in, out));
  PAWL_CHECK(read_slots(in, out));
  PAWL_CHECK(read_health(in, out));
  PAWL_CHECK(read_hooks(in, out));
  PAWL_CHECK(read_tpm(in, out));
  if (out.issuer && out.issuer->tcti.empty()) {
    out.issuer->tcti = out.tpm ? out.tpm->tcti : "device:/dev/tpmrm0";
  }
  PAWL_CHECK(toml.refuse_unknown());
  return out;
}

}  // namespace pawl::updater
