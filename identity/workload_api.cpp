#include "identity/workload_api.hpp"

#include <algorithm>

#include <openssl/crypto.h>

#include "identity/protobuf.hpp"
#include "identity/svid_rules.hpp"

namespace pawl::identity {
namespace {

constexpr std::size_t kMaxSvids = 16;
constexpr std::size_t kMaxFederated = 64;
constexpr std::size_t kHeader = 5;

struct SvidMessage {
  std::string_view id;
  ByteView chain;
  ByteView key;
  ByteView bundle;
};

Status set_field(const ProtoField& field, SvidMessage& out) {
  if (field.number >= 1 && field.number <= 4 && !field.is_bytes) {
    return fail(Errc::kMalformed, "field of an X509SVID with the wrong type");
  }
  if (field.number == 1) out.id = as_text(field.bytes);
  if (field.number == 2) out.chain = field.bytes;
  if (field.number == 3) out.key = field.bytes;
  if (field.number == 4) out.bundle = field.bytes;
  return Ok{};
}

Status add_svid(ByteView message, WorkloadUpdate& out) {
  if (out.svids.size() == kMaxSvids) return fail(Errc::kTooLarge, "more than 16 SVIDs");
  SvidMessage parts;
  ProtoReader reader(message);
  while (true) {
    PAWL_TRY(const auto field, reader.next());
    if (!field) break;
    PAWL_CHECK(set_field(*field, parts));
  }
  PAWL_TRY(const auto id, SpiffeId::parse(parts.id));
  PAWL_TRY(auto svid, X509Svid::parse_der(parts.chain, parts.key));
  if (svid.id() != id) {
    return fail(Errc::kMalformed, "the SVID is not that of " + printable(id.uri()));
  }
  PAWL_TRY(auto bundle, TrustBundle::parse_der(id.trust_domain(), parts.bundle));
  out.svids.push_back(std::move(svid));
  out.bundles.push_back(std::move(bundle));
  return Ok{};
}

// An entry of the map `federated_bundles`: 1 the domain's SPIFFE ID, 2 its certificates.
Status add_federated(ByteView entry, WorkloadUpdate& out) {
  if (out.bundles.size() == kMaxSvids + kMaxFederated) {
    return fail(Errc::kTooLarge, "more than 64 federated bundles");
  }
  std::string_view name;
  ByteView certificates;
  ProtoReader reader(entry);
  while (true) {
    PAWL_TRY(const auto field, reader.next());
    if (!field) break;
    if (field->number == 1) name = as_text(field->bytes);
    if (field->number == 2) certificates = field->bytes;
  }
  PAWL_TRY(const auto id, SpiffeId::parse(name));
  if (!id.path().empty()) {
    return fail(Errc::kMalformed, "a federated bundle under an ID with a path");
  }
  PAWL_TRY(auto bundle, TrustBundle::parse_der(id.trust_domain(), certificates));
  out.bundles.push_back(std::move(bundle));
  return Ok{};
}

}  // namespace

Result<WorkloadUpdate> parse_x509_response(ByteView message) {
  WorkloadUpdate out;
  ProtoReader reader(message);
  while (true) {
    PAWL_TRY(const auto field, reader.next());
    if (!field) break;
    if (field->number == 1) PAWL_CHECK(add_svid(field->bytes, out));
    if (field->number == 3) PAWL_CHECK(add_federated(field->bytes, out));
  }
  if (out.svids.empty()) return fail(Errc::kMalformed, "a Workload API message without an SVID");
  return out;
}

Status GrpcFrames::start() {
  if (header_[0] != 0) return fail(Errc::kMalformed, "compressed gRPC message");
  size_ = 0;
  for (std::size_t i = 1; i < kHeader; ++i) size_ = (size_ << 8U) | header_[i];
  if (size_ > kMaxMessage) return fail(Errc::kTooLarge, "gRPC message over 4 MiB");
  message_.reserve(size_);
  return Ok{};
}

Result<bool> GrpcFrames::feed(ByteView& in) {
  while (!in.empty() && header_.size() < kHeader) {
    header_.push_back(in.front());
    in = in.subspan(1);
    if (header_.size() == kHeader) PAWL_CHECK(start());
  }
  if (header_.size() < kHeader) return false;
  const auto part = in.first(std::min(in.size(), size_ - message_.size()));
  message_.insert(message_.end(), part.begin(), part.end());
  in = in.subspan(part.size());
  return message_.size() == size_;
}

void GrpcFrames::wipe() {
  OPENSSL_cleanse(message_.data(), message_.size());
  message_.clear();
  header_.clear();
  size_ = 0;
}

}  // namespace pawl::identity
