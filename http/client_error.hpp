#pragma once
#include <curl/curl.h>

#include "http/client.hpp"
#include "identity/tls_context.hpp"

namespace pawl::http {

/// What libcurl and the handshake know of an exchange that failed.
struct Failure {
  CURLcode code = CURLE_OK;
  long os_error = 0;
  std::string text;  // libcurl's own
};

/// In our words: code, reason, hint. @param where  host and port of the server
[[nodiscard]] Error exchange_error(const Failure& failure,
                                   const identity::HandshakeResult& handshake,
                                   const std::string& where);

}  // namespace pawl::http
