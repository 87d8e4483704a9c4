#include "identity/tls_context.hpp"

#include <algorithm>

#include <openssl/err.h>

#include "base/bytes.hpp"

namespace pawl::identity {

struct TlsContext::Policy {
  const TrustSet& trust;
  Clock& clock;
  PeerRules rules;
};

void TlsContext::PolicyFree::operator()(Policy* policy) const noexcept {
  delete policy;  // NOLINT(cppcoreguidelines-owning-memory): the deleter of a unique_ptr
}

namespace {

constexpr long kMaxSentBytes = 64L * 1024;

Result<VerifiedPeer> verify_peer(X509_STORE_CTX& sent, const TlsContext::Policy& policy) {
  auto* leaf = X509_STORE_CTX_get0_cert(&sent);
  if (leaf == nullptr) return fail(Errc::kPeer, "no certificate");
  PAWL_TRY(auto peer, verify_svid(*leaf, X509_STORE_CTX_get0_untrusted(&sent), policy.trust,
                                  policy.clock.now(), policy.rules.role));
  const auto& exact = policy.rules.exact;
  if (!exact.empty() && std::find(exact.begin(), exact.end(), peer.id) == exact.end()) {
    return fail(Errc::kPeer, "not the expected peer: " + printable(peer.id.uri()));
  }
  return peer;
}

// Where a context that a library made keeps the address of its HandshakeResult.
int result_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

HandshakeResult* result_of_context(const SSL& ssl) {
  return static_cast<HandshakeResult*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(&ssl), result_index()));
}

HandshakeResult* result_of(X509_STORE_CTX& sent) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(&sent, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (ssl == nullptr) return nullptr;
  auto* of_context = result_of_context(*ssl);
  return of_context != nullptr ? of_context : static_cast<HandshakeResult*>(SSL_get_app_data(ssl));
}

// A TLS 1.3 server refuses a client's certificate after the client has finished: only the alert
// says why the connection ended.
void on_state(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || value >> 8 != SSL3_AL_FATAL) return;
  auto* result = result_of_context(*ssl);
  if (result != nullptr) result->alert = SSL_alert_desc_string_long(value);
}

// From this OpenSSL chooses the alert: faults of the path have their own, our rules share one.
int fault_of(const Error& refusal) {
  const auto raw = refusal.raw();
  return raw != 0 ? static_cast<int>(raw) : X509_V_ERR_APPLICATION_VERIFICATION;
}

// Replaces OpenSSL's whole verification: a store shared by all trust domains cannot be had.
int on_certificate(X509_STORE_CTX* sent, void* argument) {
  const auto& policy = *static_cast<const TlsContext::Policy*>(argument);
  auto peer = verify_peer(*sent, policy);
  auto* result = result_of(*sent);
  const bool good = static_cast<bool>(peer);
  const int fault = good ? X509_V_OK : fault_of(peer.error());
  if (result != nullptr && !good) result->refusal = peer.error().what();
  if (result != nullptr && good) result->peer = *std::move(peer);
  X509_STORE_CTX_set_error(sent, fault);
  ERR_clear_error();
  return good ? 1 : 0;
}

int verify_mode(const PeerRules& rules) {
  const bool optional = rules.anonymous == Anonymous::kAllowed;
  return SSL_VERIFY_PEER | (optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
}

Status check_set(bool done) {
  if (done) return Ok{};
  const auto raw = ERR_peek_last_error();
  ERR_clear_error();
  return fail(Errc::kInternal, "OpenSSL refused a TLS setting", static_cast<std::int64_t>(raw));
}

Status set_protocol(SSL_CTX& context) {
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_security_level(&context, 2);
  SSL_CTX_set_max_cert_list(&context, kMaxSentBytes);
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A ticket would let a peer come back without showing its certificate again.
  return check_set(SSL_CTX_set_min_proto_version(&context, TLS1_3_VERSION) == 1 &&
                   SSL_CTX_set_num_tickets(&context, 0) == 1 &&
                   SSL_CTX_set_max_early_data(&context, 0) == 1);
}

// In one call, so that a context never holds the key of one SVID and the certificate of another.
Status present(SSL_CTX& context, const X509Svid& own) {
  const X509StackPtr others(sk_X509_new_null());
  PAWL_ASSERT(others != nullptr);
  for (std::size_t i = 1; i < own.chain().size(); ++i) {
    auto* certificate = own.chain()[i].get();
    X509_up_ref(certificate);
    PAWL_ASSERT(sk_X509_push(others.get(), certificate) > 0);
  }
  return check_set(SSL_CTX_use_cert_and_key(&context, &own.leaf(), &own.key(), others.get(), 1) ==
                   1);
}

}  // namespace

Status TlsContext::apply(SSL_CTX& context, const X509Svid* own, HandshakeResult& result) const {
  PAWL_CHECK(configure(context, own));
  SSL_CTX_set_info_callback(&context, &on_state);
  return check_set(SSL_CTX_set_ex_data(&context, result_index(), &result) == 1);
}

Status TlsContext::configure(SSL_CTX& context, const X509Svid* own) const {
  PAWL_CHECK(set_protocol(context));
  SSL_CTX_set_verify(&context, verify_mode(policy_->rules), nullptr);
  SSL_CTX_set_cert_verify_callback(&context, &on_certificate, policy_.get());
  return own == nullptr ? Status(Ok{}) : present(context, *own);
}

Result<TlsContext> TlsContext::create(const X509Svid* own, const TrustSet& trust, Clock& clock,
                                      PeerRules rules) {
  const bool client = rules.role == PeerRole::kServer;  // the peer is the server
  if (client && rules.exact.empty()) {
    return fail(Errc::kConfig, "a client must name the exact SPIFFE ID of its server");
  }
  if (!client && own == nullptr) return fail(Errc::kConfig, "a server needs an SVID");
  std::unique_ptr<Policy, PolicyFree> policy(new Policy{trust, clock, std::move(rules)});
  SslCtxPtr context(SSL_CTX_new(client ? TLS_client_method() : TLS_server_method()));
  PAWL_CHECK(check_set(context != nullptr));
  TlsContext out(std::move(policy), std::move(context));
  PAWL_CHECK(out.configure(*out.context_, own));
  // One read for a flight, not two for each record of it. Only where we read until nothing is left:
  // libcurl waits for the socket while bytes lie in OpenSSL.
  if (!client) SSL_CTX_set_read_ahead(out.context_.get(), 1);
  return out;
}

Status TlsContext::use_svid(const X509Svid& own) {
  return present(*context_, own);
}

SslPtr TlsContext::connect(HandshakeResult& result) const {
  SslPtr ssl(SSL_new(context_.get()));
  PAWL_ASSERT(ssl != nullptr);
  SSL_set_app_data(ssl.get(), &result);
  if (policy_->rules.role == PeerRole::kServer) {
    SSL_set_connect_state(ssl.get());
  } else {
    SSL_set_accept_state(ssl.get());
  }
  return ssl;
}

}  // namespace pawl::identity
