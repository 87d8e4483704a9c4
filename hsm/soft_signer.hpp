#pragma once
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "base/secret.hpp"
#include "hsm/signer.hpp"

namespace pawl::hsm {

/// A key in a file, for tests and development; every output names it a software key.
/// The file: 16 bytes `PAWL-SOFT-KEY-1\n`, then the 32-byte seed; mode 0600. FORMAT 10.5.
class SoftSigner final : public Signer {
 public:
  /// Makes a new key file; never overwrites. @return kUsage when the path exists, kIo, kNoSpace.
  static Result<std::unique_ptr<Signer>> create(Disk& disk, const std::string& path);
  /// @return kConfig when others may read the file, kMalformed, kIo.
  static Result<std::unique_ptr<Signer>> load(const std::string& path);

 private:
  SoftSigner(const Ed25519PublicKey& key, KeyFacts facts, SecretBytes secret);
  static Result<std::unique_ptr<Signer>> from_seed(ByteView seed, const std::string& path);
  Result<Ed25519Signature> make_signature(ByteView message) override;
  SecretBytes secret_;  // libsodium's form: seed and public key
};

}  // namespace pawl::hsm
