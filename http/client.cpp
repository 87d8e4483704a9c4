#include "http/client.hpp"

#include <algorithm>
#include <array>

#include <curl/curl.h>

#include "base/handle.hpp"
#include "http/client_answer.hpp"
#include "http/client_error.hpp"

namespace pawl::http {
namespace {

using Easy = Handle<CURL, &curl_easy_cleanup>;
constexpr std::string_view kScheme = "https://";
constexpr std::size_t kMaxOrigin = 264;  // a host name and a port
constexpr long kStallRate = 64;          // bytes a second
constexpr long kKept = 24L * 3600;       // an idle connection is the server's to end
constexpr std::int64_t kSlowest = 1024;  // bytes a second, for the deadline

/// Lines of a request's header, owned.
class Lines {
 public:
  void add(const std::string& line) {
    auto* grown = curl_slist_append(list_.get(), line.c_str());
    PAWL_ASSERT(grown != nullptr);
    (void)list_.release();
    list_.reset(grown);
  }
  [[nodiscard]] curl_slist* get() const { return list_.get(); }

 private:
  Handle<curl_slist, &curl_slist_free_all> list_;
};

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): libcurl has nothing else
  PAWL_ASSERT(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

/// A file that goes out as a body.
struct Upload {
  File& file;
  std::uint64_t offset = 0;
};

/// One exchange, where libcurl's callbacks find it.
struct Exchange {
  Answer answer;
  std::optional<Error> failure;  // ours; then libcurl's code says nothing
  std::optional<Upload> upload;
};

bool keep(Exchange& exchange, Status status) {
  if (status) return true;
  if (!exchange.failure) exchange.failure.emplace(std::move(status).error());
  return false;
}

std::size_t on_header(char* data, std::size_t /*one*/, std::size_t size, void* to) {
  auto& exchange = *static_cast<Exchange*>(to);
  return keep(exchange, exchange.answer.header({data, size})) ? size : 0;
}

std::size_t on_body(char* data, std::size_t /*one*/, std::size_t size, void* to) {
  auto& exchange = *static_cast<Exchange*>(to);
  return keep(exchange, exchange.answer.body(as_bytes({data, size}))) ? size : 0;
}

std::size_t on_upload(char* data, std::size_t one, std::size_t count, void* from) {
  auto& exchange = *static_cast<Exchange*>(from);
  auto& upload = *exchange.upload;
  auto got =
      upload.file.read_at({reinterpret_cast<std::uint8_t*>(data), one * count}, upload.offset);
  if (!got) {
    exchange.failure.emplace(std::move(got).error());
    return CURL_READFUNC_ABORT;
  }
  upload.offset += *got;
  return *got;
}

// After a kept connection turned out to be gone, the body goes out again.
int on_rewind(void* from, curl_off_t offset, int /*origin*/) {
  static_cast<Exchange*>(from)->upload->offset = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

const char* method_name(ClientMethod method) {
  switch (method) {
    case ClientMethod::kGet:
      return "GET";
    case ClientMethod::kPost:
      return "POST";
    case ClientMethod::kPut:
      return "PUT";
    case ClientMethod::kDelete:
      return "DELETE";
  }
  PAWL_ASSERT(false);
}

// What holds for every request of a client.
void set_rules(CURL* easy, const ClientLimits& limits) {
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
  set(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  set(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_3});
  // identity's callback judges the certificate; no other authority may be asked, and a SPIFFE ID
  // has no host name to compare.
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  set(easy, CURLOPT_CAINFO, static_cast<const char*>(nullptr));
  set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_MAXCONNECTS, 1L);
  set(easy, CURLOPT_MAXAGE_CONN, kKept);
  set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect.count()));
  set(easy, CURLOPT_LOW_SPEED_LIMIT, kStallRate);
  set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall.count()));
  set(easy, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy, CURLOPT_WRITEFUNCTION, &on_body);
}

}  // namespace

Result<Origin> Origin::parse(std::string_view text) {
  const auto rest = text.starts_with(kScheme) ? text.substr(kScheme.size()) : "";
  const bool plain = std::all_of(rest.begin(), rest.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
  });
  if (!rest.empty() && rest.size() <= kMaxOrigin && plain) return Origin(std::string(text));
  return fail(Errc::kConfig, "not https://HOST[:PORT]: " + printable(text));
}

struct Client::Session {
  Options options;
  Clock& clock;
  Credentials own;
  identity::TrustSet trust;
  std::optional<identity::TlsContext> tls;
  identity::HandshakeResult handshake;
  std::optional<Error> tls_failure;
  ClientTraffic traffic;
  std::array<char, CURL_ERROR_SIZE> text{};
  Easy easy;

  [[nodiscard]] const identity::X509Svid* svid() const { return own.svid ? &*own.svid : nullptr; }
  [[nodiscard]] std::string where() const { return options.origin.text().substr(kScheme.size()); }

  Status use(Credentials credentials) {
    PAWL_CHECK(trust.assign(std::move(credentials.bundles)));
    own.svid = std::move(credentials.svid);
    easy.reset();  // first: its connection points into the context
    PAWL_TRY(auto made,
             identity::TlsContext::create(svid(), trust, clock,
                                          {identity::PeerRole::kServer, {options.server}, {}}));
    tls.emplace(std::move(made));
    start();
    return Ok{};
  }

  // Without a connection.
  void start() {
    easy.reset(curl_easy_init());
    PAWL_ASSERT(easy != nullptr);
    handshake = {};
    set_rules(easy.get(), options.limits);
    set(easy.get(), CURLOPT_ERRORBUFFER, text.data());
    set(easy.get(), CURLOPT_SSL_CTX_FUNCTION, &Session::on_context);
    set(easy.get(), CURLOPT_SSL_CTX_DATA, static_cast<void*>(this));
  }

  static CURLcode on_context(CURL* /*easy*/, void* context, void* to) {
    auto& session = *static_cast<Session*>(to);
    session.handshake = {};
    ++session.traffic.connections;
    auto applied =
        session.tls->apply(*static_cast<SSL_CTX*>(context), session.svid(), session.handshake);
    if (applied) return CURLE_OK;
    session.tls_failure.emplace(std::move(applied).error());
    return CURLE_SSL_CERTPROBLEM;
  }

  // A kept connection whose server would not pass the handshake now must not be used again.
  [[nodiscard]] bool is_stale() const {
    return handshake.peer && !identity::recheck(*handshake.peer, trust, clock.now());
  }

  Status set_body(const ClientRequest& request, Exchange& exchange) {
    auto* const handle = easy.get();
    set(handle, CURLOPT_HTTPGET, 1L);
    set(handle, CURLOPT_CUSTOMREQUEST, method_name(request.method));
    if (request.file != nullptr) {
      PAWL_TRY(const auto size, request.file->size());
      exchange.upload.emplace(Upload{*request.file});
      set(handle, CURLOPT_POST, 1L);
      set(handle, CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
      set(handle, CURLOPT_READFUNCTION, &on_upload);
      set(handle, CURLOPT_READDATA, static_cast<void*>(&exchange));
      set(handle, CURLOPT_SEEKFUNCTION, &on_rewind);
      set(handle, CURLOPT_SEEKDATA, static_cast<void*>(&exchange));
      set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
      set_deadline(size + request.limit);
      return Ok{};
    }
    const bool has_body =
        request.method == ClientMethod::kPost || request.method == ClientMethod::kPut;
    if (has_body) {
      set(handle, CURLOPT_POST, 1L);
      set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(handle, CURLOPT_POSTFIELDS, request.body.data());
    }
    set_deadline(request.body.size() + (request.range ? request.range->length : request.limit));
    return Ok{};
  }

  void set_deadline(std::uint64_t bytes) {
    const auto most = options.limits.total.count() + static_cast<std::int64_t>(bytes) / kSlowest;
    set(easy.get(), CURLOPT_TIMEOUT, static_cast<long>(most));
  }

  Lines lines_of(const ClientRequest& request) {
    Lines lines;
    for (const auto* without : {"Accept:", "Expect:", "Content-Type:"}) lines.add(without);
    for (const auto& line : request.fields) lines.add(line);
    if (request.range) {
      lines.add("Range: bytes=" + std::to_string(request.range->first) + "-" +
                std::to_string(request.range->first + request.range->length - 1));
    }
    return lines;
  }

  Result<ClientResponse> exchange(const ClientRequest& request, BodySink* sink) {
    PAWL_ASSERT(request.path.starts_with('/') && (!request.range || request.range->length > 0));
    Exchange one{Answer(request, options.limits, sink), std::nullopt, std::nullopt};
    if (is_stale()) start();
    auto* const handle = easy.get();
    const auto lines = lines_of(request);
    const auto url = options.origin.text() + request.path;
    PAWL_CHECK(set_body(request, one));
    set(handle, CURLOPT_URL, url.c_str());
    set(handle, CURLOPT_PATH_AS_IS, 1L);
    set(handle, CURLOPT_HTTPHEADER, lines.get());
    set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&one));
    set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&one));
    text[0] = '\0';
    tls_failure.reset();
    ++traffic.requests;
    const auto code = curl_easy_perform(handle);
    set(handle, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    if (one.failure) return std::move(*one.failure);
    if (tls_failure) return std::move(*tls_failure);
    if (code == CURLE_OK) return one.answer.finish();
    return exchange_error({code, os_error(), text_of(code)}, handshake, where());
  }

  long os_error() {
    long number = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): libcurl has nothing else
    (void)curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &number);
    return number;
  }
  [[nodiscard]] std::string text_of(CURLcode code) const {
    return text[0] != '\0' ? text.data() : curl_easy_strerror(code);
  }
};

void Client::SessionFree::operator()(Session* session) const noexcept {
  delete session;  // NOLINT(cppcoreguidelines-owning-memory): the deleter of a unique_ptr
  curl_global_cleanup();
}

Client::Credentials Client::credentials_of(identity::Identity identity) {
  return {std::move(identity.svid), std::move(identity.bundles)};
}

Result<Client> Client::create(Options options, Credentials credentials, Clock& clock) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return fail(Errc::kInternal, "libcurl cannot be started");
  }
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): its deleter also ends libcurl
  std::unique_ptr<Session, SessionFree> session(new Session{
      std::move(options), clock, {}, {}, std::nullopt, {}, std::nullopt, {}, {}, nullptr});
  PAWL_CHECK(session->use(std::move(credentials)));
  return Client(std::move(session));
}

Status Client::use(Credentials credentials) {
  return session_->use(std::move(credentials));
}

Result<ClientResponse> Client::send(const ClientRequest& request) {
  return session_->exchange(request, nullptr);
}

Result<ClientResponse> Client::send(const ClientRequest& request, BodySink& sink) {
  return session_->exchange(request, &sink);
}

const ClientTraffic& Client::traffic() const {
  return session_->traffic;
}

const Origin& Client::origin() const {
  return session_->options.origin;
}

}  // namespace pawl::http
