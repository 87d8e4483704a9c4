#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pawl::signer {

/// One line of the ledger.
struct LedgerEntry {
  enum class Kind : std::uint8_t {
    kSigned,   // this host was about to sign a version of a role
    kSeen,     // that version has been published
    kRelease,  // a release that was about to be listed, or that is published
  };
  Kind kind = Kind::kSigned;
  Sha256Digest repository;
  std::string subject;       // role; for releases the product
  std::uint64_t number = 0;  // metadata version; for releases the release counter
  std::string version;       // of a release, for people
  Sha256Digest digest;       // of the signed bytes; for releases of the manifest
  UtcTime time{};

  /// Same subject, number, version and digest, whenever it was entered.
  [[nodiscard]] bool says_the_same(const LedgerEntry& other) const;
};

/// What a token's host has signed, line by line, each naming the digest of the one before
/// (FORMAT 11.9). Nothing is ever taken out.
class Ledger {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20U;

  Ledger();  // without entries
  /// @return kTooLarge, or kMalformed naming the line
  static Result<Ledger> parse(std::string_view file);
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Digest of the last line: stands for the whole file.
  [[nodiscard]] const Sha256Digest& head() const { return head_; }
  [[nodiscard]] const std::vector<LedgerEntry>& entries() const { return entries_; }

  void append(LedgerEntry entry);

  /// The same entry by `says_the_same`, of this kind.
  [[nodiscard]] bool has(const LedgerEntry& entry) const;
  /// Highest version of a role of this kind; nullptr when there is none.
  [[nodiscard]] const LedgerEntry* highest(LedgerEntry::Kind kind, const Sha256Digest& repository,
                                           std::string_view subject) const;
  /// The release of a product that has this version, whatever its manifest.
  [[nodiscard]] const LedgerEntry* release(const Sha256Digest& repository, std::string_view product,
                                           std::string_view version) const;

 private:
  std::string text_;
  Sha256Digest head_;
  std::vector<LedgerEntry> entries_;
};

}  // namespace pawl::signer
