#include "sealing/records.hpp"

#include <sodium.h>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "tpm/fault.hpp"
#include "vault/crypto.hpp"

namespace pawl::sealing {
namespace {

using tpm::fail_tpm;
using tpm::Fault;

constexpr std::string_view kKeyHashDomain("pawl-record-key\0", 16);
constexpr std::string_view kPurpose = "pawl-record-v1:";

Error not_ours(std::string_view name, const char* why) {
  return fail_tpm(Fault::kTampered, "the " + std::string(name) + " record " + why)
      .with_hint("it was not written by this device in an approved boot; see docs/runbooks/tpm.md");
}

}  // namespace

RecordKey::RecordKey(SecretBytes key) : key_(std::move(key)) {
  Sha256 hash;
  hash.update(as_bytes(kKeyHashDomain));
  hash.update(key_.span());
  hash_ = hash.finish();
}

Result<RecordKey> RecordKey::create(Random& random) {
  PAWL_TRY(auto key, SecretBytes::allocate(kSize));
  random.fill(key.mutable_span());
  return RecordKey(std::move(key));
}

Result<RecordKey> RecordKey::accept(SecretBytes key, const tpm::RecordsAnchor& anchor) {
  if (key.size() != kSize) return fail_tpm(Fault::kTampered, "sealed record key of a wrong size");
  RecordKey out(std::move(key));
  if (out.hash_ != anchor.key_hash) {
    return fail_tpm(Fault::kTampered, "the sealed record key is not the one the TPM's anchor names")
        .with_hint("somebody sealed a key of his own; see docs/runbooks/tpm.md");
  }
  return out;
}

Result<Blake2bDigest> RecordKey::tag(std::string_view name, ByteView payload,
                                     const Sha256Digest& follows) const {
  PAWL_TRY(const auto key, vault::derive(key_, std::string(kPurpose) + std::string(name)));
  Writer w;
  w.bytes(follows.span());
  w.bytes(payload);
  return vault::authenticate(key, w.view());
}

Result<Bytes> RecordKey::wrap(std::string_view name, ByteView payload,
                              const Sha256Digest& follows) const {
  PAWL_TRY(const auto mac, tag(name, payload, follows));
  Writer w;
  w.bytes(as_bytes(kRecordMagic));
  w.bytes(as_bytes(to_hex(mac) + " " + to_hex(follows) + "\n"));
  w.bytes(payload);
  return std::move(w).take();
}

Result<RecordKey::Opened> RecordKey::unwrap(std::string_view name, ByteView file) const {
  if (!is_record(file)) return not_ours(name, "is not authenticated");
  const auto head = as_text(file.first(kRecordHead)).substr(kRecordMagic.size());
  const auto claimed = fixed_from_hex<Blake2bDigest>(head.substr(0, 64));
  const auto follows = fixed_from_hex<Sha256Digest>(head.substr(65, 64));
  if (!claimed || !follows) return not_ours(name, "has a head that cannot be read");
  const auto payload = file.subspan(kRecordHead);
  PAWL_TRY(const auto mac, tag(name, payload, *follows));
  if (sodium_memcmp(mac.bytes.data(), claimed->bytes.data(), mac.bytes.size()) != 0) {
    return not_ours(name, "does not verify under this device's key");
  }
  return Opened{Bytes(payload.begin(), payload.end()), *follows};
}

bool is_record(ByteView file) {
  if (file.size() < kRecordHead) return false;
  const auto head = as_text(file.first(kRecordHead));
  return head.starts_with(kRecordMagic) && head[kRecordMagic.size() + 64] == ' ' &&
         head.back() == '\n';
}

ByteView unverified_payload(ByteView file) {
  return is_record(file) ? file.subspan(kRecordHead) : file;
}

Status check_newest_floors(ByteView file, const RecordKey::Opened& opened,
                           const tpm::RecordsAnchor& anchor) {
  if (sha256(file) == anchor.floors_hash || opened.follows == anchor.floors_hash) return Ok{};
  return fail(Errc::kRollback, "the floors record is older than the last commit")
      .with_hint("an older file was put back; see docs/runbooks/tpm.md");
}

}  // namespace pawl::sealing
