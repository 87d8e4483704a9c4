#include "signer/delta.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "payload/install.hpp"
#include "signer/blob_file.hpp"
#include "signer/named_progress.hpp"
#include "signer/release_rules.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {
namespace {

constexpr std::size_t kMaxImage = std::size_t{1} << 32U;  // of build_delta

/// An older release and where its blobs lie.
struct Base {
  std::string version;
  manifest::Release release;
};

/// A payload of an image that needs no base.
struct FullPayload {
  payload::Index index;
  manifest::Payload payload;
};

Result<payload::Index> read_index(Disk& disk, const std::string& root,
                                  const manifest::BlobReference& blob) {
  const auto path = root + "/" + blob_path(blob.sha256);
  PAWL_TRY(const auto bytes, read_file(disk, path, payload::kMaxIndexSize));
  if (sha256(bytes) != blob.sha256) {
    return fail(Errc::kHashMismatch, path + " is not what its name says");
  }
  return payload::Index::parse(bytes);
}

Result<FullPayload> full_payload(Disk& disk, const std::string& root,
                                 const manifest::Component& component) {
  for (const auto& payload : component.payloads) {
    PAWL_TRY(auto index, read_index(disk, root, payload.index));
    if (!index.base_image()) return FullPayload{std::move(index), payload};
  }
  return fail(Errc::kMalformed, "component " + component.name + " has no full payload");
}

const manifest::Component* find_component(const manifest::Release& release,
                                          const std::string& name) {
  const auto at = std::find_if(release.components.begin(), release.components.end(),
                               [&](const auto& component) { return component.name == name; });
  return at == release.components.end() ? nullptr : &*at;
}

/// The deltas of one component, from several bases.
class ComponentDeltas {
 public:
  ComponentDeltas(Disk& disk, const DeltaInput& input, Progress& progress)
      : disk_(disk), input_(input), progress_(progress) {}

  /// Reads what the component has already.
  Status open(const manifest::Component& component) {
    component_ = component;
    PAWL_TRY(full_, full_payload(disk_, input_.release, component));
    for (const auto& payload : component.payloads) {
      PAWL_TRY(const auto index, read_index(disk_, input_.release, payload.index));
      if (index.base_image()) there_.emplace_back(*index.base_image(), payload);
    }
    return Ok{};
  }

  Result<DeltaMade> from(const Base& base) {
    DeltaMade out{
        component_.name, base.version, DeltaMade::Use::kNoBase, 0, size_of(full_->payload), {}};
    const auto* const old = find_component(base.release, component_.name);
    if (old == nullptr) return out;
    const auto known = std::find_if(there_.begin(), there_.end(),
                                    [&](const auto& t) { return t.first == old->sha256; });
    if (known != there_.end()) {
      out.use = DeltaMade::Use::kThere;
      out.bytes = size_of(known->second);
      return out;
    }
    PAWL_CHECK(make(*old, out));
    return out;
  }

  /// Deltas in the order they came, then the full payload.
  [[nodiscard]] std::vector<manifest::Payload> payloads() const {
    std::vector<manifest::Payload> out;
    for (const auto& [base, payload] : there_) out.push_back(payload);
    out.push_back(full_->payload);
    return out;
  }

 private:
  static std::uint64_t size_of(const manifest::Payload& payload) {
    return payload.container.size + payload.index.size;
  }

  Status make(const manifest::Component& old, DeltaMade& out) {
    if (image_.empty()) {
      PAWL_TRY(image_, image_of(input_.release, component_));
    }
    PAWL_TRY(const auto base, image_of(input_.repository, old));
    auto options = input_.payload;
    options.window_log2 = full_->index.window_log2();  // the full payload repairs: FORMAT 4.6.1
    PAWL_TRY(auto container, ContainerFile::create(disk_, input_.release));
    NamedProgress progress(progress_, "delta " + component_.name + " from " + out.from);
    PAWL_TRY(const auto delta,
             payload::build_delta(base, image_, container.sink(), options, progress));
    const auto index = delta.built.index.serialise();
    out.bytes = delta.built.index.container_size() + index.size();
    out.frames = delta.report;
    if (out.bytes >= out.full_bytes) {
      out.use = DeltaMade::Use::kNoSmaller;
      return container.discard();
    }
    out.use = DeltaMade::Use::kAdded;
    PAWL_TRY(const auto kept, container.keep(delta.built));
    PAWL_TRY(const auto named, write_blob(disk_, input_.release, index));
    there_.emplace_back(old.sha256, manifest::Payload{named, kept});
    return Ok{};
  }

  /// The image, decoded from its full payload and compared with the manifest's digest.
  Result<Bytes> image_of(const std::string& root, const manifest::Component& component) {
    PAWL_TRY(const auto full, full_payload(disk_, root, component));
    const auto from = root + "/" + blob_path(full.payload.container.sha256);
    PAWL_TRY(const auto container, disk_.open(from, OpenMode::kRead));
    payload::FileFrames frames(*container);
    const auto path = input_.release + "/blobs/image.tmp";
    PAWL_TRY(const auto file, disk_.open(path, OpenMode::kCreate));
    NamedProgress progress(progress_, "decode " + component.name);
    PAWL_CHECK(payload::install({{full.index, frames}, nullptr, {}, payload::TargetSize::kGrows},
                                *file, progress));
    PAWL_TRY(auto image, read_file(disk_, path, kMaxImage));
    PAWL_CHECK(disk_.remove(path));
    if (sha256(image) == component.sha256) return image;
    return fail(Errc::kHashMismatch, "the payload of component " + component.name + " in " + root +
                                         " is not the image its manifest names");
  }

  Disk& disk_;
  const DeltaInput& input_;
  Progress& progress_;
  manifest::Component component_;
  std::optional<FullPayload> full_;
  std::vector<std::pair<Sha256Digest, manifest::Payload>> there_;  // by base image
  Bytes image_;
};

Result<Base> load_base(Disk& disk, const DeltaInput& input, const std::string& product,
                       const std::vector<PublishedRelease>& published, const std::string& version) {
  const auto at = std::find_if(published.begin(), published.end(),
                               [&](const auto& release) { return release.version == version; });
  if (at == published.end()) {
    return fail(Errc::kUsage, product + " " + printable(version) + " was never published")
        .with_hint("pawl-signer verify lists what is");
  }
  const auto path =
      input.repository + "/" + manifest_path(manifest::release_path(product, version), at->digest);
  PAWL_TRY(const auto bytes, read_file(disk, path, manifest::kMaxReleaseBytes));
  PAWL_TRY(auto release, manifest::Release::parse(as_text(bytes)));
  return Base{version, std::move(release)};
}

Result<std::vector<Base>> load_bases(Disk& disk, const DeltaInput& input,
                                     const manifest::Release& release) {
  if (input.versions.empty() || input.versions.size() > kMaxDeltas) {
    return fail(Errc::kUsage, "deltas from " + std::to_string(input.versions.size()) +
                                  " releases; 1 to " + std::to_string(kMaxDeltas) +
                                  " are possible");
  }
  PAWL_TRY(const auto published, published_releases(disk, input.repository, release.product));
  for (const auto& old : published) {
    if (old.version != release.version) continue;
    return fail(Errc::kLedger,
                release.product + " " + release.version + " is published and no longer changes")
        .with_hint("make deltas before release add");
  }
  std::vector<Base> out;
  for (const auto& version : input.versions) {
    PAWL_TRY(auto base, load_base(disk, input, release.product, published, version));
    out.push_back(std::move(base));
  }
  return out;
}

}  // namespace

Result<DeltaResult> add_deltas(Disk& disk, const DeltaInput& input, Progress& progress) {
  PAWL_TRY(auto built, load_release(disk, input.release));
  const auto before = built.digest;
  PAWL_TRY(const auto bases, load_bases(disk, input, built.release));
  DeltaResult out;
  for (auto& component : built.release.components) {
    ComponentDeltas deltas(disk, input, progress);
    PAWL_CHECK(deltas.open(component));
    for (const auto& base : bases) {
      PAWL_TRY(auto made, deltas.from(base));
      out.made.push_back(std::move(made));
    }
    component.payloads = deltas.payloads();
  }
  PAWL_CHECK(serialise(built));
  out.changed = built.digest != before;
  if (out.changed) {
    PAWL_CHECK(replace_file(disk, input.release + "/" + kManifestName, built.manifest));
  }
  out.release = std::move(built);
  return out;
}

}  // namespace pawl::signer
