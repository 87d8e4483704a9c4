#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

/// Release manifest, format 1 (FORMAT 3): what one release of one product consists of and who may
/// install it. `parse` reads canonical bytes only; `serialise` writes them.
namespace pawl::manifest {

inline constexpr std::size_t kMaxReleaseBytes = std::size_t{64} * 1024;
inline constexpr std::uint64_t kMaxComponentSize = std::uint64_t{1} << 40U;

/// A file of the repository's `blobs/`, by digest.
struct BlobReference {
  Sha256Digest sha256;
  std::uint64_t size = 0;
  friend bool operator==(const BlobReference&, const BlobReference&) = default;
};

/// One way to get a component's bytes: its index and the container the index describes.
struct Payload {
  BlobReference index;
  BlobReference container;
  friend bool operator==(const Payload&, const Payload&) = default;
};

enum class SlotRole : std::uint8_t { kRootfs, kKernel, kBoot, kFirmware, kApp, kModel, kConfig };
enum class InstallKind : std::uint8_t { kRaw, kErofsVerity, kFile, kUki, kHandler };

/// `raw`, `erofs-verity`, `file`, `uki` or `handler:<id>`.
struct Install {
  InstallKind kind = InstallKind::kRaw;
  std::string handler;  // kHandler only
  friend bool operator==(const Install&, const Install&) = default;
};

struct Component {
  std::string name;
  SlotRole slot_role = SlotRole::kRootfs;
  Install install;
  std::uint64_t size = 0;  // of the plain bytes
  Sha256Digest sha256;     // of the plain bytes
  std::optional<Sha256Digest> verity_root;
  std::vector<Payload> payloads;  // best first
  friend bool operator==(const Component&, const Component&) = default;
};

struct HardwareRevision {
  std::string revision;
  std::uint64_t min_boot = 0;  // lowest boot loader version
  friend bool operator==(const HardwareRevision&, const HardwareRevision&) = default;
};

enum class Reboot : std::uint8_t { kRequired, kNone };
struct BootRule {
  Seconds health_timeout{600};
  Reboot reboot = Reboot::kRequired;
  unsigned tries = 3;
  friend bool operator==(const BootRule&, const BootRule&) = default;
};

struct Requirements {
  std::optional<std::string> updater;  // lowest version of pawl-updater
  std::optional<std::uint64_t> bootloader;
  std::optional<ReleaseCounter> from;  // lowest release counter this can be installed over
  std::optional<unsigned> battery_percent;
  std::optional<std::uint64_t> free_bytes;
  friend bool operator==(const Requirements&, const Requirements&) = default;
};

/// One digest the boot will measure, SHA-256, in the order of measuring (FORMAT 6).
struct MeasuredDigest {
  std::string role;  // pe:loader pe:uki pe:kernel section:<name> cmdline-utf16 initrd dtb
  unsigned pcr = 0;
  Sha256Digest digest;
  unsigned count = 1;
  friend bool operator==(const MeasuredDigest&, const MeasuredDigest&) = default;
};

struct Measurements {
  std::string profile;  // efi-uki grub-uki uboot-uki uboot-bootm
  std::vector<MeasuredDigest> digests;
  std::optional<Sha256Digest> pcr11;  // after the last phase word
  std::vector<std::string> phases;    // words extended after the firmware log; empty for none
  friend bool operator==(const Measurements&, const Measurements&) = default;
};

enum class LocationEvidence : std::uint8_t { kNone, kSvid };
/// ISO 3166-1 or -2 codes. An empty `allow` allows every place that `deny` does not name.
struct Geofence {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  LocationEvidence evidence = LocationEvidence::kNone;
  friend bool operator==(const Geofence&, const Geofence&) = default;
};

enum class Severity : std::uint8_t { kLow, kMedium, kHigh, kCritical };
struct Rollout {
  std::optional<UtcTime> not_before;
  std::optional<UtcTime> not_after;
  std::optional<Severity> severity;
  std::optional<Seconds> max_postpone;
  friend bool operator==(const Rollout&, const Rollout&) = default;
};

enum class OfflineUse : std::uint8_t { kRefused, kAllowed };
struct OfflineRule {
  OfflineUse use = OfflineUse::kRefused;
  std::optional<UtcTime> valid_until;
  friend bool operator==(const OfflineRule&, const OfflineRule&) = default;
};

struct Encryption {
  std::string scheme;
  std::string key_id;  // 16 hex digits
  friend bool operator==(const Encryption&, const Encryption&) = default;
};

struct Attachment {
  std::string kind;  // sbom-cyclonedx sbom-spdx slsa-provenance notes advisory corim
  std::string media_type;
  BlobReference blob;
  friend bool operator==(const Attachment&, const Attachment&) = default;
};

struct Release {
  std::string product;
  std::string vendor_id;  // UUID, lower case
  std::string class_id;
  std::vector<HardwareRevision> hardware;
  std::string version;  // for people; security never depends on it
  ReleaseCounter release_counter{1};
  SecurityVersion security_version{0};
  SecurityVersion min_security_version{0};
  std::vector<Component> components;
  BootRule boot;
  Requirements requirements;
  std::vector<Measurements> measurements;  // at most one per boot profile
  std::optional<Geofence> geo;
  std::optional<Rollout> rollout;
  std::optional<OfflineRule> offline;
  std::optional<Encryption> encryption;
  std::vector<Attachment> attachments;
  std::vector<std::string> advisories;
  std::optional<UtcTime> support_until;
  std::optional<std::string> regulatory_id;
  std::vector<std::string> critical;  // sorted names of members a verifier must know

  /// @return kMalformed, kTooLarge; kNotForDevice when `critical` names an unknown member.
  [[nodiscard]] static Result<Release> parse(std::string_view text);
  [[nodiscard]] std::string serialise() const;
  [[nodiscard]] const Component* component(SlotRole role) const;
  [[nodiscard]] const Measurements* measured(std::string_view profile) const;
  friend bool operator==(const Release&, const Release&) = default;
};

[[nodiscard]] std::string_view slot_role_name(SlotRole role);
[[nodiscard]] std::string install_name(const Install& install);
[[nodiscard]] std::string_view severity_name(Severity severity);

/// TUF `custom` of a release manifest: enough to refuse before fetching (FORMAT 2.6.5).
struct ReleaseSummary {
  std::string product;
  std::vector<std::string> hardware;
  ReleaseCounter release_counter{0};
  SecurityVersion security_version{0};

  [[nodiscard]] static ReleaseSummary of(const Release& release);
  [[nodiscard]] static Result<ReleaseSummary> parse(const json::Object& custom);
  [[nodiscard]] json::Object to_json() const;
  friend bool operator==(const ReleaseSummary&, const ReleaseSummary&) = default;
};

}  // namespace pawl::manifest
