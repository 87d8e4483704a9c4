#include "bootloader-hooks/uefi.hpp"

#include <algorithm>
#include <charconv>

#include "bootloader-hooks/boot_state.hpp"
#include "bootloader-hooks/booted.hpp"

namespace pawl::boot {
namespace {

constexpr std::size_t kOptionHead = 6;  // attributes, length of the device path
constexpr std::string_view kOrder = "BootOrder";
constexpr std::string_view kNext = "BootNext";

std::string description_of(Slot slot) {
  return "pawl-" + std::string(letter(slot));
}

/// The number of a variable `Boot####`, four upper-case hexadecimal digits.
std::optional<std::uint16_t> entry_number(std::string_view name) {
  if (name.size() != 8 || !name.starts_with("Boot")) return std::nullopt;
  const auto digits = name.substr(4);
  if (digits.find_first_not_of("0123456789ABCDEF") != std::string_view::npos) return std::nullopt;
  std::uint16_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

Error no_entry(Slot slot) {
  return fail(Errc::kBootloader, "the firmware has no active boot entry " + description_of(slot))
      .with_hint("make it with efibootmgr: docs/boot-loaders/uefi.md");
}

Bytes bytes_of(const std::vector<std::uint16_t>& numbers) {
  Bytes out;
  for (const auto number : numbers) {
    out.push_back(static_cast<std::uint8_t>(number & 0xffU));
    out.push_back(static_cast<std::uint8_t>(number >> 8U));
  }
  return out;
}

}  // namespace

Result<LoadOption> LoadOption::parse(ByteView value) {
  if (value.size() < kOptionHead) return fail(Errc::kMalformed, "load option is cut short");
  LoadOption out;
  out.active = (value[0] & 1U) != 0;
  bool plain = true;
  for (std::size_t at = kOptionHead; at + 1 < value.size(); at += 2) {
    if (value[at] == 0 && value[at + 1] == 0) {
      if (!plain) out.description.clear();
      return out;
    }
    plain = plain && value[at + 1] == 0 && value[at] >= 0x20 && value[at] < 0x7f;
    out.description.push_back(static_cast<char>(value[at]));
  }
  return fail(Errc::kMalformed, "load option: the description has no end");
}

bool Uefi::Found::in_order(Slot slot) const {
  return of(slot) && std::find(order.begin(), order.end(), *of(slot)) != order.end();
}

Result<Slot> Uefi::Found::primary() const {
  for (const auto slot : {Slot::kA, Slot::kB}) {
    if (!order.empty() && of(slot) == order.front()) return slot;
  }
  return fail(Errc::kBootloader, "BootOrder does not begin with an entry of ours")
      .with_hint("put pawl-a or pawl-b first: efibootmgr -o");
}

Result<std::vector<Uefi::Number>> Uefi::numbers(const std::string& name) {
  PAWL_TRY(const auto value, variables_.get(name));
  std::vector<Number> out;
  if (!value) return out;
  if (value->size() % 2 != 0) return fail(Errc::kBootloader, name + " is not a list of numbers");
  for (std::size_t at = 0; at < value->size(); at += 2) {
    out.push_back(static_cast<Number>((*value)[at] | (*value)[at + 1] << 8U));
  }
  return out;
}

Status Uefi::find_entries(Found& found) {
  PAWL_TRY(const auto names, variables_.names());
  for (const auto& name : names) {
    const auto number = entry_number(name);
    if (!number) continue;
    PAWL_TRY(const auto value, variables_.get(name));
    const auto option = LoadOption::parse(value.value_or(Bytes()));
    if (!option || !option->active) continue;  // the firmware starts neither
    for (const auto slot : {Slot::kA, Slot::kB}) {
      if (option->description != description_of(slot)) continue;
      auto& entry = found.entries[slot == Slot::kA ? 0 : 1];
      if (entry) return fail(Errc::kBootloader, "two boot entries " + description_of(slot));
      entry = number;
    }
  }
  return Ok{};
}

Result<Uefi::Found> Uefi::load() {
  Found found;
  PAWL_CHECK(find_entries(found));
  PAWL_TRY(found.order, numbers(std::string(kOrder)));
  PAWL_TRY(const auto next, numbers(std::string(kNext)));
  if (!next.empty()) found.next = next.front();
  return found;
}

Result<Slot> Uefi::current() {
  PAWL_TRY(const auto found, load());
  PAWL_TRY(const auto now, numbers("BootCurrent"));
  for (const auto slot : {Slot::kA, Slot::kB}) {
    if (!now.empty() && found.of(slot) == now.front()) return slot;
  }
  return fail(Errc::kBootloader, "BootCurrent is not an entry of ours");
}

Result<std::string> Uefi::boot_id() {
  return read_boot_id(disk_, paths_.boot_id);
}

Result<Slot> Uefi::primary() {
  PAWL_TRY(const auto found, load());
  return found.primary();
}

Result<SlotState> Uefi::state(Slot slot) {
  PAWL_TRY(const auto found, load());
  if (found.of(slot) && found.next == found.of(slot)) {
    return SlotState{SlotCondition::kTrial, Tries(1)};
  }
  return SlotState{found.in_order(slot) ? SlotCondition::kGood : SlotCondition::kBad, Tries(0)};
}

Status Uefi::try_once(Slot slot, Tries tries) {
  PAWL_TRY(const auto found, load());
  PAWL_TRY(const auto primary, found.primary());
  PAWL_CHECK(check_try(slot, primary, tries));
  const auto entry = found.of(slot);
  if (!entry) return no_entry(slot);
  if (found.next == entry) return Ok{};
  return variables_.set(std::string(kNext), bytes_of({*entry}));
}

Status Uefi::commit(Slot slot) {
  PAWL_TRY(const auto found, load());
  const auto entry = found.of(slot);
  if (!entry) return no_entry(slot);
  auto order = found.order;
  std::erase(order, *entry);
  order.insert(order.begin(), *entry);
  PAWL_CHECK(store_order(found, order));
  PAWL_CHECK(end_trial(found, found.of(other(slot))));
  return end_trial(found, entry);
}

Status Uefi::mark_bad(Slot slot) {
  PAWL_TRY(const auto found, load());
  PAWL_TRY(const auto primary, found.primary());
  PAWL_CHECK(check_bad(slot, primary));
  const auto entry = found.of(slot);
  if (!entry) return Ok{};
  auto order = found.order;
  std::erase(order, *entry);
  PAWL_CHECK(store_order(found, order));
  return end_trial(found, entry);
}

Status Uefi::mark_good(Slot slot) {
  PAWL_TRY(const auto found, load());
  PAWL_TRY(const auto primary, found.primary());
  if (slot == primary) return Ok{};
  const auto entry = found.of(slot);
  if (!entry) return no_entry(slot);
  auto order = found.order;
  if (!found.in_order(slot)) order.insert(order.begin() + 1, *entry);
  PAWL_CHECK(store_order(found, order));
  return end_trial(found, entry);
}

Result<std::optional<std::string>> Uefi::boot_file(Slot slot) {
  return std::optional(paths_.esp + "/EFI/pawl/" + std::string(letter(slot)) + ".efi");
}

Status Uefi::store_order(const Found& found, const std::vector<Number>& order) {
  if (order == found.order) return Ok{};
  return variables_.set(std::string(kOrder), bytes_of(order));
}

/// After BootOrder, so that until here the slot is on trial as before: one store decides.
Status Uefi::end_trial(const Found& found, std::optional<Number> entry) {
  if (!entry || found.next != entry) return Ok{};
  return variables_.remove(std::string(kNext));
}

}  // namespace pawl::boot
