#include "bootloader-hooks/systemd_boot.hpp"

#include <algorithm>

#include "bootloader-hooks/boot_state.hpp"
#include "bootloader-hooks/booted.hpp"

namespace pawl::boot {
namespace {

constexpr std::size_t kMaxVariable = 1024;
constexpr std::size_t kAttributes = 4;
constexpr std::size_t kMaxEntry = 4096;

Error no_entry(Slot slot) {
  return fail(Errc::kBootloader, "slot " + std::string(letter(slot)) + " has no boot entry")
      .with_hint("the ESP needs one pawl_<generation>_<slot>.conf for the running slot");
}

std::string uki_on_esp(Slot slot) {
  return "/EFI/pawl/" + std::string(letter(slot)) + ".efi";
}

std::string efi_line(Slot slot) {
  return "efi " + uki_on_esp(slot) + "\n";
}

/// Order among two whole entries of one slot, which a transition that was cut leaves
/// (FORMAT 5.3.2): the higher generation, then the bad mark, then no counter, then fewer tries.
/// Every transition is repeated by the journal, so the one that allows less may count until then.
bool outranks(const SystemdBootName& x, const SystemdBootName& y) {
  if (x.generation != y.generation) return x.generation > y.generation;
  const auto rank = [](const SystemdBootName& entry) {
    if (entry.left == 0U && entry.done == 0) return -2;
    return entry.left ? static_cast<int>(*entry.left) : -1;
  };
  return rank(x) < rank(y);
}

}  // namespace

std::string systemd_boot_entry(Slot slot) {
  return "title pawl " + std::string(letter(slot)) + "\nsort-key pawl\n" + efi_line(slot);
}

Result<std::string> parse_loader_entry(ByteView variable) {
  if (variable.size() > kMaxVariable) return fail(Errc::kTooLarge, "LoaderEntrySelected is long");
  if (variable.size() < kAttributes + 2 || variable.size() % 2 != 0) {
    return fail(Errc::kMalformed, "LoaderEntrySelected is not UTF-16 text");
  }
  std::string out;
  for (std::size_t at = kAttributes; at < variable.size(); at += 2) {
    const auto low = variable[at];
    const bool last = at + 2 == variable.size();
    if (variable[at + 1] != 0 || low > 0x7e || (low < 0x20) != last || (last && low != 0)) {
      return fail(Errc::kMalformed, "LoaderEntrySelected is not printable text");
    }
    if (!last) out.push_back(static_cast<char>(low));
  }
  return out;
}

Result<Slot> SystemdBoot::Entries::primary() const {
  const SystemdBootName* best = nullptr;
  for (const auto& entry : by_slot) {
    if (!entry || entry->left) continue;
    if (best == nullptr || entry->generation >= best->generation) best = &*entry;
  }
  if (best == nullptr) return fail(Errc::kBootloader, "no committed boot entry on the ESP");
  return best->slot;
}

Result<SystemdBoot::Entries> SystemdBoot::load() {
  PAWL_TRY(const auto names, disk_.list(entries()));
  Entries out;
  for (const auto& name : names) {
    const auto parsed = SystemdBootName::parse(name);
    if (!parsed) continue;  // other systems and temporary files share the folder
    PAWL_TRY(const bool whole, is_whole(name, parsed->slot));
    if (!whole) {
      out.leftovers.push_back(*parsed);
      continue;
    }
    auto& entry = out.by_slot[parsed->slot == Slot::kA ? 0 : 1];
    const bool counts = !entry || outranks(*parsed, *entry);
    if (entry) out.leftovers.push_back(counts ? *entry : *parsed);
    if (counts) entry = *parsed;
  }
  return out;
}

/// The loader leaves out an entry that names no image, and so must we.
Result<bool> SystemdBoot::is_whole(const std::string& name, Slot slot) {
  const auto content = read_file(disk_, entries() + "/" + name, kMaxEntry);
  if (!content && content.error().code() == Errc::kTooLarge) return false;
  if (!content) {
    return fail(content.error().code(), content.error().what(), content.error().raw());
  }
  return as_text(*content).find(efi_line(slot)) != std::string_view::npos;
}

Result<Slot> SystemdBoot::current() {
  PAWL_TRY(const auto variable, read_file(disk_, paths_.selected, kMaxVariable));
  PAWL_TRY(const auto text, parse_loader_entry(variable));
  const auto entry = SystemdBootName::parse(text);
  if (!entry) return fail(Errc::kBootloader, "the running boot entry is not ours: " + text);
  return entry->slot;
}

Result<std::string> SystemdBoot::boot_id() {
  return read_boot_id(disk_, paths_.boot_id);
}

Result<Slot> SystemdBoot::primary() {
  PAWL_TRY(const auto found, load());
  return found.primary();
}

Result<SlotState> SystemdBoot::state(Slot slot) {
  PAWL_TRY(const auto found, load());
  if (!found.of(slot)) return SlotState{SlotCondition::kBad, Tries(0)};  // nothing to start
  return found.of(slot)->state();
}

Status SystemdBoot::try_once(Slot slot, Tries tries) {
  PAWL_TRY(const auto found, load());
  PAWL_TRY(const auto primary, found.primary());
  PAWL_CHECK(check_try(slot, primary, tries));
  auto next = found.of(slot).value_or(SystemdBootName{0, slot, {}, 0});
  const auto above = found.of(primary)->generation;
  if (next.generation <= above) next.generation = above + 1;
  next.left = tries.get();
  next.done = 0;
  return store(found, next);
}

Status SystemdBoot::commit(Slot slot) {
  PAWL_TRY(const auto found, load());
  if (!found.of(slot)) return no_entry(slot);
  auto next = *found.of(slot);
  next.left.reset();
  next.done = 0;
  const auto above = found.of(other(slot)) ? found.of(other(slot))->generation : 0;
  if (next.generation <= above) next.generation = above + 1;
  return store(found, next);
}

Status SystemdBoot::mark_bad(Slot slot) {
  PAWL_TRY(const auto found, load());
  PAWL_TRY(const auto primary, found.primary());
  PAWL_CHECK(check_bad(slot, primary));
  if (!found.of(slot)) return Ok{};
  auto next = *found.of(slot);
  next.left = 0;
  next.done = 0;
  return store(found, next);
}

Status SystemdBoot::mark_good(Slot slot) {
  PAWL_TRY(const auto found, load());
  PAWL_TRY(const auto primary, found.primary());
  if (slot == primary) return Ok{};
  auto next =
      found.of(slot).value_or(SystemdBootName{SystemdBootName::kMaxGeneration, slot, {}, 0});
  next.left.reset();
  next.done = 0;
  const auto best = found.of(primary)->generation;
  if (best == 0) return fail(Errc::kBootloader, "the primary boot entry has generation 0");
  next.generation = std::min(next.generation, best - 1);
  return store(found, next);
}

Result<std::optional<std::string>> SystemdBoot::boot_file(Slot slot) {
  return std::optional(paths_.esp + uki_on_esp(slot));
}

Status SystemdBoot::store(const Entries& found, const SystemdBootName& to) {
  if (to.generation > SystemdBootName::kMaxGeneration) {
    return fail(Errc::kBootloader, "boot entry generations are used up");
  }
  const auto& from = found.of(to.slot);
  if (from != to) PAWL_CHECK(write_entry(to));
  PAWL_CHECK(disk_.sync_directory(entries()));
  if (from && *from != to) PAWL_CHECK(remove_file(disk_, path_of(*from)));
  for (const auto& leftover : found.leftovers) {
    const bool stale = leftover.slot == to.slot && leftover != to;
    if (stale) PAWL_CHECK(remove_file(disk_, path_of(leftover)));
  }
  return Ok{};
}

/// In place, without a temporary file: FAT writes the two halves of a rename apart, and a power cut
/// between them leaves two names that share their clusters.
Status SystemdBoot::write_entry(const SystemdBootName& name) {
  PAWL_TRY(const auto file, disk_.open(path_of(name), OpenMode::kCreatePublic));
  PAWL_CHECK(file->write_at(as_bytes(systemd_boot_entry(name.slot)), 0));
  return file->sync();
}

std::string SystemdBoot::path_of(const SystemdBootName& name) const {
  return entries() + "/" + name.format();
}

}  // namespace pawl::boot
