#pragma once
#include <algorithm>
#include <optional>

#include "base/disk.hpp"
#include "base/random.hpp"
#include "vault/crypto.hpp"
#include "vault/protector.hpp"

namespace pawl::fakes {

/// Counts up: reproducible, never repeats within a stream.
class CountingRandom final : public Random {
 public:
  explicit CountingRandom(std::uint8_t stream = 0) : stream_(stream) {}
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = 0;
    ++count_;
    for (std::size_t i = 0; i < out.size() && i < 8; ++i) {
      out[i] = static_cast<std::uint8_t>(count_ >> (8 * i));
    }
    if (out.size() > 8) out[8] = stream_;
  }

 private:
  std::uint64_t count_ = 0;
  std::uint8_t stream_;
};

/// A token with one key inside; `refuses` is a boot state that was not approved.
class FakeProtector final : public vault::KeyProtector {
 public:
  explicit FakeProtector(Random& random) : random_(random), inner_(*vault::random_key(random)) {}
  bool refuses = false;
  [[nodiscard]] std::string_view name() const override { return "fake"; }
  Result<Bytes> seal(const SecretBytes& key) override {
    const auto nonce = vault::random_nonce(random_);
    Bytes blob(nonce.bytes.begin(), nonce.bytes.end());
    const auto sealed = vault::seal(inner_, nonce, key.span(), {});
    blob.insert(blob.end(), sealed.begin(), sealed.end());
    return blob;
  }
  Result<SecretBytes> open(ByteView blob) override {
    if (refuses) return fail(Errc::kTpm, "the boot state is not approved");
    if (blob.size() != 72) return fail(Errc::kTpm, "not a blob of this token");
    vault::Nonce nonce;
    std::copy_n(blob.begin(), nonce.bytes.size(), nonce.bytes.begin());
    auto key = SecretBytes::allocate(vault::kKeySize);
    PAWL_CHECK(vault::open_into(key->mutable_span(), inner_, nonce, blob.subspan(24), {}));
    return key;
  }

 private:
  Random& random_;
  SecretBytes inner_;
};

/// An NV cell. A write is one durable operation of `disk`, so that its power cuts reach here too.
class FakeAnchor final : public vault::Anchor {
 public:
  explicit FakeAnchor(Disk& disk) : disk_(disk) {}
  std::optional<vault::AnchorValue> value;
  unsigned writes = 0;
  Result<std::optional<vault::AnchorValue>> read() override { return value; }
  Status write(const vault::AnchorValue& v) override {
    PAWL_CHECK(disk_.remove("/nv"));  // counts, or finds the power gone
    value = v;
    ++writes;
    return Ok{};
  }

 private:
  Disk& disk_;
};

}  // namespace pawl::fakes
