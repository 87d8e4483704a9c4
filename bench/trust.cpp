// What the trust core costs on a device: a refresh with nothing new, with new targets and from
// nothing but root, and the verification of one release manifest. CPU time, allocations and highest
// heap use.
//   bench_trust DIR [--set small|full]     writes the repository it used to DIR; prints JSON
// bench/trust runs it beside python-tuf and go-tuf over the same files.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <new>
#include <string>

#include <malloc.h>
#include <unistd.h>

#include "base/disk.hpp"
#include "manifest/disk_store.hpp"
#include "manifest/updater.hpp"
#include "manifest/verify_release.hpp"
#include "tests/fakes/memory_store.hpp"
#include "tests/fakes/repo_simulator.hpp"

namespace {

/// Every allocation of the program, through operator new below.
struct Heap {
  std::size_t count = 0;
  std::size_t now = 0;
  std::size_t highest = 0;
};
Heap heap;

}  // namespace

// The allocator itself: NOLINTBEGIN(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc)
void* operator new(std::size_t size) {
  void* out = std::malloc(size);
  if (out == nullptr) std::abort();
  ++heap.count;
  heap.now += malloc_usable_size(out);
  heap.highest = std::max(heap.highest, heap.now);
  return out;
}
void operator delete(void* memory) noexcept {
  heap.now -= malloc_usable_size(memory);
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc)
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace {

using namespace pawl;
using namespace pawl::manifest;

constexpr int kReleases = 13;  // as many as a product's role holds in one signature of a token
const std::string kProduct = "gw3";

struct Cost {
  double microseconds = 0;
  std::size_t allocations = 0;
  std::size_t heap_bytes = 0;  // highest, above what was there before
};

double cpu_microseconds() {
  timespec time{};
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// The mean of `rounds` runs of `step`; `prepare` before each is not counted.
Cost measure(int rounds, const std::function<void()>& prepare, const std::function<bool()>& step) {
  Cost out;
  for (int i = 0; i < rounds; ++i) {
    prepare();
    const auto before = heap;
    heap.highest = heap.now;
    const auto start = cpu_microseconds();
    if (!step()) std::abort();
    out.microseconds += cpu_microseconds() - start;
    out.allocations = heap.count - before.count;
    out.heap_bytes = std::max(out.heap_bytes, heap.highest - before.now);
  }
  out.microseconds /= rounds;
  return out;
}

/// Files by name, without the notes that the simulator takes.
class MapFetcher final : public Fetcher {
 public:
  explicit MapFetcher(const std::map<std::string, Bytes>& metadata,
                      const std::map<std::string, Bytes>& targets)
      : metadata_(metadata), targets_(targets) {}
  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override {
    return find(metadata_, file, limit);
  }
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override {
    return find(targets_, path, limit);
  }

 private:
  static Result<std::optional<Bytes>> find(const std::map<std::string, Bytes>& files,
                                           const std::string& name, std::size_t limit) {
    const auto found = files.find(name);
    if (found == files.end()) return std::optional<Bytes>();
    if (found->second.size() > limit) return fail(Errc::kTooLarge, name);
    return std::optional(found->second);
  }
  const std::map<std::string, Bytes>& metadata_;
  const std::map<std::string, Bytes>& targets_;
};

/// root 3 of 5; every release of one product line but the last two, then the next state.
class Bench {
 public:
  explicit Bench(std::filesystem::path folder) : folder_(std::move(folder)) {
    repo_.now = std::chrono::floor<Seconds>(std::chrono::system_clock::now());
    for (const auto* name : {"root-d", "root-e"}) repo_.signers["root"].emplace_back(name);
    repo_.root.root.threshold = 3;
    repo_.root.header.expires = repo_.now + std::chrono::hours(24 * 365);
    repo_.publish_root();
    repo_.repository = Root::repository_id(repo_.root.serialise());
    for (int i = 1; i < kReleases; ++i) add(i);
    repo_.bump();
    keep(old_);
    write("old");
    add(kReleases);
    repo_.bump();
    keep(new_);
    write("new");
    write_targets();
  }

  enum class From : std::uint8_t { kNothing, kOld, kNew };
  Cost memory(From from, int rounds) {
    fakes::MemoryStore store;
    return measure(
        rounds, [&] { store.files = files_for(from); }, [&] { return refresh(store); });
  }
  /// The same with the device's store, on a file system in memory.
  Cost files(From from, int rounds) {
    const auto path =
        std::filesystem::path("/dev/shm") / ("bench-trust-" + std::to_string(getpid()));
    PosixDisk disk;
    const auto prepare = [&] {
      std::filesystem::remove_all(path);
      std::filesystem::create_directories(path);
      for (const auto& [name, bytes] : files_for(from)) put(path / (name + ".json"), bytes);
    };
    const auto out = measure(rounds, prepare, [&] {
      auto store = DiskStore::open(disk, path);
      return store && refresh(*store);
    });
    std::filesystem::remove_all(path);
    return out;
  }
  Cost verify(int rounds) {
    fakes::MemoryStore store;
    MapFetcher fetcher(repo_.metadata_files, repo_.target_files);
    SystemClock clock;
    Updater client(fetcher, store, clock, options());
    const auto refreshed = client.refresh();
    const auto offers = client.releases(kProduct);
    if (!refreshed || !offers) std::abort();
    const auto& target = offers->front().target;
    const auto bytes = client.fetch(target, kMaxReleaseBytes);
    const auto release = bytes ? Release::parse(as_text(*bytes)) : fail(Errc::kIo, "no manifest");
    if (!release) std::abort();
    DeviceFacts facts{release->product, release->vendor_id, release->class_id, "b"};
    facts.now = client.trusted().time();
    Floors floors;
    floors.security_version = release->min_security_version;
    return measure(
        rounds, [] {},
        [&] {
          return bool(verify_release(*bytes, target, facts, floors, client.trusted().policy(),
                                     client.trusted().freshness()));
        });
  }
  [[nodiscard]] std::string target() const { return release_path(kProduct, version(kReleases)); }

 private:
  static std::string version(int i) { return "1." + std::to_string(i) + ".0"; }
  static void put(const std::filesystem::path& path, ByteView bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << as_text(bytes);
  }
  void add(int i) {
    repo_.add_release(fakes::sample_release(static_cast<std::uint64_t>(i), version(i)));
  }
  /// What a client's store holds at this state.
  void keep(std::map<std::string, Bytes>& out) {
    fakes::MemoryStore store;
    if (!refresh(store)) std::abort();
    out = store.files;
  }
  const std::map<std::string, Bytes>& files_for(From from) const {
    static const std::map<std::string, Bytes> nothing;
    if (from == From::kNothing) return nothing;
    return from == From::kOld ? old_ : new_;
  }
  [[nodiscard]] UpdaterOptions options() const {
    UpdaterOptions out;
    out.anchor = repo_.root_file(1);
    return out;
  }
  bool refresh(Store& store) {
    MapFetcher fetcher(repo_.metadata_files, repo_.target_files);
    SystemClock clock;
    Updater client(fetcher, store, clock, options());
    if (!client.refresh()) return false;
    const auto offers = client.releases(kProduct);
    return offers && !offers->empty();
  }
  /// The repository, and the store in the layout of the other clients.
  void write(const std::string& state) {
    for (const auto& [name, bytes] : repo_.metadata_files) {
      put(folder_ / state / "metadata" / name, bytes);
    }
    for (const auto& [name, bytes] : files_for(state == "old" ? From::kOld : From::kNew)) {
      if (name != "policy") put(folder_ / state / "store" / (name + ".json"), bytes);
    }
    put(folder_ / state / "store/root.json", repo_.root_file(1));
  }
  void write_targets() {
    for (const auto& [name, bytes] : repo_.target_files) put(folder_ / "new/targets" / name, bytes);
  }

  std::filesystem::path folder_;
  fakes::RepoSimulator repo_;
  std::map<std::string, Bytes> old_;
  std::map<std::string, Bytes> new_;
};

json::Object to_json(const Cost& cost) {
  json::Object out;
  out.set("microseconds", json::Real{std::to_string(cost.microseconds)});
  out.set("allocations", static_cast<std::int64_t>(cost.allocations));
  out.set("heap_bytes", static_cast<std::int64_t>(cost.heap_bytes));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    (void)std::fprintf(stderr, "usage: bench_trust DIR [--set small|full]\n");
    return 2;
  }
  const bool full = argc == 4 && std::string_view(argv[3]) == "full";
  const int rounds = full ? 2000 : 200;
  Bench bench(argv[1]);
  using From = Bench::From;
  json::Object out;
  for (const auto& [name, from] :
       {std::pair{"first", From::kNothing}, std::pair{"new_targets", From::kOld},
        std::pair{"nothing_new", From::kNew}}) {
    json::Object row;
    row.set("memory", to_json(bench.memory(from, rounds)));
    row.set("files", to_json(bench.files(from, rounds)));
    out.set(name, std::move(row));
  }
  out.set("manifest", to_json(bench.verify(rounds)));
  out.set("target", bench.target());
  std::printf("%s\n", json::write(out).c_str());
  return 0;
}
