#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/measured_boot.hpp"
#include "tests/fakes/swtpm.hpp"
#include "tpm/fault.hpp"
#include "tpm/policy_cell.hpp"
#include "tpm/provision.hpp"

namespace pawl::fakes {

inline constexpr std::string_view kEpochKey = "an epoch key of thirty-two bytes";

/// Releases by name with their security versions, as a manifest would state them.
struct KnownRelease {
  BootRelease boot;
  std::uint64_t version;
};

/// A device: one TPM, what its disk remembers, and boots of named releases.
struct TpmDevice : tpm::ProvisionKeeper {
  SwTpm machine;
  std::map<std::string, KnownRelease> releases;
  std::optional<tpm::Context> context;
  std::optional<tpm::Provisioned> disk;
  std::vector<std::pair<Bytes, std::optional<Bytes>>> wraps;  // owner auth, lockout auth
  std::vector<tpm::Event> firmware;
  tpm::RecordsAnchor records;

  TpmDevice() {
    releases.insert({"a", {boot_release("a"), 5}});
    releases.insert({"b", {boot_release("b"), 7}});
    releases.insert({"c", {boot_release("c"), 8}});
    releases.insert({"evil", {boot_release("evil"), 7}});
  }
  Status keep_provisioned(const tpm::Provisioned& p) override {
    disk = p;
    return Ok{};
  }
  Status keep_recovery(const tpm::RecoverySecrets& s) override {
    const auto copy = [](const SecretBytes& b) { return Bytes(b.span().begin(), b.span().end()); };
    wraps.emplace_back(copy(s.owner_auth),
                       s.lockout_auth ? std::optional(copy(*s.lockout_auth)) : std::nullopt);
    return Ok{};
  }

  /// Power cycle, then everything the boot of this release measures.
  void boot(const std::string& name) {
    power_cycle();
    for (const auto& e : boot_of(releases.at(name).boot).extended)
      extend(*context, e.pcr, e.digest);
  }
  void power_cycle() {
    context.reset();
    machine.cut();
    machine.on();
    auto opened = machine.connect();
    PAWL_ASSERT(static_cast<bool>(opened));
    context.emplace(*std::move(opened));
  }

  [[nodiscard]] static tpm::PcrSet bound() { return tpm::efi_uki_pcrs(tpm::SecureBoot::kOff); }
  [[nodiscard]] tpm::ProvisionPlan plan(const std::string& name) {
    return {bound(), boot_of(releases.at(name).boot).pcrs(),
            SecurityVersion(releases.at(name).version), SecurityVersion(0), records};
  }
  Status provision(const std::string& name) {
    return tpm::provision(*context, plan(name), *SecretBytes::copy_of(as_bytes(kEpochKey)), *this);
  }
  /// Branches of these releases, as a device computes them: from boot records, not from the TPM.
  [[nodiscard]] tpm::CellText text(const std::vector<std::string>& names,
                                   const std::string& running) const {
    tpm::CellText out;
    for (const auto& name : names) {
      if (name == running) out.running = out.branches.size();
      const auto& r = releases.at(name);
      out.branches.push_back({bound(), boot_of(r.boot).pcrs(), disk->base + r.version});
    }
    return out;
  }
  [[nodiscard]] Result<tpm::PolicyCell> cell() {
    return tpm::PolicyCell::attach(*context, disk->srk);
  }
  /// Empty string when the epoch key opens, else the fault's name.
  [[nodiscard]] std::string open(const tpm::CellText& text) {
    auto c = cell();
    if (!c) return std::string(tpm::fault_name(tpm::fault_of(c.error())));
    const auto secret = c->unseal(disk->sealed, text);
    if (!secret) return std::string(tpm::fault_name(tpm::fault_of(secret.error())));
    return as_text(secret->span()) == kEpochKey ? "" : "another secret";
  }
};

}  // namespace pawl::fakes
