#pragma once
#include <cstddef>

namespace pawl::http {

/// Raises this process's limit of open files as far as `connections` need it, each with a file that
/// is being sent, beside what a program has open anyway.
/// @return how many connections there is room for: fewer where the hard limit is too low
[[nodiscard]] std::size_t room_for(std::size_t connections);

}  // namespace pawl::http
