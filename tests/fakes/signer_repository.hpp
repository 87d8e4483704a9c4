#pragma once
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "signer/addition.hpp"
#include "signer/key_ring.hpp"
#include "signer/repo_plan.hpp"
#include "signer/revision.hpp"
#include "signer/verify.hpp"
#include "tests/fakes/fake_disk.hpp"
#include "tests/fakes/pe_builder.hpp"
#include "tests/fakes/signing_key.hpp"

namespace pawl::fakes {

/// Keys in memory, by the label of their record; counts how often each is opened.
class MemoryKeys final : public signer::KeyOpener {
 public:
  std::size_t limit = 1U << 20U;
  std::string other_key;  // this label signs with another key than its record says
  std::string broken;     // this label cannot be opened
  std::vector<std::string> opened;

  Result<std::size_t> message_limit(const signer::KeyRecord&, const signer::KeyEntry&) override {
    return limit;
  }
  Result<std::unique_ptr<signer::SigningKey>> open(const signer::KeyRecord& record,
                                                   const signer::KeyEntry&) override {
    if (record.label == broken) return fail(Errc::kHsm, "C_Login: CKR_PIN_INCORRECT");
    opened.push_back(record.label);
    return std::unique_ptr<signer::SigningKey>(
        std::make_unique<Key>(record.label == other_key ? "other" : record.label));
  }

 private:
  class Key final : public signer::SigningKey {
   public:
    explicit Key(const std::string& label) : key_(label) {}
    Result<Ed25519Signature> sign(ByteView message) override {
      const auto made = key_.sign(as_text(message));
      Ed25519Signature out;
      std::copy(made.value.begin(), made.value.end(), out.bytes.begin());
      return out;
    }

   private:
    fakes::SigningKey key_;
  };
};

inline signer::KeyRecord record_of(const std::string& label) {
  signer::KeyRecord out;
  out.label = label;
  const auto hex = *SigningKey(label).key().to_json().find("keyval")->object()->find("public");
  out.public_key = *fixed_from_hex<Ed25519PublicKey>(*hex.string());
  out.uri = "pkcs11:token=" + label;
  out.custody = "token_born";
  return out;
}

inline signer::KeyRing ring_of(MemoryKeys& keys, const std::vector<std::string>& labels) {
  signer::KeyRing ring(keys);
  for (const auto& label : labels) ring.add(record_of(label), {label, label + ".pub.json", {}, ""});
  return ring;
}

inline const std::vector<std::string>& all_labels() {
  static const std::vector<std::string> labels{"alice", "bob",  "carol", "targets",
                                               "rel",   "snap", "time"};
  return labels;
}

inline signer::RepositoryPlan small_plan() {
  signer::RepositoryPlan plan;
  plan.root = {{record_of("alice"), record_of("bob"), record_of("carol")}, 2};
  plan.targets = {{record_of("targets")}, 1};
  plan.snapshot = {{record_of("snap")}, 1};
  plan.timestamp = {{record_of("time")}, 1};
  plan.products.push_back({"gw3", {{record_of("rel")}, 1}});
  plan.policy.ceilings.emplace("gw3", SecurityVersion(9));
  return plan;
}

inline constexpr UtcTime kSignedAt{Seconds(1'800'000'000)};
inline constexpr const char* kRepository = "/srv/repo";

/// A new repository on `disk`, published; the state of `repo init`.
inline Result<signer::Revision::Signed> sign_first(signer::KeyRing& ring) {
  PAWL_TRY(auto first, signer::first_state(small_plan(), kRepository));
  signer::Revision revision(std::move(first), {}, kSignedAt);
  revision.set_policy(small_plan().policy);
  revision.renew("targets");
  revision.renew("rel-gw3");
  return revision.sign(ring);
}
inline Status publish_first(Disk& disk, signer::KeyRing& ring) {
  PAWL_TRY(const auto done, sign_first(ring));
  NoProgress progress;
  return done.publication.publish(disk, kRepository, progress);
}

/// The manifest of a small release; components are for build_release to fill in.
inline manifest::Release small_release(const std::string& version, std::uint64_t counter) {
  manifest::Release out;
  out.product = "gw3";
  out.vendor_id = "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe";
  out.class_id = "1492af14-2569-5e48-bf42-9b2d51f2ab45";
  out.hardware = {{"b", 0}};
  out.version = version;
  out.release_counter = ReleaseCounter(counter);
  return out;
}

/// Images and a build input that names them.
inline signer::BuildInput small_input(FakeDisk& disk, const std::string& version,
                                      std::uint64_t counter) {
  const auto root = sha256(as_bytes("root of " + version));
  Bytes image(5000, 0x33);
  image[7] = static_cast<std::uint8_t>(counter);
  disk.put("/in/" + version + ".img", image);
  const auto line = "ro systemd.import_credentials=no roothash=" + to_hex(root);
  auto uki = small_uki("kernel", line, "initrd");
  uki.add(".sdmagic", std::string_view("#### LoaderInfo: systemd-stub 252.39-1 ####"));
  disk.put("/in/" + version + ".efi", uki.build());
  signer::BuildInput out;
  out.release = small_release(version, counter);
  signer::ComponentSpec spec;
  spec.name = "rootfs";
  spec.install = {manifest::InstallKind::kErofsVerity, ""};
  spec.image = "/in/" + version + ".img";
  spec.verity_root = root;
  out.components.push_back(spec);
  out.uki = "/in/" + version + ".efi";
  out.boot_profiles = {"efi-uki"};
  out.payload.level = 1;
  out.payload.window_log2 = 12;
  return out;
}

/// What `release add` does: sign and publish the release directory `from`.
inline Status add_release(Disk& disk, signer::KeyRing& ring, const std::string& from) {
  PAWL_TRY(auto repository, signer::load_repository(disk, kRepository, {}));
  PAWL_TRY(const auto built, signer::load_release(disk, from));
  PAWL_TRY(auto addition, signer::plan_addition(disk, repository, built, from));
  if (!addition.changed) return Ok{};
  signer::Revision revision(std::move(repository), {}, kSignedAt + Seconds(60));
  revision.set_role(addition.role, std::move(addition.targets));
  PAWL_TRY(const auto done, revision.sign(ring));
  addition.files.append(done.publication);
  NoProgress progress;
  return addition.files.publish(disk, kRepository, progress);
}

/// What a new device takes from the repository.
inline Result<signer::VerifyReport> seen_by_device(Disk& disk, UtcTime at = kSignedAt) {
  signer::VerifyInput input;
  input.directory = kRepository;
  PAWL_TRY(input.root, read_file(disk, std::string(kRepository) + "/metadata/1.root.json", 32768));
  input.at = at;
  NoProgress progress;
  return signer::verify_repository(disk, input, progress);
}

}  // namespace pawl::fakes
