#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bootloader-hooks/file_boot.hpp"
#include "fakes/fake_disk.hpp"
#include "fakes/memory_file.hpp"
#include "fakes/memory_store.hpp"
#include "fakes/repo_simulator.hpp"
#include "payload/build.hpp"
#include "updater/verbs.hpp"

namespace pawl::fakes {

/// Blobs in memory, by digest; tests damage them.
class MemoryBlobs final : public updater::BlobSource {
 public:
  std::map<std::string, Bytes> files;  // by hexadecimal SHA-256

  manifest::BlobReference add(Bytes bytes) {
    const auto digest = sha256(bytes);
    const manifest::BlobReference out{digest, bytes.size()};
    files[to_hex(digest)] = std::move(bytes);
    return out;
  }
  Result<std::unique_ptr<payload::FrameSource>> open(const manifest::BlobReference& blob) override {
    const auto at = files.find(to_hex(blob.sha256));
    if (at == files.end()) return fail(Errc::kTransport, "no " + updater::blob_name(blob));
    return std::unique_ptr<payload::FrameSource>(std::make_unique<Frames>(at->second));
  }

 private:
  class Frames final : public payload::FrameSource {
   public:
    explicit Frames(Bytes bytes) : file_(std::move(bytes)), frames_(file_) {}
    Status fetch(std::span<std::uint8_t> out, std::uint64_t offset) override {
      return frames_.fetch(out, offset);
    }

   private:
    MemoryFile file_;
    payload::FileFrames frames_;
  };
};

/// What a release puts into a slot.
struct ReleaseImages {
  manifest::Release release;
  Bytes rootfs;
  Bytes uki;
};

/// A signed repository in memory with releases of two components, 4 KiB windows by default.
class ReleaseFactory {
 public:
  ReleaseFactory() = default;
  ReleaseFactory(const ReleaseFactory&) = default;
  ReleaseFactory(ReleaseFactory&&) = default;
  ReleaseFactory& operator=(const ReleaseFactory&) = default;
  ReleaseFactory& operator=(ReleaseFactory&&) = default;
  virtual ~ReleaseFactory() = default;
  RepoSimulator repo;
  MemoryBlobs blobs;
  std::map<std::string, ReleaseImages> releases;  // by version
  std::size_t rootfs_size = 10000;
  std::uint32_t window_log2 = 12;

  struct Numbers {
    std::uint64_t counter;
    std::uint64_t security;
    std::uint64_t min_security;
  };
  ReleaseImages& add(const std::string& version, Numbers numbers) {
    ReleaseImages images{sample_release(numbers.counter, version),
                         pattern(version + "root", rootfs_size), pattern(version + "uki", 5000)};
    auto& release = images.release;
    release.security_version = SecurityVersion(numbers.security);
    release.min_security_version = SecurityVersion(numbers.min_security);
    shape(images);
    repo.add_release(release);
    repo.bump();
    return releases[version] = std::move(images);
  }
  static Bytes pattern(const std::string& seed, std::size_t size) {
    Bytes out;
    for (unsigned block = 0; out.size() < size; ++block) {
      const auto digest = sha256(as_bytes(seed + std::to_string(block)));
      out.insert(out.end(), digest.bytes.begin(), digest.bytes.end());
    }
    out.resize(size);
    return out;
  }

 protected:
  /// Describes the images in the release.
  virtual void shape(ReleaseImages& images) {
    auto& release = images.release;
    release.components = {component("rootfs", images.rootfs), component("uki", images.uki)};
    release.components[1].slot_role = manifest::SlotRole::kBoot;
    release.components[1].install.kind = manifest::InstallKind::kUki;
  }

 private:
  manifest::Component component(const std::string& name, const Bytes& image) {
    MemoryFile file(image);
    MemoryFile container{{}};
    auto source = payload::FileSource::open(file);
    payload::FileSink sink(container);
    NoProgress silent;
    auto built = payload::build_full(*source, sink, {window_log2, 1, 1}, silent);
    PAWL_ASSERT(built);
    manifest::Component out;
    out.name = name;
    out.size = image.size();
    out.sha256 = sha256(image);
    out.payloads = {{blobs.add(built->index.serialise()), blobs.add(container.content())}};
    return out;
  }
};

/// A TPM as the contracts ask for: a cell that opens for some releases, and a counter. Each change
/// is one atomic durable operation of the device.
class FakeSealing final : public updater::NoTpm {
 public:
  explicit FakeSealing(FakeDisk& disk) : disk_(disk) {}
  std::set<std::string> cell;  // manifests of the releases that may open the state
  SecurityVersion counter{0};
  std::vector<std::string> calls;  // each with the state that the journal held on the disk

  Status stage(boot::Slot, const updater::ReleaseId& release) override {
    PAWL_CHECK(called("cell: add"));
    cell.insert(to_hex(release.manifest));
    return Ok{};
  }
  Status commit(boot::Slot, const updater::ReleaseId& release) override {
    PAWL_CHECK(called("cell: new release alone"));
    cell = {to_hex(release.manifest)};
    return Ok{};
  }
  Status withdraw(boot::Slot, const std::optional<updater::ReleaseId>& release) override {
    PAWL_CHECK(called("cell: old release alone"));
    PAWL_ASSERT(release);
    cell = {to_hex(release->manifest)};
    return Ok{};
  }
  Result<SecurityVersion> floor() override { return counter; }
  Status raise_floor(SecurityVersion to) override {
    if (counter >= to) return Ok{};
    PAWL_CHECK(called("counter up"));
    counter = to;
    return Ok{};
  }
  [[nodiscard]] std::string_view floor_kind() const override { return "tpm"; }
  [[nodiscard]] bool opens_for(const manifest::Release& release) const {
    return cell.contains(to_hex(sha256(as_bytes(release.serialise())))) &&
           counter <= release.security_version;
  }

 private:
  Status called(const std::string& what) {
    const auto record = updater::Journal(disk_, "/var/journal/record.json", records()).load();
    const auto state = record ? updater::state_name(record->state) : "?";
    calls.push_back(what + " in " + std::string(state));
    return disk_.durable_operation(what);
  }
  FakeDisk& disk_;
};

class FakeHealth final : public updater::HealthChecks {
 public:
  std::string problem;  // empty: healthy
  unsigned runs = 0;
  Result<std::vector<updater::CheckResult>> run(const updater::TrialFacts&) override {
    ++runs;
    return std::vector<updater::CheckResult>{{"10-first", ""}, {"20-second", problem}};
  }
};

class FakeHost final : public updater::Host {
 public:
  std::optional<unsigned> charge;           // empty: mains
  std::map<std::string, std::string> uses;  // by path
  std::map<std::string, std::string> same;  // paths that lead to another one
  updater::Watchdog dog = updater::Watchdog::kArmed;
  std::set<std::string> not_executable;
  Result<std::optional<unsigned>> battery() override { return charge; }
  Result<updater::PathIdentity> identity(const std::string& path) override {
    const auto other = same.find(path);
    return updater::PathIdentity{
        false, 0, 0, std::hash<std::string>{}(other == same.end() ? path : other->second)};
  }
  Result<std::string> use_of(const std::string& path) override { return uses[path]; }
  Result<updater::Watchdog> watchdog() override { return dog; }
  bool executable(const std::string& path) override { return !not_executable.contains(path); }
};

class FakeHooks final : public updater::Hooks {
 public:
  std::map<updater::HookPoint, Errc> refuses;
  std::vector<std::string> ran;  // "post-commit b 1.1.0"
  std::size_t count = 0;         // how many each point has
  Result<std::size_t> run(updater::HookPoint point, const updater::HookFacts& facts) override {
    if (count == 0) return count;
    ran.push_back(std::string(updater::hook_name(point)) + " " +
                  std::string(boot::letter(facts.slot)) + " " + facts.version +
                  (facts.reason.empty() ? "" : ": " + facts.reason));
    const auto at = refuses.find(point);
    if (at != refuses.end()) return fail(at->second, "hook refused");
    return count;
  }
};

class NullLog final : public Log {
 public:
  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    std::string line(event);
    for (const auto& field : fields) line += " " + std::string(field.key) + "=" + field.value;
    events.emplace_back(event);
    lines.push_back(std::move(line));
  }
  std::vector<std::string> events;
  std::vector<std::string> lines;  // the event with its fields
};

/// One device in memory: two slots, the loader's file, firmware, TPM, and a repository to ask.
class FakeDevice {
 public:
  static constexpr std::size_t kSlotSize = 12288;

  /// A device that left the factory with `version` in slot a.
  FakeDevice(ReleaseFactory& factory, const std::string& version)
      : sealing(disk), boot(disk, {"/dev/boot/state", "/dev/run/booted"}), factory_(factory) {
    const auto& images = factory.releases.at(version);
    config.device = {"gw3", "b", images.release.vendor_id, images.release.class_id};
    config.trust_root = "/etc/root.json";
    config.slots = {{{"/dev/slots/a", "/dev/esp/a.efi"}, {"/dev/slots/b", "/dev/esp/b.efi"}}};
    disk.put(config.trust_root, factory.repo.root_file(1));
    disk.put("/dev/boot/state", "primary=a trial=- tries=0 bad=-\n");
    disk.put_device("/dev/slots/b", kSlotSize, 0xff);
    disk.put("/dev/esp/a.efi", images.uki);
    auto rootfs = images.rootfs;
    rootfs.resize(kSlotSize);
    disk.put_device("/dev/slots/a", rootfs);
    const auto manifest = images.release.serialise();
    disk.put("/var/installed/a.manifest.json", manifest);
    sealing.cell = {to_hex(sha256(as_bytes(manifest)))};
    PAWL_ASSERT(FakeDevice::start() == "a");
  }

  FakeDevice(const FakeDevice&) = delete;
  FakeDevice& operator=(const FakeDevice&) = delete;
  virtual ~FakeDevice() = default;

  FakeDisk disk;
  FakeSealing sealing;
  boot::FileBoot boot;
  FakeClock clock{at("2026-11-20T12:00:00Z")};
  FakeHealth health;
  FakeHost host;
  FakeHooks hooks;
  NullLog log;
  NoProgress progress;
  updater::Config config;

  [[nodiscard]] updater::Device device() {
    return {config,         {"/var"}, disk, boot,  sealing,  clock, factory_.repo,
            factory_.blobs, health,   host, hooks, progress, log};
  }

  /// One power cycle of the firmware, which obeys the loader's line and the bytes in the slots and
  /// nothing else. @return the letter of the slot that came up, or nothing when the chosen one
  /// did not.
  virtual std::string start() {
    std::string line = disk.text("/dev/boot/state");
    PAWL_ASSERT(line.size() > 24 && line.starts_with("primary="));
    std::string slot = line.substr(8, 1);
    const auto trial = line.substr(16, 1);
    const char tries = line[24];
    if (trial != "-" && tries > '0') {
      slot = trial;
      line[24] = static_cast<char>(tries - 1);
      disk.put("/dev/boot/state", line);
    }
    ++boots_;
    if (!whole_version(slot)) return {};
    disk.put("/dev/run/booted", "slot=" + slot + " boot_id=boot-" + std::to_string(boots_) + "\n");
    return slot;
  }
  /// The release whose every byte `slot` holds.
  [[nodiscard]] std::optional<std::string> whole_version(const std::string& slot) const {
    const auto rootfs = disk.content("/dev/slots/" + slot);
    const auto uki = disk.content("/dev/esp/" + slot + ".efi");
    for (const auto& [version, images] : factory_.releases) {
      if (rootfs.size() >= images.rootfs.size() && uki == images.uki &&
          std::equal(images.rootfs.begin(), images.rootfs.end(), rootfs.begin())) {
        return version;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string running() {
    const auto slot = boot.current();
    return slot ? std::string(boot::letter(*slot)) : "";
  }
  [[nodiscard]] manifest::Floors floors() {
    auto loaded = updater::FloorsFile(disk, "/var/journal/floors.json", sealing.records()).load();
    PAWL_ASSERT(loaded);
    return *loaded ? **loaded : manifest::Floors{};
  }
  [[nodiscard]] updater::Record record() {
    auto loaded = updater::Journal(disk, "/var/journal/record.json", sealing.records()).load();
    PAWL_ASSERT(loaded);
    return *loaded;
  }
  [[nodiscard]] ReleaseFactory& factory() { return factory_; }

 private:
  ReleaseFactory& factory_;
  unsigned boots_ = 0;
};

}  // namespace pawl::fakes
