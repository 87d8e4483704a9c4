#include "signer/release_build.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "signer/attachment.hpp"
#include "signer/blob_file.hpp"
#include "signer/measurements.hpp"
#include "signer/named_progress.hpp"
#include "signer/publication.hpp"
#include "signer/repository.hpp"
#include "signer/uki.hpp"

namespace pawl::signer {
namespace {

constexpr std::array<std::string_view, 6> kAttachments{
    "sbom-cyclonedx", "sbom-spdx", "slsa-provenance", "notes", "advisory", "corim"};
constexpr std::size_t kMaxAttachment = std::size_t{64} * 1024 * 1024;

struct Job {
  Disk& disk;
  const std::string& out;
  Progress& progress;
  const payload::BuildOptions& options;
};

/// The full payload of one image: container and index in blobs/.
Result<manifest::Component> build_component(const Job& job, const ComponentSpec& spec) {
  PAWL_TRY(const auto image, job.disk.open(spec.image, OpenMode::kRead));
  PAWL_TRY(auto source, payload::FileSource::open(*image));
  PAWL_TRY(auto container, ContainerFile::create(job.disk, job.out));
  NamedProgress progress(job.progress, "build " + spec.name);
  PAWL_TRY(const auto built, payload::build_full(source, container.sink(), job.options, progress));
  PAWL_TRY(const auto kept, container.keep(built));

  manifest::Component out;
  out.name = spec.name;
  out.slot_role = spec.slot_role;
  out.install = spec.install;
  out.size = built.index.image_size();
  out.sha256 = built.image_sha256;
  out.verity_root = spec.verity_root;
  PAWL_TRY(const auto index, write_blob(job.disk, job.out, built.index.serialise()));
  out.payloads.push_back({index, kept});
  return out;
}

/// FORMAT 6: what is sealed to must pin its root file system by the measured command line.
Status check_verity(const std::vector<ComponentSpec>& components, const UkiReport& uki) {
  for (const auto& component : components) {
    if (!component.verity_root) continue;
    if (uki.command_line.find(to_hex(*component.verity_root)) != std::string::npos) continue;
    return fail(Errc::kMalformed, "the UKI's command line does not hold the verity root of " +
                                      component.name + ", " + to_hex(*component.verity_root))
        .with_hint("image and UKI are of different builds, or the command line lacks roothash=");
  }
  return Ok{};
}

Status add_uki(const Job& job, const BuildInput& input, manifest::Release& release) {
  PAWL_TRY(const auto image, read_file(job.disk, *input.uki, pe::kMaxImage));
  PAWL_TRY(const auto phases, parse_phases(input.phases));
  auto report = report_uki(image, phases);
  if (!report) {
    auto error = std::move(report).error();
    error.prefix(*input.uki);
    return error;
  }
  PAWL_CHECK(check_verity(input.components, *report));
  for (const auto& profile : input.boot_profiles) {
    PAWL_TRY(auto record, boot_record(profile, *report, phases));
    release.measurements.push_back(std::move(record));
  }
  ComponentSpec spec;
  spec.name = "uki";
  spec.slot_role = manifest::SlotRole::kBoot;
  spec.install = {manifest::InstallKind::kUki, ""};
  spec.image = *input.uki;
  PAWL_TRY(auto component, build_component(job, spec));
  release.components.push_back(std::move(component));
  return Ok{};
}

Status add_attachments(const Job& job, const BuildInput& input, manifest::Release& release) {
  for (const auto& spec : input.attachments) {
    if (std::find(kAttachments.begin(), kAttachments.end(), spec.kind) == kAttachments.end()) {
      return fail(Errc::kUsage, "unknown kind of attachment " + printable(spec.kind))
          .with_hint("sbom-cyclonedx, sbom-spdx, slsa-provenance, notes, advisory or corim");
    }
    PAWL_TRY(const auto bytes, read_file(job.disk, spec.file, kMaxAttachment));
    if (auto good = check_attachment(spec.kind, bytes, release.components); !good) {
      auto error = std::move(good).error();
      error.prefix(spec.file);
      return error;
    }
    PAWL_TRY(const auto blob, write_blob(job.disk, job.out, bytes));
    release.attachments.push_back({spec.kind, spec.media_type, blob});
  }
  return Ok{};
}

/// Same content is fine (the build is reproducible); anything else is not overwritten.
Status check_free(Disk& disk, const std::string& path, const Bytes& manifest) {
  PAWL_TRY(const auto there, read_optional(disk, path, manifest::kMaxReleaseBytes));
  if (!there || *there == manifest) return Ok{};
  return fail(Errc::kUsage, path + " is another release")
      .with_hint("give an empty --out, or remove that directory");
}

}  // namespace

Status serialise(BuiltRelease& built) {
  const auto text = built.release.serialise();
  if (text.size() > manifest::kMaxReleaseBytes) {
    return fail(Errc::kTooLarge, "the manifest has " + std::to_string(text.size()) +
                                     " bytes, the limit is " +
                                     std::to_string(manifest::kMaxReleaseBytes));
  }
  PAWL_CHECK(manifest::Release::parse(text));  // what a device would refuse is not built
  built.manifest = Bytes(text.begin(), text.end());
  built.digest = sha256(built.manifest);
  return Ok{};
}

Result<BuiltRelease> build_release(Disk& disk, const BuildInput& input, const std::string& out,
                                   Progress& progress) {
  const Job job{disk, out, progress, input.payload};
  BuiltRelease built;
  built.release = input.release;
  PAWL_CHECK(make_directories(disk, out + "/blobs"));
  for (const auto& spec : input.components) {
    PAWL_TRY(auto component, build_component(job, spec));
    built.release.components.push_back(std::move(component));
  }
  if (input.uki) PAWL_CHECK(add_uki(job, input, built.release));
  PAWL_CHECK(add_attachments(job, input, built.release));
  PAWL_CHECK(serialise(built));
  const auto path = out + "/" + kManifestName;
  PAWL_CHECK(check_free(disk, path, built.manifest));
  PAWL_CHECK(replace_file(disk, path, built.manifest));
  return built;
}

std::vector<manifest::BlobReference> blobs_of(const manifest::Release& release) {
  std::vector<manifest::BlobReference> out;
  const auto add = [&](const manifest::BlobReference& blob) {
    if (std::find(out.begin(), out.end(), blob) == out.end()) out.push_back(blob);
  };
  for (const auto& component : release.components) {
    for (const auto& payload : component.payloads) {
      add(payload.container);
      add(payload.index);
    }
  }
  for (const auto& attachment : release.attachments) add(attachment.blob);
  return out;
}

Result<BuiltRelease> load_release(Disk& disk, const std::string& directory) {
  BuiltRelease out;
  const auto path = directory + "/" + kManifestName;
  PAWL_TRY(auto bytes, read_optional(disk, path, manifest::kMaxReleaseBytes));
  if (!bytes) {
    return fail(Errc::kIo, directory + " is no finished release: " + kManifestName + " is missing")
        .with_hint("pawl-signer release build makes one");
  }
  out.manifest = *std::move(bytes);
  PAWL_TRY(out.release, manifest::Release::parse(as_text(out.manifest)));
  out.digest = sha256(out.manifest);
  for (const auto& blob : blobs_of(out.release)) {
    const auto name = directory + "/" + blob_path(blob.sha256);
    PAWL_TRY(const auto file, disk.open(name, OpenMode::kRead));
    PAWL_TRY(const auto size, file->size());
    if (size != blob.size) {
      return fail(Errc::kHashMismatch, name + " has " + std::to_string(size) +
                                           " bytes, the manifest says " +
                                           std::to_string(blob.size));
    }
  }
  return out;
}

}  // namespace pawl::signer
