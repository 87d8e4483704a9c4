#include "http/client_error.hpp"

#include <cerrno>

#include "base/bytes.hpp"

namespace pawl::http {
namespace {

bool no_route(long os_error) {
  return os_error == ENETUNREACH || os_error == EHOSTUNREACH || os_error == ENETDOWN;
}

Error transport(const Failure& failure, const std::string& where) {
  return fail(Errc::kTransport, where + ": " + printable(failure.text), failure.code)
      .with_hint("the network or the server is disturbed; try again");
}

Error no_address(const Failure& failure, const std::string& where) {
  return fail(Errc::kOffline, "no address is known for " + where, failure.code)
      .with_hint("is the network up, and the name server?");
}

Error connect_error(const Failure& failure, const std::string& where) {
  if (no_route(failure.os_error)) {
    return fail(Errc::kOffline, "no route to " + where, failure.code)
        .with_hint("is the network up?");
  }
  return fail(Errc::kTransport, "nobody answers at " + where, failure.code)
      .with_hint("is the server running, and is this its address and port?");
}

// The end of a TLS connection says why in the handshake's result, hardly in libcurl's code.
Error broken(const Failure& failure, const identity::HandshakeResult& handshake,
             const std::string& where) {
  if (!handshake.refusal.empty()) {
    return fail(Errc::kPeer, where + " is not the server expected: " + handshake.refusal,
                failure.code)
        .with_hint("check the server's SPIFFE ID and this host's trust bundle");
  }
  if (!handshake.alert.empty()) {
    return fail(Errc::kRefusedByServer,
                where + " refused this host's certificate: TLS alert " + printable(handshake.alert),
                failure.code)
        .with_hint("is this host's SVID valid, and its trust domain known to the server?");
  }
  return transport(failure, where);
}

}  // namespace

Error exchange_error(const Failure& failure, const identity::HandshakeResult& handshake,
                     const std::string& where) {
  switch (failure.code) {  // an open set of libcurl's, unlike our enums
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return no_address(failure, where);
    case CURLE_COULDNT_CONNECT:
      return connect_error(failure, where);
    case CURLE_OPERATION_TIMEDOUT:
      if (failure.text.starts_with("Resolving")) return no_address(failure, where);
      return fail(Errc::kTimeout, where + " is too slow: " + printable(failure.text), failure.code)
          .with_hint("the network or the server is disturbed; try again");
    case CURLE_OUT_OF_MEMORY:  // what 7.88 says of a header line over 100 kB
      return fail(Errc::kTooLarge, where + " sent a header line without end", failure.code)
          .with_hint("is this the address and port of the server?");
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
      return fail(Errc::kMalformed, where + " does not speak HTTP/1.1", failure.code)
          .with_hint("is this the address and port of the server?");
    default:
      return broken(failure, handshake, where);
  }
}

}  // namespace pawl::http
