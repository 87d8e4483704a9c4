#pragma once
#include <openssl/err.h>

#include "identity/tls_context.hpp"

/// A client and a server in one process, joined by memory.
namespace pawl::fakes {

struct TlsPair {
  identity::HandshakeResult seen_by_client;
  identity::HandshakeResult seen_by_server;
  identity::SslPtr client;
  identity::SslPtr server;
};

inline int pump(SSL& ssl) {
  ERR_clear_error();
  return SSL_do_handshake(&ssl);
}

inline void join(SSL& one, SSL& other) {
  BIO* left = nullptr;
  BIO* right = nullptr;
  PAWL_ASSERT(BIO_new_bio_pair(&left, 0, &right, 0) == 1);
  SSL_set_bio(&one, left, left);
  SSL_set_bio(&other, right, right);
}

/// Runs the handshake to its end. @return whether both sides finished and can exchange a byte.
inline bool shake(TlsPair& pair) {
  join(*pair.client, *pair.server);
  for (int round = 0; round < 20; ++round) {
    pump(*pair.client);
    pump(*pair.server);
  }
  char byte = 0;
  const bool there = SSL_write(pair.client.get(), "x", 1) == 1 &&
                     SSL_read(pair.server.get(), &byte, 1) == 1 && byte == 'x';
  const bool back = there && SSL_write(pair.server.get(), "y", 1) == 1 &&
                    SSL_read(pair.client.get(), &byte, 1) == 1 && byte == 'y';
  ERR_clear_error();
  return back;
}

}  // namespace pawl::fakes
