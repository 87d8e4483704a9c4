#pragma once
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/handle.hpp"

/// Owners of OpenSSL's objects, for this room and the programs above it.
namespace pawl::identity {

inline void free_certificates(STACK_OF(X509) * certificates) {
  sk_X509_pop_free(certificates, X509_free);
}

using X509Ptr = Handle<X509, &X509_free>;
using X509StorePtr = Handle<X509_STORE, &X509_STORE_free>;
using X509StoreCtxPtr = Handle<X509_STORE_CTX, &X509_STORE_CTX_free>;
using X509StackPtr = Handle<STACK_OF(X509), &free_certificates>;
using PrivateKeyPtr = Handle<EVP_PKEY, &EVP_PKEY_free>;
using GeneralNamesPtr = Handle<GENERAL_NAMES, &GENERAL_NAMES_free>;
using BioPtr = Handle<BIO, &BIO_free_all>;
using SslCtxPtr = Handle<SSL_CTX, &SSL_CTX_free>;
using SslPtr = Handle<SSL, &SSL_free>;

}  // namespace pawl::identity
