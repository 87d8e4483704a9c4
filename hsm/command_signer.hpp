#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "hsm/signer.hpp"

namespace pawl::hsm {

/// A program that signs for a key we cannot reach through PKCS#11, such as a cloud KMS.
struct SigningCommand {
  std::string name;                    // for people: "aws-release"
  std::string program;                 // absolute path; no shell, no search path
  std::vector<std::string> arguments;  // never a secret: command lines are public
  std::size_t message_limit = 4096;    // AWS KMS takes 4096 bytes for Ed25519
  std::chrono::milliseconds limit{60'000};
};

/// Gives the message to the program's standard input and takes exactly 64 bytes from its standard
/// output; its standard error is ours. Custody is `none`. FORMAT 10.8.
class CommandSigner final : public Signer {
 public:
  /// @return kUsage when the path is not absolute, kConfig when others may write the program.
  static Result<std::unique_ptr<Signer>> open(SigningCommand command,
                                              const Ed25519PublicKey& pinned);

 private:
  CommandSigner(SigningCommand command, const Ed25519PublicKey& pinned);
  /// kHsm when the program fails or says anything but 64 bytes, kTimeout after its time.
  Result<Ed25519Signature> make_signature(ByteView message) override;
  SigningCommand command_;
};

}  // namespace pawl::hsm
