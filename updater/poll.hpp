#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/strong.hpp"
#include "base/time.hpp"
#include "bootloader-hooks/slot.hpp"

/// Texts of POST /v1/check, the only poll (FORMAT 12).
namespace pawl::updater {

/// What a device says of itself.
struct PollRequest {
  boot::Slot slot = boot::Slot::kA;   // running
  ReleaseCounter release_counter{0};  // of the running release
  SecurityVersion security_version{0};
  std::string boot_id;
  MetadataVersion root{0};  // the highest root it trusts
  std::string etag;         // `meta` of the answer it acted on; "" at first

  [[nodiscard]] std::string format() const;
};

/// What the server says. A hint and nothing more: what is installed follows from signed metadata.
struct PollAnswer {
  static constexpr std::size_t kMaxBytes = 4096;
  struct Offer {
    std::string product;
    std::string version;
    Sha256Digest manifest;
  };
  std::string meta;  // names the server's present metadata; empty: it has none
  std::optional<Offer> offer;
  Seconds poll_after{0};

  /// Members it does not know are skipped. @return kTooLarge, kMalformed
  static Result<PollAnswer> parse(std::string_view text);
};

}  // namespace pawl::updater
