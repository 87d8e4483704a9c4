#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "base/result.hpp"

namespace pawl::http {

/// Binds and listens, without waiting.
/// @param address  numeric, or the path of a unix socket, which begins with '/'
/// @param port     0 for any; ignored for a unix socket
/// @return a non-blocking descriptor that the caller owns; kConfig for another address, kBusy when
///         a process listens on the unix socket, kIo when it cannot be bound.
[[nodiscard]] Result<int> listening_socket(const std::string& address, std::uint16_t port);
/// The port a listening socket got; 0 for a unix socket.
[[nodiscard]] std::uint16_t bound_port(int socket);
/// Whether peers without TLS are within this machine: a unix socket or a loopback address.
[[nodiscard]] bool is_local(const std::string& address);

}  // namespace pawl::http
