#pragma once
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"

/// The part of the protocol buffers wire format that the Workload API needs.
namespace pawl::identity {

/// One field of a message. `bytes` is a view into the input, for length-delimited fields only.
struct ProtoField {
  std::uint32_t number = 0;
  std::uint64_t value = 0;  // varint and fixed fields
  ByteView bytes;
  bool is_bytes = false;
};

/// Cursor over the fields of one message, in the order they were sent.
class ProtoReader {
 public:
  explicit ProtoReader(ByteView message) : left_(message) {}
  /// The next field, or nothing at the end. @return kMalformed for field number 0, groups, a varint
  /// over ten bytes or 64 bits, a field over 2^29-1, or a length beyond the message.
  Result<std::optional<ProtoField>> next();

 private:
  Result<std::uint64_t> varint();
  Result<ByteView> take(std::uint64_t size);
  Result<std::uint64_t> fixed(std::size_t width);
  ByteView left_;
};

}  // namespace pawl::identity
