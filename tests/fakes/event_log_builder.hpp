#pragma once
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/reader.hpp"
#include "tpm/event_log.hpp"

namespace pawl::fakes {

/// Writes crypto-agile event logs with a SHA-1 and a SHA-256 bank, as firmware does.
class EventLogBuilder {
 public:
  EventLogBuilder() : EventLogBuilder({{0x0004, 20}, {0x000b, 32}}) {}
  explicit EventLogBuilder(std::vector<std::pair<std::uint16_t, std::uint16_t>> banks)
      : banks_(std::move(banks)) {
    Writer spec;
    spec.bytes(as_bytes(std::string_view("Spec ID Event03\0", 16)));
    spec.u32_le(0);
    spec.bytes(Bytes{0, 2, 0, 2});
    spec.u32_le(static_cast<std::uint32_t>(banks_.size()));
    for (const auto& [algorithm, size] : banks_) {
      spec.u16_le(algorithm);
      spec.u16_le(size);
    }
    spec.u8(0);
    w_.u32_le(0);
    w_.u32_le(3);
    w_.bytes(Bytes(20));
    w_.u32_le(static_cast<std::uint32_t>(spec.view().size()));
    w_.bytes(spec.view());
  }

  EventLogBuilder& event(unsigned pcr, const Sha256Digest& digest, std::uint32_t type = 0x0d,
                         std::string_view data = "data") {
    w_.u32_le(pcr);
    w_.u32_le(type);
    w_.u32_le(static_cast<std::uint32_t>(banks_.size()));
    for (const auto& [algorithm, size] : banks_) {
      w_.u16_le(algorithm);
      w_.bytes(algorithm == 0x000b ? Bytes(digest.bytes.begin(), digest.bytes.end()) : Bytes(size));
    }
    w_.u32_le(static_cast<std::uint32_t>(data.size()));
    w_.bytes(as_bytes(data));
    return *this;
  }
  EventLogBuilder& event(unsigned pcr, std::string_view text) {
    return event(pcr, sha256(as_bytes(text)));
  }
  EventLogBuilder& raw(ByteView bytes) {
    w_.bytes(bytes);
    return *this;
  }
  [[nodiscard]] Bytes build() const { return w_.view(); }

 private:
  std::vector<std::pair<std::uint16_t, std::uint16_t>> banks_;
  Writer w_;
};

}  // namespace pawl::fakes
