#include "bootloader-hooks/grub.hpp"

#include <algorithm>

#include "bootloader-hooks/booted.hpp"
#include "bootloader-hooks/systemd_boot.hpp"

namespace pawl::boot {
namespace {

constexpr std::size_t kMaxVariable = 1024;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

Result<Slot> parse_loader_image(ByteView variable) {
  auto text = parse_loader_entry(variable);
  if (!text) return fail(Errc::kBootloader, "LoaderImageIdentifier is not printable text");
  std::transform(text->begin(), text->end(), text->begin(), &lower);
  for (const auto slot : {Slot::kA, Slot::kB}) {
    if (*text == R"(\efi\pawl\)" + std::string(letter(slot)) + ".efi") return slot;
  }
  return fail(Errc::kBootloader, "the running image is not ours: " + printable(*text));
}

Result<Slot> Grub::current() {
  PAWL_TRY(const auto variable, read_file(disk_, paths_.image, kMaxVariable));
  return parse_loader_image(variable);
}

Result<std::string> Grub::boot_id() {
  return read_boot_id(disk_, paths_.boot_id);
}

Result<std::optional<std::string>> Grub::boot_file(Slot slot) {
  return std::optional(paths_.esp + "/EFI/pawl/" + std::string(letter(slot)) + ".efi");
}

Result<Grub::Found> Grub::find() {
  std::optional<Found> found;
  for (const std::size_t i : {0U, 1U}) {
    auto bytes = read_optional(disk_, file(i), GrubBlock::kBytes);
    if (!bytes && bytes.error().code() != Errc::kTooLarge) return std::move(bytes).error();
    if (!bytes || !*bytes) continue;
    auto block = GrubBlock::parse(as_text(**bytes));
    if (!block || (found && block->generation <= found->block.generation)) continue;
    found = Found{i, *std::move(block)};
  }
  if (found) return *std::move(found);
  return fail(Errc::kBootloader, file(0) + " and env.1: no whole environment block")
      .with_hint("write a new one: docs/boot-loaders/grub.md");
}

Result<BootState> Grub::load() {
  PAWL_TRY(const auto found, find());
  auto state = found.block.variables.boot_state();
  if (!state) return loader_error(std::move(state).error(), file(found.newest));
  return state;
}

Status Grub::store(const BootState& from, const BootState& to) {
  PAWL_TRY(auto found, find());
  // A process that was killed may have renamed without syncing: repeat the sync, not the write.
  if (from == to) return disk_.sync_directory(parent_of(file(0)));
  if (found.block.generation == GrubBlock::kMaxGeneration) {
    return fail(Errc::kBootloader, "the generations of GRUB's environment are used up");
  }
  ++found.block.generation;
  found.block.variables.set_boot_state(to);
  PAWL_TRY(const auto text, found.block.format());
  const auto path = file(1 - found.newest);
  PAWL_CHECK(replace_file(disk_, path, as_bytes(text)));
  // FAT keeps size and first cluster in the directory: the renamed file carries them there.
  PAWL_TRY(const auto renamed, disk_.open(path, OpenMode::kReadWrite));
  PAWL_CHECK(renamed->sync());
  return disk_.sync_directory(parent_of(path));
}

}  // namespace pawl::boot
