// No (key, nonce) ever covers two byte strings: every encryption of a random history is recorded at
// libsodium's own call (the linker wraps it), so that nothing the vault does can be missed.
#include <functional>
#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <sodium.h>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "fixture.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

/// What each (key, nonce) has encrypted: a digest over associated data and plain bytes.
struct Recorder {
  std::map<Bytes, Sha256Digest> seen;
  std::set<Bytes> keys;
  std::size_t calls = 0;
  std::size_t clashes = 0;

  void note(Bytes key_and_nonce, ByteView plain, ByteView bound) {
    ++calls;
    keys.insert(Bytes(key_and_nonce.begin(), key_and_nonce.begin() + 32));
    Writer w;
    w.u64_le(bound.size());
    w.bytes(bound);
    w.bytes(plain);
    const auto digest = sha256(w.view());
    const auto [at, fresh] = seen.emplace(std::move(key_and_nonce), digest);
    if (!fresh && at->second != digest) ++clashes;
  }
};

Recorder* recorder = nullptr;  // NOLINT: reached from a C function

}  // namespace

extern "C" {
// NOLINTBEGIN: names and parameters are the linker's and libsodium's
decltype(crypto_aead_xchacha20poly1305_ietf_encrypt)
    __real_crypto_aead_xchacha20poly1305_ietf_encrypt;
int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(
    unsigned char* c, unsigned long long* clen, const unsigned char* m, unsigned long long mlen,
    const unsigned char* ad, unsigned long long adlen, const unsigned char* nsec,
    const unsigned char* npub, const unsigned char* k) {
  if (recorder != nullptr) {
    Bytes both(k, k + 32);
    both.insert(both.end(), npub, npub + 24);
    recorder->note(std::move(both), {m, mlen}, {ad, adlen});
  }
  return __real_crypto_aead_xchacha20poly1305_ietf_encrypt(c, clen, m, mlen, ad, adlen, nsec, npub,
                                                           k);
}
// NOLINTEND
}

namespace {

/// Runs with every encryption recorded.
Recorder recorded(const std::function<void()>& history) {
  Recorder out;
  recorder = &out;
  history();
  recorder = nullptr;
  return out;
}

/// A random step; some are begun and dropped, some meet a power cut, after which the vault is
/// opened again.
void random_step(VaultDevice& device, std::optional<vault::Vault>& vault, std::uint32_t x) {
  const auto name = "n" + std::to_string((x >> 8U) % 4);
  const auto value = pattern((x >> 12U) % 140'000, x);
  switch ((x >> 24U) % 8) {
    case 0:
    case 1:
      (void)static_cast<bool>(vault->put(name, value));
      return;
    case 2: {
      auto writer = vault->append(name);
      if (!writer || !writer->write(value)) return;
      (void)static_cast<bool>(writer->finish());
      return;
    }
    case 3: {  // dropped after some chunks
      auto writer = vault->replace(name);
      if (writer) (void)static_cast<bool>(writer->write(value));
      return;
    }
    case 4:
      (void)static_cast<bool>(vault->remove(name));
      return;
    case 5:
      (void)static_cast<bool>(vault->rotate());
      return;
    case 6:
      if (x % 4 == 0) (void)static_cast<bool>(vault->rotate_deep());
      return;
    default:
      device.disk.ops_left = (x >> 16U) % 12;
      (void)static_cast<bool>(vault->put(name, value));
      (void)static_cast<bool>(vault->rotate());
  }
}

void random_history(VaultDevice& device, std::uint32_t seed, int steps) {
  std::optional<vault::Vault> vault(*device.create());
  for (int i = 0; i < steps; ++i) {
    seed = seed * 1664525U + 1013904223U;
    random_step(device, vault, seed);
    if (!device.disk.is_off() && seed % 16 != 0) continue;
    vault.reset();
    if (device.disk.is_off()) device.disk.power_on();
    device.disk.ops_left = FakeDisk::kNoCut;
    auto again = device.open();
    REQUIRE(again);
    vault.emplace(*std::move(again));
  }
}

}  // namespace

TEST_CASE("vault: no key and nonce ever cover two byte strings, in any history", "[vault]") {
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    const auto history = recorded([&] {
      VaultDevice device(static_cast<std::uint8_t>(seed));
      random_history(device, seed, 100);
    });
    INFO("seed " << seed);
    CHECK(history.clashes == 0);
    CHECK(history.calls > 200);
    CHECK(history.keys.size() > 50);
  }
}

TEST_CASE("vault: the recorder of encryptions sees a nonce that is used twice", "[vault]") {
  CountingRandom random;
  const auto history = recorded([&] {
    const auto key = *vault::random_key(random);
    const auto nonce = vault::random_nonce(random);
    (void)vault::seal(key, nonce, pattern(10, 1), {});
    (void)vault::seal(key, nonce, pattern(10, 1), {});  // the same again tells nobody anything
    CHECK(recorder->clashes == 0);
    (void)vault::seal(key, nonce, pattern(10, 2), {});
  });
  CHECK(history.clashes == 1);
}
