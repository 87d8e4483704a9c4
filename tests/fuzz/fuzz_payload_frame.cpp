#include "base/digest.hpp"
#include "payload/decode.hpp"
#include "tests/fakes/payload_streams.hpp"

// First byte: the frame's kind; second: whether there is a window before. The rest is a frame whose
// digest is right, for a window of 4096 bytes, with a base image of 64 KiB.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  using namespace pawl::payload;
  static const Bytes previous = fakes::sample_bytes(4096, 1);
  static fakes::MemorySource base(fakes::sample_bytes(65536, 2));
  if (size < 2 || data[0] > static_cast<std::uint8_t>(FrameKind::kCopyAdd)) return 0;
  const ByteView frame(data + 2, size - 2);
  Record record;
  record.frame = blake2b(frame);
  record.frame_length = static_cast<std::uint32_t>(frame.size());
  record.kind = static_cast<FrameKind>(data[0]);
  const auto index = Index::create({12, 4096, sha256(base.bytes()), {record}});
  if (!index) return 0;
  static WindowDecoder decoder(*index);
  decoder.set_previous((data[1] & 1U) != 0 ? ByteView(previous) : ByteView());
  (void)static_cast<bool>(decoder.decode(*index, 0, frame, &base));
  return 0;
}
