#pragma once
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/reader.hpp"

namespace pawl::fakes {

/// Writes small PE32+ images: one header block of 512 bytes, sections end to end.
struct PeBuilder {
  struct Part {
    std::string name;
    Bytes content;
  };
  std::vector<Part> parts;
  std::uint32_t align = 512;
  std::uint32_t symbol_table = 0;
  std::uint32_t directories = 16;
  Bytes tail;         // after the last section, before the certificate table
  Bytes certificate;  // appended and named by the security directory

  static constexpr std::size_t kHeader = 64;         // of the PE signature
  static constexpr std::size_t kOptional = 64 + 24;  // optional header
  static constexpr std::size_t kChecksum = kOptional + 64;
  static constexpr std::size_t kSecurity = kOptional + 112 + 32;
  static constexpr std::size_t kTable = kOptional + 240;
  static constexpr std::uint32_t kHeaderSize = 1024;

  PeBuilder& add(std::string name, std::string_view content) {
    const auto view = as_bytes(content);
    parts.push_back({std::move(name), Bytes(view.begin(), view.end())});
    return *this;
  }
  PeBuilder& add(std::string name, Bytes content) {
    parts.push_back({std::move(name), std::move(content)});
    return *this;
  }

  [[nodiscard]] std::uint32_t padded(std::size_t size) const {
    return static_cast<std::uint32_t>((size + align - 1) / align * align);
  }

  [[nodiscard]] Bytes build() const {
    std::size_t end = kHeaderSize;
    for (const auto& p : parts) end += padded(p.content.size());
    const auto signed_at = end + tail.size();
    Writer w;
    w.u8('M');
    w.u8('Z');
    w.bytes(Bytes(58));
    w.u32_le(kHeader);
    w.u32_le(0x00004550);
    w.u16_le(0x8664);
    w.u16_le(static_cast<std::uint16_t>(parts.size()));
    w.u32_le(0);  // time stamp
    w.u32_le(symbol_table);
    w.u32_le(0);
    w.u16_le(240);
    w.u16_le(0x22);
    w.u16_le(0x20b);
    w.bytes(Bytes(58));
    w.u32_le(kHeaderSize);
    w.u32_le(0x11223344);  // checksum: not covered by the digest
    w.bytes(Bytes(40));
    w.u32_le(directories);
    w.bytes(Bytes(32));
    w.u32_le(certificate.empty() ? 0 : static_cast<std::uint32_t>(signed_at));
    w.u32_le(static_cast<std::uint32_t>(certificate.size()));
    w.bytes(Bytes(88));
    auto offset = kHeaderSize;
    for (const auto& p : parts) {
      Bytes name(p.name.begin(), p.name.end());
      name.resize(8);
      w.bytes(name);
      w.u32_le(static_cast<std::uint32_t>(p.content.size()));
      w.u32_le(offset);
      w.u32_le(padded(p.content.size()));
      w.u32_le(offset);
      w.bytes(Bytes(16));
      offset += padded(p.content.size());
    }
    w.bytes(Bytes(kHeaderSize - w.view().size()));
    for (const auto& p : parts) {
      w.bytes(p.content);
      w.bytes(Bytes(padded(p.content.size()) - p.content.size()));
    }
    w.bytes(tail);
    w.bytes(certificate);
    return std::move(w).take();
  }
};

/// A kernel image and a UKI around it, small but complete.
inline Bytes small_kernel(std::string_view code) {
  return PeBuilder().add(".text", code).build();
}
inline PeBuilder small_uki(std::string_view kernel, std::string_view cmdline,
                           std::string_view initrd) {
  PeBuilder b;
  b.add(".text", "stub").add(".osrel", "ID=pawl\n").add(".cmdline", cmdline);
  b.add(".linux", small_kernel(kernel)).add(".initrd", initrd);
  return b;
}

}  // namespace pawl::fakes
