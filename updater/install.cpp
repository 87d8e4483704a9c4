#include "updater/install.hpp"

#include <algorithm>

namespace pawl::updater {
namespace {

constexpr std::string_view kPartial = ".tmp";

/// Names the component in the stages of its progress.
class NamedProgress final : public Progress {
 public:
  NamedProgress(Progress& inner, std::string name) : inner_(inner), name_(std::move(name)) {}
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override {
    inner_.update(std::string(stage) + " " + name_, done, total);
  }
  void finish() override { inner_.finish(); }

 private:
  Progress& inner_;
  std::string name_;
};

Error in_component(Error error, const std::string& name) {
  error.prefix("component " + name);
  return error;
}

const manifest::Component* find_component(const manifest::Release* release,
                                          const std::string& name) {
  if (release == nullptr) return nullptr;
  for (const auto& component : release->components) {
    if (component.name == name) return &component;
  }
  return nullptr;
}

Status check_index(const payload::Index& index, const manifest::Component& component,
                   const manifest::Payload& payload) {
  if (index.image_size() == component.size && index.container_size() == payload.container.size) {
    return Ok{};
  }
  return fail(Errc::kMalformed,
              "payload index (" + blob_name(payload.index) + ") has other sizes than the manifest");
}

}  // namespace

Result<Place> Layout::place_of(const manifest::Component& component) const {
  using manifest::InstallKind;
  using manifest::SlotRole;
  const auto kind = component.install.kind;
  const bool raw = kind == InstallKind::kRaw || kind == InstallKind::kErofsVerity;
  const bool file = kind == InstallKind::kUki || kind == InstallKind::kFile;
  const bool boots =
      component.slot_role == SlotRole::kBoot || component.slot_role == SlotRole::kKernel;
  if (raw && component.slot_role == SlotRole::kRootfs) return Place{PlaceKind::kSlot, rootfs};
  if (file && boots) return Place{PlaceKind::kFile, uki};
  return fail(Errc::kNotForDevice, "component " + component.name + " (" +
                                       std::string(manifest::slot_role_name(component.slot_role)) +
                                       ", " + manifest::install_name(component.install) +
                                       ") has no place on this device");
}

Result<std::vector<PlannedComponent>> ComponentInstaller::plan(const manifest::Release& release,
                                                               const Layout& target,
                                                               const Layout& running_layout,
                                                               const manifest::Release* running) {
  std::vector<PlannedComponent> out;
  for (const auto& component : release.components) {
    PAWL_TRY(auto place, target.place_of(component));
    const auto taken = [&](const PlannedComponent& p) { return p.place.path == place.path; };
    if (std::any_of(out.begin(), out.end(), taken)) {
      return fail(Errc::kNotForDevice, "component " + component.name + " has the place of another");
    }
    PAWL_ASSERT(!component.payloads.empty());
    PAWL_TRY(auto index, fetch_index(component, component.payloads.front()));
    PlannedComponent planned{component,
                             std::move(place),
                             std::move(index),
                             component.payloads.front().container,
                             "",
                             std::nullopt,
                             {}};
    if (auto chosen = choose_payload(planned, running_layout, running); !chosen) {
      return in_component(std::move(chosen).error(), component.name);
    }
    PAWL_CHECK(check_place(planned));
    out.push_back(std::move(planned));
  }
  return out;
}

Result<payload::Index> ComponentInstaller::fetch_index(const manifest::Component& component,
                                                       const manifest::Payload& payload) {
  PAWL_TRY(const auto bytes, parts_.blobs.read(payload.index, payload::kMaxIndexSize,
                                               "payload index of component " + component.name));
  auto index = payload::Index::parse(bytes);
  if (!index) return in_component(std::move(index).error(), component.name);
  if (auto checked = check_index(*index, component, payload); !checked) {
    return in_component(std::move(checked).error(), component.name);
  }
  return index;
}

/// The first payload that fits: full, or with a base that the running slot holds. Of a delta, the
/// first full payload repairs.
Status ComponentInstaller::choose_payload(PlannedComponent& planned, const Layout& running_layout,
                                          const manifest::Release* running) {
  const auto* base = find_component(running, planned.component.name);
  bool chosen = false;
  for (const auto& payload : planned.component.payloads) {
    PAWL_TRY(auto index, fetch_index(planned.component, payload));
    const bool full = !index.base_image();
    const bool fits = full || (base != nullptr && base->sha256 == *index.base_image());
    if (chosen && full) {
      planned.full = std::move(index);
      planned.full_container = payload.container;
      return Ok{};
    }
    if (chosen || !fits) continue;
    chosen = true;
    planned.index = std::move(index);
    planned.container = payload.container;
    if (full) return Ok{};
    PAWL_TRY(auto from, running_layout.place_of(*base));
    planned.base_path = std::move(from.path);
  }
  if (chosen) return Ok{};
  return fail(Errc::kNotForDevice,
              "every payload is a delta of another image than the running one");
}

Status ComponentInstaller::check_place(const PlannedComponent& planned) {
  const auto needed = planned.component.size;
  const auto& path = planned.place.path;
  if (planned.place.kind == PlaceKind::kSlot) {
    PAWL_TRY(const auto file, parts_.disk.open(path, OpenMode::kReadWrite));
    PAWL_TRY(const auto size, file->size());
    if (size >= needed) return Ok{};
    return fail(Errc::kNoSpace, path + " has " + std::to_string(size) + " bytes, component " +
                                    planned.component.name + " needs " + std::to_string(needed))
        .with_hint("the slot of this device is too small for this release");
  }
  PAWL_TRY(const auto there, parts_.disk.exists(path + std::string(kPartial)));
  std::uint64_t had = 0;
  if (there) {
    PAWL_TRY(const auto partial, parts_.disk.open(path + std::string(kPartial), OpenMode::kRead));
    PAWL_TRY(had, partial->size());
  }
  PAWL_TRY(const auto room, parts_.disk.free_bytes(parent_of(path)));
  if (room + had >= needed) return Ok{};
  PAWL_TRY(const bool done, in_place(planned));
  if (done) return Ok{};
  return fail(Errc::kNoSpace, parent_of(path) + " has " + std::to_string(room) +
                                  " bytes free, component " + planned.component.name + " needs " +
                                  std::to_string(needed))
      .with_hint("free some space on this file system and try again");
}

/// Whether the file under its final name is the component already.
Result<bool> ComponentInstaller::in_place(const PlannedComponent& planned) {
  PAWL_TRY(const bool there, parts_.disk.exists(planned.place.path));
  if (!there) return false;
  PAWL_TRY(const auto file, parts_.disk.open(planned.place.path, OpenMode::kRead));
  PAWL_TRY(const auto size, file->size());
  if (size != planned.index.image_size()) return false;
  NoProgress silent;
  return static_cast<bool>(payload::verify_image(planned.index, *file, silent));
}

Result<InstallTotals> ComponentInstaller::write(const PlannedComponent& planned) {
  auto report = [&]() -> Result<payload::InstallReport> {
    if (planned.place.kind == PlaceKind::kFile) return write_file(planned);
    PAWL_TRY(const auto slot, parts_.disk.open(planned.place.path, OpenMode::kReadWrite));
    return write_windows(planned, *slot);
  }();
  if (!report) return in_component(std::move(report).error(), planned.component.name);
  return InstallTotals{planned.index.count(), report->present, report->fetched};
}

Result<payload::InstallReport> ComponentInstaller::write_windows(const PlannedComponent& planned,
                                                                 File& target) {
  NamedProgress progress(parts_.progress, planned.component.name);
  PAWL_TRY(const auto frames, parts_.blobs.open(planned.container));
  payload::InstallJob job{{planned.index, *frames},
                          nullptr,
                          std::nullopt,
                          planned.place.kind == PlaceKind::kSlot ? payload::TargetSize::kFixed
                                                                 : payload::TargetSize::kGrows};
  std::unique_ptr<File> base_file;
  std::optional<payload::FileSource> base;
  std::unique_ptr<payload::FrameSource> full_frames;
  if (!planned.base_path.empty()) {
    PAWL_TRY(base_file, parts_.disk.open(planned.base_path, OpenMode::kRead));
    PAWL_TRY(auto source, payload::FileSource::open(*base_file));
    base.emplace(source);
    job.base = &*base;
  }
  if (planned.full) {
    PAWL_TRY(full_frames, parts_.blobs.open(planned.full_container));
    job.repair.emplace(payload::Payload{*planned.full, *full_frames});
  }
  auto report = payload::install(job, target, progress);
  if (!report) {
    auto error = std::move(report).error();
    if (error.code() == Errc::kHashMismatch || error.code() == Errc::kMalformed) {
      error.prefix(blob_name(planned.container));
    }
    return error;
  }
  PAWL_CHECK(target.sync());
  PAWL_CHECK(target.drop_cache());
  PAWL_CHECK(payload::verify_image(planned.index, target, progress));
  return report;
}

Result<payload::InstallReport> ComponentInstaller::write_file(const PlannedComponent& planned) {
  const auto& path = planned.place.path;
  PAWL_TRY(const bool done, in_place(planned));
  payload::InstallReport report;
  if (done) {
    report.present = planned.index.count();
    PAWL_CHECK(parts_.disk.sync_directory(parent_of(path)));  // a killed run may not have
    return report;
  }
  const auto partial = path + std::string(kPartial);
  auto mode = OpenMode::kCreate;
  PAWL_TRY(const bool there, parts_.disk.exists(partial));
  if (there) {
    PAWL_TRY(const auto old, parts_.disk.open(partial, OpenMode::kRead));
    PAWL_TRY(const auto size, old->size());
    if (size <= planned.index.image_size()) mode = OpenMode::kReadWrite;
  }
  {
    PAWL_TRY(const auto file, parts_.disk.open(partial, mode));
    PAWL_TRY(report, write_windows(planned, *file));
  }
  PAWL_CHECK(parts_.disk.rename(partial, path));
  PAWL_CHECK(parts_.disk.sync_directory(parent_of(path)));
  return report;
}

}  // namespace pawl::updater
