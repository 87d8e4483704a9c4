#include "updater/host.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bootloader-hooks/booted.hpp"

namespace pawl::updater {
namespace {

constexpr std::string_view kSupplies = "/sys/class/power_supply";
constexpr std::string_view kWatchdogs = "/sys/class/watchdog";
constexpr std::string_view kBlockDevices = "/sys/dev/block/";
constexpr std::size_t kMaxLine = 256;
constexpr std::size_t kMaxTable = std::size_t{1} << 20U;  // of mounts: one line each

/// Calls `each` for every line until it gives something.
template <class F>
std::string first_line(std::string_view text, F each) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto found = each(text.substr(0, end)); !found.empty()) return found;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

/// The word with this number, counted from 0; words are apart by one blank.
std::string_view word(std::string_view line, unsigned number) {
  for (; number > 0; --number) {
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos) return {};
    line.remove_prefix(blank + 1);
  }
  return line.substr(0, line.find(' '));
}

unsigned percent(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value <= 100 ? value : 0;
}

bool absent(const Error& error) {
  return error.code() == Errc::kIo && error.raw() == ENOENT;
}

}  // namespace

std::string in_folder(std::string folder, std::string_view name) {
  folder += '/';
  return folder.append(name);
}

Result<PathIdentity> LinuxHost::stat_identity(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return fail(Errc::kIo, path + ": stat: " + std::generic_category().message(errno), errno);
  }
  const bool block = S_ISBLK(info.st_mode);
  const auto device = block ? info.st_rdev : info.st_dev;
  return PathIdentity{block, major(device), minor(device),
                      block ? 0 : static_cast<std::uint64_t>(info.st_ino)};
}

bool LinuxHost::stat_executable(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

/// The one line of a file of sysfs; empty when the kernel has no such file, or no answer.
Result<std::string> LinuxHost::line_of(const std::string& path) {
  auto text = boot::read_kernel_file(disk_, path, kMaxLine);
  if (!text && text.error().code() == Errc::kIo) return std::string();
  PAWL_TRY(auto line, std::move(text));
  while (line.ends_with('\n')) line.pop_back();
  return line;
}

Result<std::optional<unsigned>> LinuxHost::battery() {
  auto names = disk_.list(std::string(kSupplies));
  if (!names && absent(names.error())) return std::optional<unsigned>();
  PAWL_TRY(const auto supplies, std::move(names));
  std::optional<unsigned> lowest;
  for (const auto& name : supplies) {
    const auto folder = std::string(kSupplies) + "/" + name;
    PAWL_TRY(const auto type, line_of(folder + "/type"));
    if (type != "Battery") {
      PAWL_TRY(const auto online, line_of(folder + "/online"));
      if (online == "1") return std::optional<unsigned>();
      continue;
    }
    PAWL_TRY(const auto scope, line_of(folder + "/scope"));
    PAWL_TRY(const auto present, line_of(folder + "/present"));
    if (scope == "Device" || present == "0") continue;  // of a mouse; an empty bay
    PAWL_TRY(const auto charge, line_of(folder + "/capacity"));
    lowest = std::min(lowest.value_or(100), percent(charge));
  }
  return lowest;
}

Result<Watchdog> LinuxHost::watchdog() {
  auto names = disk_.list(std::string(kWatchdogs));
  if (!names && absent(names.error())) return Watchdog::kNone;
  PAWL_TRY(const auto dogs, std::move(names));
  for (const auto& name : dogs) {
    PAWL_TRY(const auto state, line_of(std::string(kWatchdogs) + "/" + name + "/state"));
    if (state == "active") return Watchdog::kArmed;
  }
  return dogs.empty() ? Watchdog::kNone : Watchdog::kIdle;
}

/// Mounts, holders such as dm-verity, and the same of each partition.
Result<std::string> LinuxHost::use_of_number(const std::string& number) {
  PAWL_TRY(const auto mounts, boot::read_kernel_file(disk_, "/proc/self/mountinfo", kMaxTable));
  auto use = first_line(mounts, [&](std::string_view line) {
    return word(line, 2) == number ? "mounted at " + std::string(word(line, 4)) : std::string();
  });
  if (!use.empty()) return use;
  const auto folder = std::string(kBlockDevices) + number;
  auto listed = disk_.list(folder + "/holders");
  if (!listed && !absent(listed.error())) return std::move(listed).error();
  if (listed && !listed->empty()) return "held by " + listed->front();
  auto inside = disk_.list(folder);
  if (!inside && absent(inside.error())) return std::string();
  PAWL_TRY(const auto names, std::move(inside));
  for (const auto& name : names) {
    const auto inner = in_folder(folder, name);
    PAWL_TRY(const bool partition, disk_.exists(inner + "/partition"));
    if (!partition) continue;
    PAWL_TRY(const auto part, line_of(inner + "/dev"));
    PAWL_TRY(use, use_of_number(part));
    if (!use.empty()) return use.insert(0, " of it is ").insert(0, name);
  }
  return std::string();
}

Result<std::string> LinuxHost::swap_on(const std::string& path) {
  auto text = boot::read_kernel_file(disk_, "/proc/swaps", kMaxTable);
  if (!text && absent(text.error())) return std::string();
  PAWL_TRY(const auto swaps, std::move(text));
  PAWL_TRY(const auto ours, identity_(path));
  return first_line(swaps, [&](std::string_view line) {
    const auto named = word(line, 0);
    if (!named.starts_with('/')) return std::string();
    const auto theirs = identity_(std::string(named));
    return theirs && *theirs == ours ? std::string("swap") : std::string();
  });
}

Result<std::string> LinuxHost::use_of(const std::string& path) {
  PAWL_TRY(const auto what, identity_(path));
  if (!what.block) return std::string();
  PAWL_TRY(auto use, use_of_number(std::to_string(what.major) + ":" + std::to_string(what.minor)));
  if (!use.empty()) return use;
  return swap_on(path);
}

}  // namespace pawl::updater
