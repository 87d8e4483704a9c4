#include <catch2/catch.hpp>

#include "fakes/memory_store.hpp"
#include "manifest/path.hpp"
#include "manifest/updater.hpp"
#include "outside.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

/// A folder of metadata files as others laid it out.
class FolderFetcher final : public Fetcher {
 public:
  explicit FolderFetcher(std::string folder) : folder_(std::move(folder)) {}
  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override {
    PosixDisk disk;
    return read_optional(disk, folder_ + "/" + file, limit);
  }
  Result<std::optional<Bytes>> target(const std::string&, std::size_t) override {
    return std::optional<Bytes>();
  }

 private:
  std::string folder_;
};

Result<TrustedSet> open(const std::string& file) {
  return TrustedSet::open(outside::read(file), Profile::kInterop, limits_of(Profile::kInterop), {});
}

Errc code_of(const Result<TrustedSet>& set) {
  return set ? Errc::kUsage : set.error().code();
}

UtcTime at(const char* text) {
  auto time = parse_utc(text);
  PAWL_ASSERT(time);
  return *time;
}

}  // namespace

TEST_CASE("vectors: roots of another client's tests are judged as they must be", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  const auto base = *folder + "/tough-testdata/tough/tests/data/";
  struct Row {
    const char* file;
    Errc code;
  };
  const Row rows[] = {
      {"duplicate-keyid/root.json", Errc::kMalformed},  // one member twice in one object
      {"duplicate-sigs/root.json", Errc::kMalformed},   // the same key id signs twice
      {"duplicate-sig-keys/root.json", Errc::kMalformed},
      {"invalid-root-json-signature/root.json", Errc::kBadSignature},
      {"no-root-json-signatures/root.json", Errc::kBadSignature},
      {"expired-root-json-signature/root.json", Errc::kUsage},  // expiry is judged at the end
      {"mismatched-root-json-keyids/root.json", Errc::kBadSignature},  // root names an absent key
      {"simple-rsa/root.json", Errc::kUsage},
      {"pem-encoded-ecdsa-sig-keys/root.json", Errc::kUsage},
      {"ecdsa-new-type-sig-keys/root.json", Errc::kUsage},
      {"hex-encoded-ecdsa-sig-keys/root.json", Errc::kMalformed},  // its date has nanoseconds
      {"rotated-root/1.root.json", Errc::kUsage},
      {"cross-sign-root/1.root.json", Errc::kBadSignature}};
  for (const auto& row : rows) {
    INFO(row.file);
    const auto set = open(base + row.file);
    INFO((set ? "accepted" : set.error().what()));
    CHECK(code_of(set) == row.code);
  }
}

TEST_CASE("vectors: strict takes none of them", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  const auto base = *folder + "/tough-testdata/tough/tests/data/";
  for (const auto* file : {"simple-rsa/root.json", "rotated-root/1.root.json",
                           "tuf-reference-impl/metadata/1.root.json"}) {
    const auto set = TrustedSet::open(outside::read(base + file), Profile::kStrict,
                                      limits_of(Profile::kStrict), {});
    CHECK(code_of(set) == Errc::kMalformed);
  }
}

TEST_CASE("vectors: whole repositories of others refresh", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  struct Row {
    const char* metadata;
    const char* root;
    const char* now;
    const char* target;
    Errc code;
  };
  const Row rows[] = {{"tough-testdata/tough/tests/data/tuf-reference-impl/metadata", "1.root.json",
                       "2020-01-01T00:00:00Z", "file3.txt", Errc::kUsage},
                      {"tough-testdata/tough/tests/data/consistent-snapshots/metadata",
                       "1.root.json", "2020-01-01T00:00:00Z", "data1.txt", Errc::kUsage},
                      {"tough-testdata/tough/tests/data/rotated-root", "1.root.json",
                       "2020-01-01T00:00:00Z", "", Errc::kUsage},
                      {"tough-testdata/tough/tests/data/expired-repository/metadata", "1.root.json",
                       "2026-01-01T00:00:00Z", "", Errc::kExpired},
                      {"tough-testdata/tough/tests/data/safe-target-paths/metadata", "1.root.json",
                       "2020-01-01T00:00:00Z", "", Errc::kUsage},
                      {"tough-testdata/tough/tests/data/dubious-role-names/metadata", "1.root.json",
                       "2020-01-01T00:00:00Z", "", Errc::kMalformed},
                      {"python-tuf-testdata/tests/repository_data/repository/metadata",
                       "1.root.json", "2020-01-01T00:00:00Z", "file3.txt", Errc::kUsage},
                      {"python-tuf-testdata/tests/repository_data/fishy_rolenames/metadata",
                       "1.root.json", "2020-01-01T00:00:00Z", "", Errc::kUsage}};
  for (const auto& row : rows) {
    INFO(row.metadata);
    FolderFetcher fetcher(*folder + "/" + row.metadata);
    fakes::MemoryStore store;
    fakes::FakeClock clock(at(row.now));
    UpdaterOptions options;
    options.profile = Profile::kInterop;
    options.limits = limits_of(Profile::kInterop);
    options.anchor = outside::read(*folder + "/" + row.metadata + "/" + row.root);
    Updater client(fetcher, store, clock, std::move(options));
    const auto report = client.refresh();
    INFO((report ? "accepted" : report.error().what()));
    CHECK((report ? Errc::kUsage : report.error().code()) == row.code);
    if (!report || *row.target == '\0') continue;
    const auto found = client.find(row.target);
    INFO((found ? "searched" : found.error().what()));
    REQUIRE(found);
    CHECK(found->has_value());
  }
}
