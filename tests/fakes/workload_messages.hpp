#pragma once
#include <string_view>

#include "fakes/test_pki.hpp"

/// Messages of the Workload API, built by hand.
namespace pawl::fakes {

using identity::certificate_der;

inline Bytes proto_varint(std::uint64_t value) {
  Bytes out;
  do {
    const auto more = value > 127 ? 0x80U : 0U;
    out.push_back(static_cast<std::uint8_t>((value & 0x7FU) | more));
    value >>= 7U;
  } while (value != 0);
  return out;
}

inline void append(Bytes& out, ByteView more) {
  out.insert(out.end(), more.begin(), more.end());
}

inline Bytes proto_field(unsigned number, ByteView value) {
  auto out = proto_varint(number << 3U | 2U);
  append(out, proto_varint(value.size()));
  append(out, value);
  return out;
}
inline Bytes proto_field(unsigned number, std::string_view text) {
  return proto_field(number, as_bytes(text));
}

/// A root, a foreign root and a leaf, and the messages that carry them.
struct WorkloadParts {
  Issued root = issue(ca_spec("root"), nullptr);
  Issued other = issue(ca_spec("other"), nullptr);
  Issued leaf = issue(leaf_spec("spiffe://example.org/d"), &root);

  [[nodiscard]] Bytes svid(std::string_view id = "spiffe://example.org/d") const {
    Bytes out = proto_field(1, id);
    append(out, proto_field(2, certificate_der(*leaf.certificate)));
    append(out, proto_field(3, key_der_of(leaf)));
    append(out, proto_field(4, certificate_der(*root.certificate)));
    append(out, proto_field(5, "hint"));
    return out;
  }
  [[nodiscard]] Bytes federated(std::string_view id = "spiffe://other.org") const {
    Bytes out = proto_field(1, id);
    append(out, proto_field(2, certificate_der(*other.certificate)));
    return out;
  }
};

}  // namespace pawl::fakes
