#include "bootloader-hooks/u_boot.hpp"

#include "bootloader-hooks/booted.hpp"

namespace pawl::boot {
namespace {

constexpr std::size_t kMaxProperty = 16;

}  // namespace

Result<Slot> parse_slot_property(std::string_view text) {
  if (!text.ends_with('\0')) return fail(Errc::kMalformed, "property is not text");
  text.remove_suffix(1);
  return parse_slot(text);
}

Result<Slot> UBoot::current() {
  auto text = read_kernel_file(disk_, paths_.booted, kMaxProperty);
  if (!text) {
    return fail(Errc::kBootloader, "the running slot is unknown: " + text.error().what())
        .with_hint("U-Boot must set the property pawl,slot of /chosen to the slot it starts");
  }
  auto slot = parse_slot_property(*text);
  if (!slot) return loader_error(std::move(slot).error(), paths_.booted);
  return slot;
}

Result<std::string> UBoot::boot_id() {
  return read_boot_id(disk_, paths_.boot_id);
}

Result<Bytes> UBoot::read_copy(const UBootPlaces::Copy& place, std::size_t size) {
  PAWL_TRY(const auto file, disk_.open(place.path, OpenMode::kRead));
  Bytes bytes(size);
  PAWL_TRY(const auto n, file->read_at(bytes, place.offset));
  bytes.resize(n);
  return bytes;
}

Result<UBoot::Found> UBoot::find() {
  PAWL_TRY(const auto config, read_file(disk_, paths_.environment, UBootPlaces::kMaxConfig));
  auto places = UBootPlaces::parse(as_text(config));
  if (!places) {
    auto error = std::move(places).error();
    error.prefix(paths_.environment);
    return error;
  }
  Found found{*std::move(places), 0, {}};
  bool any = false;
  for (std::size_t i = 0; i < found.places.copies.size(); ++i) {
    PAWL_TRY(const auto bytes, read_copy(found.places.copies[i], found.places.size));
    auto copy = UBootCopy::parse(bytes);
    if (!copy || (any && !is_newer(copy->flag, found.copy.flag))) continue;
    found.newest = i;
    found.copy = *std::move(copy);
    any = true;
  }
  if (any) return found;
  return fail(Errc::kBootloader, "both copies of U-Boot's environment are damaged")
      .with_hint("write a new one: docs/boot-loaders/u-boot.md");
}

Result<BootState> UBoot::load() {
  PAWL_TRY(const auto found, find());
  auto state = found.copy.variables.boot_state();
  if (!state) return loader_error(std::move(state).error(), "U-Boot's environment");
  return state;
}

Status UBoot::store(const BootState& from, const BootState& to) {
  PAWL_TRY(auto found, find());
  // A process that was killed may have written without syncing: repeat the sync, not the write.
  const auto target = from == to ? found.newest : 1 - found.newest;
  const auto& place = found.places.copies[target];
  PAWL_TRY(const auto file, disk_.open(place.path, OpenMode::kReadWrite));
  if (from == to) return file->sync();
  ++found.copy.flag;
  found.copy.variables.set_boot_state(to);
  PAWL_TRY(const auto bytes, found.copy.format(found.places.size));
  PAWL_CHECK(file->write_at(bytes, place.offset));
  return file->sync();
}

}  // namespace pawl::boot
