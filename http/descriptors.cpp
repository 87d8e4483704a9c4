#include "http/descriptors.hpp"

#include <algorithm>

#include <sys/resource.h>

#include "base/result.hpp"

namespace pawl::http {
namespace {

constexpr rlim_t kReserve = 64;  // listeners, database, log, a publication, admins
constexpr rlim_t kEach = 2;      // the socket, and the file that is sent

}  // namespace

std::size_t room_for(std::size_t connections) {
  rlimit limit{};
  PAWL_ASSERT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const auto wanted = std::min<rlim_t>(connections * kEach + kReserve, limit.rlim_max);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    PAWL_ASSERT(::setrlimit(RLIMIT_NOFILE, &limit) == 0);  // not above the hard limit
  }
  const auto left = limit.rlim_cur > kReserve ? (limit.rlim_cur - kReserve) / kEach : 1;
  return std::min<std::size_t>(connections, std::max<rlim_t>(left, 1));
}

}  // namespace pawl::http
