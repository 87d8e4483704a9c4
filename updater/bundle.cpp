#include "updater/bundle.hpp"

namespace pawl::updater {
namespace {

class BundleBlob final : public payload::FrameSource {
 public:
  BundleBlob(manifest::BundleFile& bundle, manifest::BundleEntry entry)
      : bundle_(bundle), entry_(std::move(entry)) {}
  Status fetch(std::span<std::uint8_t> out, std::uint64_t offset) override {
    return bundle_.read_at(entry_, out, offset);
  }

 private:
  manifest::BundleFile& bundle_;
  manifest::BundleEntry entry_;
};

}  // namespace

Result<std::unique_ptr<payload::FrameSource>> BundleBlobs::open(
    const manifest::BlobReference& blob) {
  const auto* entry = bundle_.table().find(manifest::BundlePart::kBlob, to_hex(blob.sha256));
  if (entry == nullptr) {
    return fail(Errc::kTransport, "the bundle has no file " + blob_name(blob))
        .with_hint("the bundle is incomplete: make it again with pawl-signer bundle");
  }
  if (entry->length != blob.size) {
    return fail(Errc::kHashMismatch, blob_name(blob) + " has " + std::to_string(entry->length) +
                                         " bytes, signed are " + std::to_string(blob.size));
  }
  return std::unique_ptr<payload::FrameSource>(std::make_unique<BundleBlob>(bundle_, *entry));
}

Device with_bundle(const Device& device, manifest::BundleFile& bundle, BlobSource& blobs) {
  return {device.config,  device.dir,
          device.disk,    device.boot,
          device.sealing, device.clock,
          bundle,         blobs,
          device.health,  device.host,
          device.hooks,   device.progress,
          device.log,     manifest::Delivery::kBundle};
}

Result<InstallResult> install_bundle(Device& device, const std::string& path,
                                     InstallRequest request) {
  PAWL_TRY(auto bundle, manifest::BundleFile::open(device.disk, path));
  const auto& table = bundle.table();
  if (request.version && *request.version != table.version()) {
    return fail(Errc::kUsage, path + " carries release " + printable(table.version()) + ", not " +
                                  printable(*request.version));
  }
  if (table.product() != device.config.device.product) {
    return fail(Errc::kNotForDevice, path + " is for product " + printable(table.product()) +
                                         ", this device is '" + device.config.device.product + "'");
  }
  request.version = table.version();
  BundleBlobs blobs(bundle);
  auto offline = with_bundle(device, bundle, blobs);
  return install(offline, request);
}

}  // namespace pawl::updater
