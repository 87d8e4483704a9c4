#include "signer/config.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/toml.hpp"
#include "signer/paths.hpp"

namespace pawl::signer {
namespace {

constexpr const char* kSystemPath = "/etc/pawl/signer.toml";
constexpr std::string_view kFileName = "signer.toml";
constexpr const char* kLedgerName = "signer.ledger";
constexpr std::array<std::string_view, 5> kRoles{"root", "targets", "release", "snapshot",
                                                 "timestamp"};

Status read_expiry(Toml& toml, Expiry& expiry) {
  for (const auto role : kRoles) {
    const auto key = "expiry." + std::string(role);
    PAWL_TRY(const auto text, toml.string(key));
    if (!text) continue;
    const auto duration = parse_duration(*text);
    if (!duration) return toml.error(key, "is " + duration.error().what());
    expiry.of(role) = *duration;
  }
  return Ok{};
}

Status read_time(Toml& toml, const std::string& key, Seconds& out) {
  constexpr Seconds kLongest{600};
  PAWL_TRY(const auto text, toml.string(key));
  if (!text) return Ok{};
  const auto duration = parse_duration(*text);
  if (!duration || *duration > kLongest) return toml.error(key, "must be 1s to 10m");
  out = *duration;
  return Ok{};
}

Status read_command(Toml& toml, const std::string& key, KeyEntry& entry) {
  constexpr std::int64_t kLeast = 64;
  constexpr std::int64_t kMost = std::int64_t{1} << 20U;
  PAWL_TRY(auto command, toml.strings(key + ".command"));
  PAWL_TRY(const auto limit, toml.integer(key + ".message_limit", kLeast, kMost));
  PAWL_CHECK(read_time(toml, key + ".timeout", entry.time_limit));
  if (!command) return Ok{};
  if (command->empty() || !command->front().starts_with('/')) {
    return toml.error(key + ".command", "must begin with the absolute path of a program");
  }
  if (entry.uri) return toml.error(key + ".command", "and uri exclude each other");
  entry.command = *std::move(command);
  if (limit) entry.message_limit = static_cast<std::size_t>(*limit);
  return Ok{};
}

Result<KeyEntry> read_key(Toml& toml, const std::string& name, const std::string& directory) {
  const auto key = "keys." + name;
  if (!is_name(name)) {
    return fail(Errc::kConfig, key + ": a key's name has 1 to 32 characters of a-z, 0-9 and '-'");
  }
  KeyEntry entry;
  entry.name = name;
  PAWL_TRY(const auto record, toml.required(key + ".record"));
  entry.record = resolve_path(directory, record);
  PAWL_TRY(entry.uri, toml.string(key + ".uri"));
  PAWL_TRY(const auto pin, toml.string(key + ".pin"));
  if (pin) entry.pin = resolve_pin(directory, *pin);
  PAWL_CHECK(read_command(toml, key, entry));
  return entry;
}

Result<ProductEntry> read_product(Toml& toml, const std::string& name) {
  const auto key = "products." + name + ".";
  ProductEntry entry;
  entry.name = name;
  PAWL_TRY(entry.vendor_id, toml.string(key + "vendor_id"));
  PAWL_TRY(entry.class_id, toml.string(key + "class_id"));
  PAWL_TRY(entry.phases, toml.string(key + "phases"));
  PAWL_TRY(auto hardware, toml.strings(key + "hardware"));
  PAWL_TRY(auto profiles, toml.strings(key + "boot_profiles"));
  if (hardware) entry.hardware = *std::move(hardware);
  if (profiles) entry.boot_profiles = *std::move(profiles);
  return entry;
}

std::string beside(const std::string& repository) {
  auto trimmed = repository;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
  const auto parent = parent_of(trimmed);
  return resolve_path(parent, std::string(kFileName));
}

/// A TOML basic string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Result<std::string> text_of(Disk& disk, const std::string& path) {
  PAWL_TRY(const auto bytes, read_optional(disk, path, Toml::kMaxBytes));
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

/// Writes only what parse_config accepts.
Status write_text(Disk& disk, const std::string& path, const std::string& text) {
  PAWL_CHECK(parse_config(text, path));
  PAWL_CHECK(make_directories(disk, parent_of(path)));
  return replace_file(disk, path, as_bytes(text));
}

}  // namespace

bool is_name(std::string_view text) {
  constexpr std::size_t kLongest = 32;
  return !text.empty() && text.size() <= kLongest && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

const KeyEntry* Config::find(std::string_view name) const {
  const auto at = std::find_if(keys.begin(), keys.end(),
                               [&](const KeyEntry& entry) { return entry.name == name; });
  return at == keys.end() ? nullptr : &*at;
}

ProductEntry Config::product(std::string_view name) const {
  const auto at = std::find_if(products.begin(), products.end(),
                               [&](const ProductEntry& entry) { return entry.name == name; });
  return at == products.end() ? ProductEntry{} : *at;
}

Result<Config> parse_config(std::string_view text, std::string path) {
  PAWL_TRY(auto toml, Toml::parse(text, path));
  const auto directory = parent_of(path);
  Config config;
  config.path = std::move(path);
  PAWL_TRY(const auto repository, toml.string("repository"));
  if (repository) config.repository = resolve_path(directory, *repository);
  PAWL_TRY(const auto id, toml.string("repository_id"));
  if (id) {
    const auto digest = fixed_from_hex<Sha256Digest>(*id);
    if (!digest) return toml.error("repository_id", "must be 64 hexadecimal digits");
    config.repository_id = *digest;
  }
  PAWL_TRY(const auto ledger, toml.string("ledger"));
  config.ledger = resolve_path(directory, ledger.value_or(kLedgerName));
  PAWL_TRY(const auto module, toml.string("module"));
  if (module && !module->starts_with('/')) return toml.error("module", "must be an absolute path");
  if (module) config.module = *module;
  PAWL_CHECK(read_time(toml, "token_timeout", config.token_timeout));
  PAWL_CHECK(read_expiry(toml, config.expiry));
  for (const auto& name : toml.tables("keys")) {
    PAWL_TRY(auto entry, read_key(toml, name, directory));
    config.keys.push_back(std::move(entry));
  }
  for (const auto& name : toml.tables("products")) {
    PAWL_TRY(auto entry, read_product(toml, name));
    config.products.push_back(std::move(entry));
  }
  if (config.keys.size() > Config::kMaxKeys) {
    return fail(Errc::kConfig,
                config.path + ": more than " + std::to_string(Config::kMaxKeys) + " keys");
  }
  PAWL_CHECK(toml.refuse_unknown());
  return config;
}

std::string config_path_for(const std::optional<std::string>& named,
                            const std::optional<std::string>& repository) {
  if (named) return *named;
  return repository ? beside(*repository) : std::string(kFileName);
}

Result<Config> load_config(Disk& disk, const std::optional<std::string>& named,
                           const std::optional<std::string>& repository) {
  for (const auto& path : {config_path_for(named, repository), std::string(kSystemPath)}) {
    PAWL_TRY(const auto bytes, read_optional(disk, path, Toml::kMaxBytes));
    if (bytes) return parse_config(as_text(*bytes), path);
    if (named) return fail(Errc::kConfig, path + " does not exist");
  }
  return Config{};
}

Status append_key(Disk& disk, const std::string& path, const KeyEntry& key) {
  PAWL_TRY(auto text, text_of(disk, path));
  PAWL_TRY(const auto config, parse_config(text, path));
  if (config.find(key.name) != nullptr) {
    return fail(Errc::kConfig, path + " already has a key named " + key.name);
  }
  const auto directory = parent_of(path);
  if (!text.empty()) text += text.ends_with('\n') ? "\n" : "\n\n";
  text += "[keys." + key.name + "]\n";
  text += "record = " + quoted(relative_path(directory, key.record)) + "\n";
  if (key.command.empty()) {
    text += "pin = " + quoted(relative_pin(directory, key.pin)) + "\n";
  } else {
    text += "command = [";
    for (const auto& word : key.command) {
      text += (text.ends_with('[') ? "" : ", ") + quoted(word);
    }
    text += "]\n";
  }
  return write_text(disk, path, text);
}

Status set_repository(Disk& disk, const std::string& path, const std::string& repository,
                      const Sha256Digest& id, const Expiry& expiry) {
  PAWL_TRY(const auto text, text_of(disk, path));
  PAWL_TRY(const auto config, parse_config(text, path));
  if (config.repository_id && *config.repository_id != id) {
    return fail(Errc::kConfig,
                path + " is for another repository, " + to_hex(*config.repository_id).substr(0, 16))
        .with_hint("give each repository a signer.toml of its own: --config FILE");
  }
  std::string top;  // keys without a table have to stand in front of all tables
  if (!config.repository) {
    top += "repository = " + quoted(relative_path(parent_of(path), repository)) + "\n";
  }
  if (!config.repository_id) top += "repository_id = " + quoted(to_hex(id)) + "\n";
  std::string bottom;
  if (text.find("[expiry]") == std::string::npos) {
    bottom = "\n[expiry]\n";
    for (const auto role : kRoles) {
      bottom += std::string(role) + " = " + quoted(duration_text(expiry.of(role))) + "\n";
    }
  }
  if (top.empty() && bottom.empty()) return Ok{};
  return write_text(disk, path, top + (top.empty() ? "" : "\n") + text + bottom);
}

}  // namespace pawl::signer
