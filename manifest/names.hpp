#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "manifest/release.hpp"

/// Words of the release manifest for each enumerator. Private to its parser and writer.
namespace pawl::manifest {

template <class E>
struct Word {
  std::string_view text;
  E value;
};

inline constexpr std::array<Word<SlotRole>, 7> kSlotRoles{{{"rootfs", SlotRole::kRootfs},
                                                           {"kernel", SlotRole::kKernel},
                                                           {"boot", SlotRole::kBoot},
                                                           {"firmware", SlotRole::kFirmware},
                                                           {"app", SlotRole::kApp},
                                                           {"model", SlotRole::kModel},
                                                           {"config", SlotRole::kConfig}}};
inline constexpr std::array<Word<InstallKind>, 4> kInstallKinds{
    {{"raw", InstallKind::kRaw},
     {"erofs-verity", InstallKind::kErofsVerity},
     {"file", InstallKind::kFile},
     {"uki", InstallKind::kUki}}};
inline constexpr std::string_view kHandlerPrefix = "handler:";
inline constexpr std::array<Word<Severity>, 4> kSeverities{{{"low", Severity::kLow},
                                                            {"medium", Severity::kMedium},
                                                            {"high", Severity::kHigh},
                                                            {"critical", Severity::kCritical}}};
inline constexpr std::array<Word<Reboot>, 2> kReboots{
    {{"required", Reboot::kRequired}, {"none", Reboot::kNone}}};
inline constexpr std::array<Word<LocationEvidence>, 2> kEvidence{
    {{"svid", LocationEvidence::kSvid}, {"none", LocationEvidence::kNone}}};

template <class Table>
auto word_value(const Table& table, std::string_view text)
    -> std::optional<decltype(table.front().value)> {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const auto& w) { return w.text == text; });
  if (found == table.end()) return std::nullopt;
  return found->value;
}

template <class Table, class E>
std::string_view word_of(const Table& table, E value) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const auto& w) { return w.value == value; });
  return found == table.end() ? std::string_view() : found->text;
}

}  // namespace pawl::manifest
