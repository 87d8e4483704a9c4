#include "vaultd/config.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/disk.hpp"
#include "base/toml.hpp"

namespace pawl::vaultd {
namespace {

constexpr std::size_t kMaxPath = 1024;
constexpr std::size_t kMaxWord = 64;

/// Reads keys in the words of this file.
class ConfigReader {
 public:
  ConfigReader(Toml& toml, const std::string& origin) : toml_(toml), folder_(parent_of(origin)) {}

  Result<std::string> path_or(std::string_view key, std::string otherwise) {
    PAWL_TRY(const auto text, toml_.string(key));
    if (!text) return otherwise;
    if (text->empty() || text->size() > kMaxPath || text->ends_with('/')) {
      return toml_.error(key, "must be a path of 1 to 1024 characters that does not end in /");
    }
    return text->starts_with('/') ? *text : folder_ + "/" + *text;
  }

  /// A name of a user or a device: it must stay itself inside `user@device`.
  Result<std::string> word_or(std::string_view key, std::string otherwise) {
    PAWL_TRY(const auto text, toml_.string(key));
    if (!text) return otherwise;
    const auto fits = [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-' || c == ':';
    };
    if (text->empty() || text->size() > kMaxWord ||
        !std::all_of(text->begin(), text->end(), fits)) {
      return toml_.error(key, "must have 1 to 64 characters of A-Z a-z 0-9 . _ - :");
    }
    return *text;
  }

  Toml& toml() { return toml_; }

 private:
  Toml& toml_;
  std::string folder_;
};

Result<Config::Protector> read_protector(ConfigReader& in) {
  PAWL_TRY(const auto word, in.toml().required("vault.protector"));
  if (word == "tpm2") return Config::Protector::kTpm2;
  if (word == "file") return Config::Protector::kFile;
  return in.toml().error("vault.protector", "must be tpm2 or file, not " + printable(word));
}

Result<vault::Anchoring> read_anchoring(ConfigReader& in) {
  PAWL_TRY(const auto word, in.toml().string("vault.anchor"));
  if (!word || *word == "first-write") return vault::Anchoring::kFirstWrite;
  if (*word == "every-write") return vault::Anchoring::kEveryWrite;
  return in.toml().error("vault.anchor",
                         "must be first-write or every-write, not " + printable(*word));
}

Status read_recovery(ConfigReader& in, Config& out) {
  PAWL_TRY(const auto text, in.toml().string("recovery.key"));
  if (!text) return Ok{};
  const auto key = fixed_from_hex<vault::RecoveryKey>(*text);
  if (!key) {
    return in.toml().error("recovery.key", "must be an X25519 public key, 64 hexadecimal digits");
  }
  out.recovery = *key;
  return Ok{};
}

/// Only the keys of the chosen protector are asked for: those of the other one are unknown.
Status read_keeper(ConfigReader& in, Config& out) {
  switch (out.protector) {
    case Config::Protector::kTpm2: {
      PAWL_TRY(const auto tcti, in.toml().string("tpm.tcti"));
      if (tcti) out.tpm.tcti = *tcti;
      PAWL_TRY(out.tpm.handover, in.path_or("tpm.handover", out.tpm.handover));
      return Ok{};
    }
    case Config::Protector::kFile: {
      PAWL_TRY(out.file.key, in.path_or("file.key", out.directory + ".key"));
      PAWL_TRY(out.file.anchor, in.path_or("file.anchor", out.directory + ".anchor"));
      return Ok{};
    }
  }
  PAWL_ASSERT(false);
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& origin) {
  PAWL_TRY(auto toml, Toml::parse(text, origin));
  ConfigReader in(toml, origin);
  Config out;
  PAWL_TRY(out.protector, read_protector(in));
  PAWL_TRY(out.directory, in.path_or("vault.directory", out.directory));
  PAWL_TRY(out.user, in.word_or("vault.user", out.user));
  PAWL_TRY(out.device, in.word_or("vault.device", out.device));
  PAWL_TRY(out.anchoring, read_anchoring(in));
  PAWL_CHECK(read_keeper(in, out));
  PAWL_CHECK(read_recovery(in, out));
  PAWL_CHECK(toml.refuse_unknown());
  return out;
}

}  // namespace pawl::vaultd
