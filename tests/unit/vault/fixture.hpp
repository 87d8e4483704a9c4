#pragma once
#include <memory>
#include <string>

#include "tests/fakes/fake_disk.hpp"
#include "tests/fakes/fake_protector.hpp"
#include "vault/vault.hpp"

namespace pawl::fakes {

/// A device with a vault on a disk that can lose power.
struct VaultDevice {
  FakeDisk disk;
  CountingRandom random;
  FakeProtector protector{random};
  FakeAnchor anchor{disk};
  vault::VaultConfig config{"/var/vault", "device-7", vault::Anchoring::kFirstWrite, {}};

  explicit VaultDevice(std::uint8_t stream = 0) : random(stream) { disk.make_durable("/var"); }
  vault::VaultParts parts() { return {disk, random, protector, anchor}; }
  Result<vault::Vault> create() { return vault::Vault::create(parts(), config); }
  Result<vault::Vault> open() { return vault::Vault::open(parts(), config); }
};

inline Bytes pattern(std::size_t size, unsigned seed = 1) {
  Bytes out(size);
  std::uint32_t x = seed * 2654435761U + 1;
  for (auto& b : out) {
    x = x * 1664525U + 1013904223U;
    b = static_cast<std::uint8_t>(x >> 24U);
  }
  return out;
}

inline bool holds(vault::Vault& vault, std::string_view name, ByteView value) {
  const auto got = vault.get(name, 1U << 24U);
  return got && std::equal(got->span().begin(), got->span().end(), value.begin(), value.end());
}

inline bool holds(vault::Vault&& vault, std::string_view name, ByteView value) {
  return holds(vault, name, value);
}

}  // namespace pawl::fakes
