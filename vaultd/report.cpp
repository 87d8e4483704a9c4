#include "vaultd/report.hpp"

#include "base/base64.hpp"

namespace pawl::vaultd {
namespace {

std::string_view protector_name(const Config& config) {
  switch (config.protector) {
    case Config::Protector::kTpm2:
      return "tpm2";
    case Config::Protector::kFile:
      return "file (development)";
  }
  PAWL_ASSERT(false);
}

json::Object base_of(const Config& config) {
  json::Object out;
  out.set("protector", protector_name(config));
  out.set("directory", config.directory);
  return out;
}

template <class Number>
std::int64_t number(Number value) {
  return static_cast<std::int64_t>(value);
}

json::Object entry_json(const vault::EntryInfo& entry) {
  json::Object out;
  out.set("name", entry.name);
  out.set("size", number(entry.size));
  out.set("version", number(entry.version));
  out.set("segments", number(entry.segments));
  return out;
}

std::string bytes_text(std::uint64_t size) {
  return std::to_string(size) + (size == 1 ? " byte" : " bytes");
}

void add_range(json::Object& out, const std::string& name, const Range& range,
               const GetResult& got) {
  out.set("name", name);
  out.set("size", number(got.size));
  out.set("offset", number(range.offset));
  out.set("length", number(got.length));
}

void add_status(json::Object& out, const vault::VaultStatus& status) {
  out.set("epoch", number(status.epoch));
  out.set("generation", number(status.generation));
  out.set("anchored_generation", number(status.anchored_generation));
  out.set("entries", number(status.entries));
}

std::string protector_line(const Config& config) {
  return "protector: " + std::string(protector_name(config));
}

}  // namespace

std::string_view warning_of(const Config& config) {
  switch (config.protector) {
    case Config::Protector::kTpm2:
      return {};
    case Config::Protector::kFile:
      return "protector: file (development): whoever has the disk has the vault";
  }
  PAWL_ASSERT(false);
}

void print_init(cli::Io& io, const Config& config, const vault::VaultStatus& made) {
  auto out = base_of(config);
  out.set("changed", true);
  out.set("user", config.user);
  out.set("device", config.device);
  out.set("recovery", config.recovery.has_value());
  add_status(out, made);
  std::string text = "made an empty vault in " + config.directory + " for user " + config.user +
                     "\n" + protector_line(config) + "\n";
  text += config.recovery ? "recovery: every epoch key is also sealed to the recovery key"
                          : "recovery: none; without this protector the vault is lost";
  io.result(std::move(out), text);
}

void print_put(cli::Io& io, const Config& config, const vault::EntryInfo& entry) {
  auto out = base_of(config);
  out.set("changed", true);
  out.set("entry", entry_json(entry));
  io.result(std::move(out), entry.name + ": " + bytes_text(entry.size) + ", version " +
                                std::to_string(entry.version));
}

void print_got(cli::Io& io, const Config& config, const std::string& name, const Range& range,
               const GetResult& got, const std::string& file) {
  auto out = base_of(config);
  add_range(out, name, range, got);
  out.set("file", file);
  io.result(std::move(out), name + ": " + bytes_text(got.length) + " in " + file);
}

void print_value(cli::Io& io, const Config& config, const std::string& name, const Range& range,
                 const GetValue& got) {
  auto out = base_of(config);
  add_range(out, name, range, got.facts);
  out.set("value_base64", to_base64(got.value.span(), Base64::kStandard));
  io.result(std::move(out), "");
}

void print_list(cli::Io& io, const Config& config, const std::vector<vault::EntryInfo>& entries) {
  auto out = base_of(config);
  json::Array rows;
  std::string text;
  for (const auto& entry : entries) {
    rows.push_back(entry_json(entry));
    text += std::to_string(entry.size) + "\t" + entry.name + "\n";
  }
  out.set("entries", std::move(rows));
  io.result(std::move(out), text);
}

void print_removed(cli::Io& io, const Config& config, const vault::EntryInfo& entry,
                   DryRun dry_run) {
  auto out = base_of(config);
  out.set("changed", dry_run == DryRun::kNo);
  if (dry_run == DryRun::kYes) out.set("dry_run", true);
  out.set("entry", entry_json(entry));
  io.result(std::move(out), entry.name + ": " + bytes_text(entry.size) +
                                (dry_run == DryRun::kYes ? " would be removed" : " removed"));
}

void print_rotated(cli::Io& io, const Config& config, const vault::VaultStatus& after,
                   Rotation rotation) {
  auto out = base_of(config);
  out.set("changed", true);
  out.set("deep", rotation == Rotation::kDeep);
  add_status(out, after);
  io.result(
      std::move(out),
      "epoch " + std::to_string(after.epoch) + ": " + std::to_string(after.entries) +
          (rotation == Rotation::kDeep ? " entries encrypted again" : " entries wrapped again"));
}

void print_recovered(cli::Io& io, const Config& config, const vault::VaultStatus& after) {
  auto out = base_of(config);
  out.set("changed", true);
  add_status(out, after);
  io.result(std::move(out), "recovered " + std::to_string(after.entries) +
                                " entries; the epoch key is new: " + std::to_string(after.epoch) +
                                "\n" + protector_line(config));
}

void print_status(cli::Io& io, const Config& config, const StatusResult& status) {
  auto out = base_of(config);
  out.set("user", config.user);
  out.set("device", config.device);
  out.set("recovery", config.recovery.has_value());
  out.set("bytes", number(status.bytes));
  add_status(out, status.vault);
  std::string text = protector_line(config) + "\n";
  text += "directory: " + config.directory + ", user " + config.user + ", device " + config.device +
          "\n";
  text +=
      "entries: " + std::to_string(status.vault.entries) + ", " + bytes_text(status.bytes) + "\n";
  text += "epoch: " + std::to_string(status.vault.epoch) + "\n";
  text += "generation: " + std::to_string(status.vault.generation) + ", anchored at " +
          std::to_string(status.vault.anchored_generation) + "\n";
  text += std::string("recovery: ") + (config.recovery ? "sealed to the recovery key" : "none");
  io.result(std::move(out), text);
}

void print_config(cli::Io& io, const Config& config, const std::string& path) {
  auto out = base_of(config);
  out.set("file", path);
  out.set("user", config.user);
  out.set("device", config.device);
  out.set("recovery", config.recovery.has_value());
  io.result(std::move(out), path + " is in order\n" + protector_line(config));
}

}  // namespace pawl::vaultd
