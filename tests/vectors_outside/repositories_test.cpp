#include <catch2/catch.hpp>

#include "fakes/memory_store.hpp"
#include "manifest/path.hpp"
#include "manifest/updater.hpp"
#include "outside.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

/// Metadata and targets as others laid them out, each in its folder.
class FolderFetcher final : public Fetcher {
 public:
  FolderFetcher(std::string folder, std::string targets)
      : folder_(std::move(folder)), targets_(std::move(targets)) {}
  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override {
    PosixDisk disk;
    return read_optional(disk, folder_ + "/" + file, limit);
  }
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override {
    PosixDisk disk;
    return read_optional(disk, targets_ + "/" + path, limit);
  }

 private:
  std::string folder_;
  std::string targets_;
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

namespace {

struct Repository {
  const char* folder;
  const char* metadata;  // in it
  const char* root;      // in the metadata, or beside it
  const char* now;
  const char* target;  // found, fetched and compared; none when empty
  Errc code;
  const char* says = "";
};

constexpr const char* kTough = "tough-testdata/tough/tests/data/";
constexpr const char* kPython = "python-tuf-testdata/tests/repository_data/";
constexpr const char* kStatic = "tuf-conformance-static/tuf_conformance/static_data/";

void check_repository(const std::string& base, const Repository& row) {
  INFO(base << row.folder);
  const auto metadata = base + row.folder + row.metadata;
  FolderFetcher fetcher(metadata, base + row.folder + "/targets");
  fakes::MemoryStore store;
  fakes::FakeClock clock(at(row.now));
  UpdaterOptions options;
  options.profile = Profile::kInterop;
  options.limits = limits_of(Profile::kInterop);
  options.anchor = outside::read(metadata + "/" + row.root);
  Updater client(fetcher, store, clock, std::move(options));
  const auto report = client.refresh();
  INFO((report ? "accepted" : report.error().what()));
  CHECK((report ? Errc::kUsage : report.error().code()) == row.code);
  if (!report) CHECK_THAT(report.error().what(), Catch::Contains(row.says));
  if (!report || *row.target == '\0') return;
  const auto found = client.find(row.target);
  INFO((found ? "searched" : found.error().what()));
  REQUIRE(found);
  REQUIRE(found->has_value());
  auto info = **found;
  const auto bytes = client.fetch(info, 1U << 20U);
  INFO((bytes ? "fetched" : bytes.error().what()));
  REQUIRE(bytes);
  CHECK(bytes->size() == info.length);
  ++info.length;
  const auto other = client.fetch(info, 1U << 20U);
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::kHashMismatch);
}

}  // namespace

TEST_CASE("vectors: whole repositories of others refresh, and their targets arrive", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  const auto* const now = "2020-01-01T00:00:00Z";
  const auto* const md = "/metadata";
  for (const auto& row :
       {Repository{"tuf-reference-impl", md, "1.root.json", now, "file1.txt", Errc::kUsage},
        Repository{"tuf-reference-impl", md, "1.root.json", now, "file3.txt", Errc::kUsage},
        Repository{"consistent-snapshots", md, "1.root.json", now, "data1.txt", Errc::kUsage},
        Repository{"rotated-root", "", "1.root.json", now, "", Errc::kUsage},
        Repository{"expired-repository", md, "1.root.json", "2026-01-01T00:00:00Z", "",
                   Errc::kExpired, "expired on"},
        Repository{"safe-target-paths", md, "1.root.json", now, "", Errc::kUsage},
        // its dates have fractions of a second, which TUF does not allow
        Repository{"dubious-role-names", md, "1.root.json", now, "", Errc::kMalformed,
                   "expires"}}) {
    check_repository(*folder + "/" + kTough, row);
  }
  for (const auto& row :
       {Repository{"repository", md, "1.root.json", now, "file1.txt", Errc::kUsage},
        Repository{"repository", md, "1.root.json", now, "file3.txt", Errc::kUsage},
        Repository{"fishy_rolenames", md, "1.root.json", now, "", Errc::kUsage}}) {
    check_repository(*folder + "/" + kPython, row);
  }
  for (const auto& row :
       {Repository{"sigstore-root-signing", md, "../initial_root.json", "2025-02-09T12:02:08Z",
                   "trusted_root.json", Errc::kUsage},
        Repository{"sigstore-root-signing", md, "../initial_root.json", "2026-02-09T12:02:08Z", "",
                   Errc::kExpired, "expired on"},
        Repository{"tuf-on-ci-0.11", md, "../initial_root.json", "2025-02-09T09:17:23Z",
                   "delegatedrole/artifact", Errc::kUsage}}) {
    check_repository(*folder + "/" + kStatic, row);
  }
}

TEST_CASE("vectors: another implementation's Ed25519 files are one trusted set", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  const auto base = *folder + "/python-tuf-testdata/tests/generated_data/ed25519_metadata/";
  const auto file = [&](const std::string& role) {
    return outside::read(base + role + "_with_ed25519.json");
  };
  auto set = TrustedSet::open(file("root"), Profile::kInterop, limits_of(Profile::kInterop), {});
  REQUIRE(set);
  REQUIRE(set->close_roots(at("2020-01-01T00:00:00Z"), {}));
  REQUIRE(set->add_timestamp(file("timestamp")));
  REQUIRE(set->add_snapshot(file("snapshot"), Source::kReceived));
  CHECK(set->add_targets({"root", "targets"}, file("targets")));
  auto forged = file("timestamp");
  const auto text = as_text(forged);
  forged[text.find("2050")] = '3';
  auto again = TrustedSet::open(file("root"), Profile::kInterop, limits_of(Profile::kInterop), {});
  REQUIRE(again->close_roots(at("2020-01-01T00:00:00Z"), {}));
  CHECK(again->add_timestamp(forged).error().code() == Errc::kBadSignature);
}
