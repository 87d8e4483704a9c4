#include "tpm/prediction.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/pe.hpp"
#include "tpm/fault.hpp"

namespace pawl::tpm {
namespace {

constexpr unsigned kPcrImages = 4;
constexpr unsigned kPcrKernel = 9;
constexpr unsigned kPcrSections = 11;
constexpr unsigned kPcrOptions = 12;
constexpr std::string_view kSection = "section:";
// PCRs in which the release accounts for every event; firmware has no business there.
constexpr PcrSet kReleaseOnly{kPcrKernel, kPcrSections, kPcrOptions, 13, 14, 15};

struct Rule {
  std::string_view role;
  unsigned pcr;
  unsigned count;
  enum Need : std::uint8_t { kRequired, kOptional } need;
};
// FORMAT 6.4.2. The command line is in PCR 12 as often as this, or not at all when the UKI is
// started without load options.
constexpr std::array kRules{
    Rule{"pe:loader", kPcrImages, 1, Rule::kOptional},
    Rule{"pe:uki", kPcrImages, 1, Rule::kRequired},
    Rule{"pe:kernel", kPcrImages, 1, Rule::kRequired},
    Rule{"cmdline-utf16", kPcrKernel, 1, Rule::kRequired},
    Rule{"cmdline-utf16", kPcrOptions, 2, Rule::kRequired},
    Rule{"initrd", kPcrKernel, 1, Rule::kRequired},
};

bool is_section(const Component& c) {
  return c.role.starts_with(kSection);
}

std::string_view section_name(const Component& c) {
  return std::string_view(c.role).substr(kSection.size());
}

std::string shown(const Sha256Digest& digest) {
  return to_hex(digest).substr(0, 16);
}

Status check_component(const Component& c) {
  const bool known = std::any_of(kRules.begin(), kRules.end(), [&](const Rule& r) {
    return r.role == c.role && r.pcr == c.pcr && r.count == c.count;
  });
  const bool section = is_section(c) && c.pcr == kPcrSections && c.count == 1;
  if (known || section) return Ok{};
  return fail(Errc::kMalformed, "boot record has " + printable(c.role) + " in PCR " +
                                    std::to_string(c.pcr) + ", " + std::to_string(c.count) +
                                    " times");
}

Status check_unique(const Measurements& m) {
  for (const auto& c : m.components) {
    const auto clashes =
        std::count_if(m.components.begin(), m.components.end(), [&](const Component& other) {
          return other.pcr == c.pcr && (other.role == c.role || other.digest == c.digest);
        });
    // Sections may well be equal; only PCR 11's order tells them apart.
    const auto same_role = std::count_if(
        m.components.begin(), m.components.end(),
        [&](const Component& other) { return other.pcr == c.pcr && other.role == c.role; });
    if ((is_section(c) ? same_role : clashes) != 1) {
      return fail(Errc::kMalformed, "boot record has " + printable(c.role) + " twice");
    }
  }
  return Ok{};
}

/// The events a release leaves in PCR 11: name and content of each section.
std::vector<Sha256Digest> section_events(const Measurements& m) {
  std::vector<Sha256Digest> out;
  for (const auto& c : m.components) {
    if (!is_section(c)) continue;
    out.push_back(pe::section_name_digest(section_name(c)));
    out.push_back(c.digest);
  }
  return out;
}

/// PCR 11 once the sections and then every phase word have been extended.
Sha256Digest final_pcr11(const Measurements& m) {
  Sha256Digest pcr;
  for (const auto& e : section_events(m)) extend(pcr, e);
  for (const auto& word : m.phases) extend(pcr, sha256(as_bytes(word)));
  return pcr;
}

std::vector<Sha256Digest> events_of(const EventLog& log, unsigned pcr) {
  std::vector<Sha256Digest> out;
  for (const auto& e : log.events) {
    if (e.pcr == pcr) out.push_back(e.digest);
  }
  return out;
}

Error unknown_event(const Event& event) {
  static constexpr std::string_view kReturning = "Returning from EFI Application from Boot Option";
  if (event.digest == sha256(as_bytes(kReturning))) {
    return fail_tpm(Fault::kUnknownEvent,
                    "PCR 4 shows a second image started in one power cycle; reboot first");
  }
  return fail_tpm(Fault::kUnknownEvent, "PCR " + std::to_string(event.pcr) + " holds event " +
                                            shown(event.digest) +
                                            " that neither release nor firmware list names");
}

Status check_measured(const Boot& boot) {
  const Sha256Digest zero;
  for (const auto pcr : {kPcrImages, kPcrSections}) {
    if (boot.bound.has(pcr) && boot.live[pcr] == zero) {
      return fail_tpm(Fault::kNoMeasuredBoot,
                      "PCR " + std::to_string(pcr) + " is zero: this boot was not measured");
    }
  }
  return Ok{};
}

/// The log and the release's phase words must lead to exactly the PCRs the TPM holds.
Status check_replay(const Boot& boot, const Measurements& running) {
  auto replayed = replay(boot.log);
  for (const auto& word : running.phases) extend(replayed[kPcrSections], sha256(as_bytes(word)));
  for (unsigned pcr = 0; pcr < kPcrCount; ++pcr) {
    if (!boot.bound.has(pcr) || replayed[pcr] == boot.live[pcr]) continue;
    return fail_tpm(Fault::kLogMismatch, "event log leads to " + shown(replayed[pcr]) + " in PCR " +
                                             std::to_string(pcr) + ", the TPM holds " +
                                             shown(boot.live[pcr]));
  }
  return Ok{};
}

/// Absent is allowed for the loader (firmware starts the UKI itself) and for PCR 12 (no options).
bool may_be_absent(const Component& c) {
  return c.role == "pe:loader" || c.pcr == kPcrOptions;
}

Status check_counts(const Boot& boot, const Measurements& running) {
  for (const auto& c : running.components) {
    if (is_section(c) || !boot.bound.has(c.pcr)) continue;
    const auto in_log = events_of(boot.log, c.pcr);
    const auto n = static_cast<unsigned>(std::count(in_log.begin(), in_log.end(), c.digest));
    if (n == c.count || (n == 0 && may_be_absent(c))) continue;
    return fail_tpm(Fault::kLogMismatch, c.role + " occurs " + std::to_string(n) +
                                             " times in PCR " + std::to_string(c.pcr) +
                                             ", the release says " + std::to_string(c.count));
  }
  if (boot.bound.has(kPcrSections) &&
      events_of(boot.log, kPcrSections) != section_events(running)) {
    return fail_tpm(Fault::kLogMismatch,
                    "PCR 11 does not hold the sections of the running release");
  }
  return Ok{};
}

const Component* component_of(const Measurements& m, const Event& event) {
  for (const auto& c : m.components) {
    if (c.pcr == event.pcr && c.digest == event.digest && !is_section(c)) return &c;
  }
  return nullptr;
}

Status check_phases(const Measurements& release) {
  if (release.phases.size() > kMaxPhases) return fail(Errc::kMalformed, "over 8 phase words");
  for (const auto& word : release.phases) {
    const bool plain = std::all_of(word.begin(), word.end(),
                                   [](char c) { return c == '-' || (c >= 'a' && c <= 'z'); });
    if (word.empty() || word.size() > 32 || !plain) {
      return fail(Errc::kMalformed, "phase word " + printable(word));
    }
  }
  return Ok{};
}

/// Component of `target` that takes the place of `old`.
Result<const Component*> counterpart(const Component& old, const Measurements& target) {
  for (const auto& c : target.components) {
    if (c.role != old.role || c.pcr != old.pcr) continue;
    if (c.role == "pe:loader" && c.digest != old.digest) {
      return fail_tpm(Fault::kUnpredictable,
                      "the new release names another loader, which both slots share");
    }
    return &c;
  }
  return fail_tpm(Fault::kUnpredictable,
                  "the new release has no " + old.role + " in PCR " + std::to_string(old.pcr));
}

}  // namespace

Status check_measurements(const Measurements& release) {
  if (release.components.size() > kMaxComponents) {
    return fail(Errc::kMalformed, "boot record has over 64 components");
  }
  for (const auto& c : release.components) PAWL_CHECK(check_component(c));
  PAWL_CHECK(check_unique(release));
  for (const auto& rule : kRules) {
    const bool present =
        std::any_of(release.components.begin(), release.components.end(),
                    [&](const Component& c) { return c.role == rule.role && c.pcr == rule.pcr; });
    if (rule.need == Rule::kRequired && !present) {
      return fail(Errc::kMalformed, "boot record has no " + std::string(rule.role) + " in PCR " +
                                        std::to_string(rule.pcr));
    }
  }
  PAWL_CHECK(check_phases(release));
  if (final_pcr11(release) != release.pcr11) {
    return fail(Errc::kMalformed,
                "sections and phases of the boot record do not add up to its PCR 11");
  }
  return Ok{};
}

Result<std::vector<Event>> explain_boot(const Boot& boot, const Measurements& running) {
  PAWL_CHECK(check_measurements(running));
  PAWL_CHECK(check_measured(boot));
  PAWL_CHECK(check_replay(boot, running));
  PAWL_CHECK(check_counts(boot, running));
  std::vector<Event> rest;
  for (const auto& event : boot.log.events) {
    if (!boot.bound.has(event.pcr) || event.pcr == kPcrSections) continue;
    if (component_of(running, event) != nullptr) continue;
    if (kReleaseOnly.has(event.pcr)) return unknown_event(event);
    rest.push_back(event);
  }
  return rest;
}

Status check_firmware(std::span<const Event> found, std::span<const Event> approved) {
  for (const auto& event : found) {
    const auto seen = std::count(found.begin(), found.end(), event);
    if (seen > std::count(approved.begin(), approved.end(), event)) return unknown_event(event);
  }
  return Ok{};
}

Result<PcrValues> predict(const Boot& boot, const Measurements& running, const Measurements& target,
                          std::span<const Event> approved) {
  PAWL_TRY(const auto firmware, explain_boot(boot, running));
  PAWL_CHECK(check_firmware(firmware, approved));
  PAWL_CHECK(check_measurements(target));
  PcrValues next = replay(EventLog{{}, boot.log.startup_locality});
  for (const auto& event : boot.log.events) {
    auto digest = event.digest;
    if (const auto* old = component_of(running, event); old != nullptr) {
      PAWL_TRY(const auto* now, counterpart(*old, target));
      digest = now->digest;
    }
    extend(next[event.pcr], digest);
  }
  next[kPcrSections] = target.pcr11;
  return next;
}

}  // namespace pawl::tpm
