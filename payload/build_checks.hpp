#pragma once
#include <cstdint>

#include "base/result.hpp"
#include "payload/build.hpp"

namespace pawl::payload {

/// @return kUsage or kTooLarge as build_full() says
[[nodiscard]] Status check_build(const BuildOptions& options, std::uint64_t image_size);

}  // namespace pawl::payload
