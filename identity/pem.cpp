#include "identity/pem.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

namespace pawl::identity {
namespace {

Bytes content_of(BIO& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&memory, &data);
  return {data, data + size};
}

}  // namespace

std::string certificate_pem(X509& certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  PAWL_ASSERT(out && PEM_write_bio_X509(out.get(), &certificate) == 1);
  return std::string(as_text(content_of(*out)));
}

Bytes private_key_pem(EVP_PKEY& key) {
  const BioPtr out(BIO_new(BIO_s_secmem()));
  PAWL_ASSERT(out && PEM_write_bio_PKCS8PrivateKey(out.get(), &key, nullptr, nullptr, 0, nullptr,
                                                   nullptr) == 1);
  return content_of(*out);
}

Bytes public_key_der(EVP_PKEY& key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(&key, &der);
  PAWL_ASSERT(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace pawl::identity
