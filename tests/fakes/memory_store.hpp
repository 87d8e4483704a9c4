#pragma once
#include <map>
#include <string>
#include <vector>

#include "fakes/fake_clock.hpp"
#include "manifest/ports.hpp"

namespace pawl::fakes {

/// A Store in memory; tests reach in to damage it.
class MemoryStore final : public manifest::Store {
 public:
  Result<std::optional<Bytes>> load(const std::string& name, std::size_t limit) override {
    const auto found = files.find(name);
    if (found == files.end() || found->second.size() > limit) return std::optional<Bytes>();
    return std::optional<Bytes>(found->second);
  }
  Status save(const std::string& name, ByteView bytes) override {
    if (fail_saves) return fail(Errc::kNoSpace, "store is full");
    files[name] = Bytes(bytes.begin(), bytes.end());
    saved.push_back(name);
    return Ok{};
  }
  Status drop(const std::string& name) override {
    files.erase(name);
    return Ok{};
  }
  std::map<std::string, Bytes> files;
  std::vector<std::string> saved;  // in order
  bool fail_saves = false;
};

}  // namespace pawl::fakes
