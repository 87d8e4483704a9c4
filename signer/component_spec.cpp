#include "signer/component_spec.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "base/bytes.hpp"

namespace pawl::signer {
namespace {

using Members = std::map<std::string, std::string, std::less<>>;
constexpr std::array<std::string_view, 5> kKnown{"name", "slot_role", "install", "image",
                                                 "verity_root"};
constexpr std::array kSlotRoles{manifest::SlotRole::kRootfs, manifest::SlotRole::kKernel,
                                manifest::SlotRole::kBoot,   manifest::SlotRole::kFirmware,
                                manifest::SlotRole::kApp,    manifest::SlotRole::kModel,
                                manifest::SlotRole::kConfig};
constexpr std::array kInstallKinds{manifest::InstallKind::kRaw, manifest::InstallKind::kErofsVerity,
                                   manifest::InstallKind::kFile};
constexpr std::string_view kHandler = "handler:";

Error bad(std::string_view text, std::string why) {
  return fail(Errc::kUsage, "--component " + printable(text) + ": " + std::move(why))
      .with_hint("--component name=NAME,slot_role=ROLE,install=KIND,image=FILE[,verity_root=HEX]");
}

Result<Members> split(std::string_view text) {
  Members out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto comma = rest.find(',');
    const auto part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const auto equals = part.find('=');
    const auto name = part.substr(0, equals);
    if (equals == std::string_view::npos || equals + 1 == part.size()) {
      return bad(text, printable(part) + " is not NAME=VALUE");
    }
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
      return bad(text, "unknown member " + printable(name));
    }
    if (!out.try_emplace(std::string(name), part.substr(equals + 1)).second) {
      return bad(text, std::string(name) + " is there twice");
    }
  }
  for (const auto name : {"name", "slot_role", "install", "image"}) {
    if (!out.contains(name)) return bad(text, std::string(name) + " is missing");
  }
  return out;
}

Result<manifest::Install> parse_install(std::string_view text, std::string_view value) {
  for (const auto kind : kInstallKinds) {
    manifest::Install install{kind, ""};
    if (value == manifest::install_name(install)) return install;
  }
  if (value.starts_with(kHandler) && value.size() > kHandler.size()) {
    return manifest::Install{manifest::InstallKind::kHandler,
                             std::string(value.substr(kHandler.size()))};
  }
  return bad(text, "unknown install kind " + printable(value) +
                       " (raw, erofs-verity, file, handler:ID; a UKI is given by --uki)");
}

}  // namespace

Result<ComponentSpec> parse_component_spec(std::string_view text) {
  PAWL_TRY(const auto members, split(text));
  ComponentSpec out;
  out.name = members.find("name")->second;
  out.image = members.find("image")->second;
  const auto& role = members.find("slot_role")->second;
  const auto found = std::find_if(kSlotRoles.begin(), kSlotRoles.end(), [&](auto candidate) {
    return manifest::slot_role_name(candidate) == role;
  });
  if (found == kSlotRoles.end()) return bad(text, "unknown slot_role " + printable(role));
  out.slot_role = *found;
  PAWL_TRY(out.install, parse_install(text, members.find("install")->second));
  if (const auto root = members.find("verity_root"); root != members.end()) {
    auto digest = fixed_from_hex<Sha256Digest>(root->second);
    if (!digest) return bad(text, "verity_root is not 64 hexadecimal digits");
    out.verity_root = *digest;
  }
  const bool verity = out.install.kind == manifest::InstallKind::kErofsVerity;
  if (verity != out.verity_root.has_value()) {
    return bad(text, "verity_root goes with install=erofs-verity and only with it");
  }
  return out;
}

}  // namespace pawl::signer
