#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "payload/copy_add.hpp"

namespace pawl::payload {

/// Finds which old bytes a window was made from. An index over the whole base image: every second
/// position by the hash of 16 bytes; 4 times the image's size at most.
class Matcher {
 public:
  /// @param old  below 2^32 - 1 positions of two bytes: 8 GiB
  explicit Matcher(ByteView old);
  /// The copies that give the window image[begin, end); pure in its arguments, so that windows may
  /// be matched in any order by several threads.
  /// @param old  the bytes the index was made from
  [[nodiscard]] std::vector<CopyOp> match(ByteView old, ByteView image, std::size_t begin,
                                          std::size_t end) const;

 private:
  struct Found {
    std::size_t length = 0;
    std::size_t old_at = 0;
  };
  class Scan;
  [[nodiscard]] Found longest(ByteView old, ByteView image, std::size_t at, std::size_t near) const;
  unsigned shift_;
  std::vector<std::uint32_t> heads_;  // by hash: 1 + position / kStep
  std::vector<std::uint32_t> next_;   // by position / kStep
};

}  // namespace pawl::payload
