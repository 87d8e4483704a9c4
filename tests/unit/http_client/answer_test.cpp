#include <cerrno>

#include <catch2/catch.hpp>

#include "base/bytes.hpp"
#include "http/client_answer.hpp"
#include "http/client_error.hpp"

using namespace pawl;
using namespace pawl::http;

namespace {

/// Feeds a whole answer, header lines and body apart, as libcurl does.
Result<ClientResponse> read(const ClientRequest& request, std::string text,
                            ClientLimits limits = {}) {
  Answer answer(request, limits, nullptr);
  while (true) {
    const auto end = text.find("\r\n") + 2;
    const auto line = text.substr(0, end);
    text.erase(0, end);
    PAWL_CHECK(answer.header(line));
    if (line == "\r\n") break;
  }
  if (!text.empty()) PAWL_CHECK(answer.body(as_bytes(text)));
  return answer.finish();
}

Errc code_of(const Result<ClientResponse>& result) {
  return result ? Errc{} : result.error().code();
}

ClientRequest part(std::uint64_t first, std::uint64_t length, std::uint64_t size) {
  ClientRequest request;
  request.range = ClientRange{first, length, size};
  return request;
}

}  // namespace

TEST_CASE("an origin is https, a host and a port, and nothing else", "[http]") {
  for (const auto* good :
       {"https://example.org", "https://example.org:8443", "https://[::1]:1", "https://10.0.0.1"}) {
    INFO(good);
    const auto origin = Origin::parse(good);
    REQUIRE(origin);
    CHECK(origin->text() == good);
  }
  const auto* bad = GENERATE("", "https://", "http://example.org", "HTTPS://example.org",
                             "https://example.org/", "https://user@example.org",
                             "https://example.org?x", "https://example.org#x", "ftp://example.org",
                             "file:///etc/passwd", "https://exa mple.org", "https://ex%61mple.org");
  INFO(bad);
  const auto origin = Origin::parse(bad);
  REQUIRE_FALSE(origin);
  CHECK(origin.error().code() == Errc::kConfig);
  CHECK_FALSE(Origin::parse("https://" + std::string(300, 'a')));
}

TEST_CASE("an answer gives status, tag, patience and body", "[http]") {
  const ClientRequest request;
  const auto answer = read(request,
                           "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nRetry-After: 90\r\n"
                           "X-Other: y\r\n\r\nhello");
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->etag == "\"x\"");
  CHECK(answer->retry_after == Seconds(90));
  CHECK(answer->body == "hello");
}

TEST_CASE("Retry-After is believed up to a week and only as a number", "[http]") {
  struct Row {
    const char* text;
    std::optional<Seconds> seconds;
  };
  const auto row = GENERATE(Row{"0", Seconds(0)}, Row{"3600", Seconds(3600)},
                            Row{"99999999999", Seconds(7 * 24 * 3600)}, Row{"-5", std::nullopt},
                            Row{"Fri, 31 Dec 1999 23:59:59 GMT", std::nullopt},
                            Row{"99999999999999999999999", std::nullopt}, Row{"", std::nullopt});
  INFO(row.text);
  const ClientRequest request;
  const auto answer =
      read(request, std::string("HTTP/1.1 503 Busy\r\nretry-after: ") + row.text + "\r\n\r\n");
  REQUIRE(answer);
  CHECK(answer->retry_after == row.seconds);
}

TEST_CASE("only exactly the part that was asked for is an answer to a range", "[http]") {
  const auto request = part(10, 5, 100);
  REQUIRE(read(request, "HTTP/1.1 206 P\r\nContent-Range: bytes 10-14/100\r\n\r\nabcde"));
  struct Row {
    const char* why;
    const char* text;
    Errc code;
  };
  const auto row = GENERATE(
      Row{"another first byte", "206 P\r\nContent-Range: bytes 11-15/100\r\n\r\nabcde",
          Errc::kMalformed},
      Row{"another last byte", "206 P\r\nContent-Range: bytes 10-13/100\r\n\r\nabcd",
          Errc::kMalformed},
      Row{"another file size", "206 P\r\nContent-Range: bytes 10-14/101\r\n\r\nabcde",
          Errc::kMalformed},
      Row{"unknown file size", "206 P\r\nContent-Range: bytes 10-14/*\r\n\r\nabcde",
          Errc::kMalformed},
      Row{"another unit", "206 P\r\nContent-Range: lines 10-14/100\r\n\r\nabcde", Errc::kMalformed},
      Row{"no range", "206 P\r\n\r\nabcde", Errc::kMalformed},
      Row{"no range, no body", "206 P\r\n\r\n", Errc::kMalformed},
      Row{"two ranges",
          "206 P\r\nContent-Range: bytes 10-14/100\r\nContent-Range: bytes 10-14/100\r\n\r\nabcde",
          Errc::kMalformed},
      Row{"the whole file", "200 OK\r\n\r\nabcde", Errc::kMalformed},
      Row{"a byte more", "206 P\r\nContent-Range: bytes 10-14/100\r\n\r\nabcdef", Errc::kTooLarge},
      Row{"a byte less", "206 P\r\nContent-Range: bytes 10-14/100\r\n\r\nabcd", Errc::kTransport});
  INFO(row.why);
  CHECK(code_of(read(request, "HTTP/1.1 " + std::string(row.text))) == row.code);
}

TEST_CASE("a part nobody asked for is refused", "[http]") {
  const ClientRequest request;
  CHECK(code_of(read(request, "HTTP/1.1 206 P\r\nContent-Range: bytes 0-4/5\r\n\r\nabcde")) ==
        Errc::kMalformed);
}

TEST_CASE("redirects, other protocols and answers over a limit are refused", "[http]") {
  struct Row {
    const char* why;
    std::string text;
    Errc code;
  };
  const auto row = GENERATE(
      Row{"redirect to http", "HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\n\r\n",
          Errc::kRefusedByServer},
      Row{"redirect to https", "HTTP/1.1 308 P\r\nLocation: https://example.org/\r\n\r\n",
          Errc::kRefusedByServer},
      Row{"HTTP/2", "HTTP/2 200\r\n\r\n", Errc::kMalformed},
      Row{"no number", "HTTP/1.1 OK\r\n\r\n", Errc::kMalformed},
      Row{"status below 100", "HTTP/1.1 099 X\r\n\r\n", Errc::kMalformed},
      Row{"body over the limit", "HTTP/1.1 200 OK\r\n\r\n123456789", Errc::kTooLarge},
      Row{"refusal over its limit", "HTTP/1.1 403 No\r\n\r\n" + std::string(33, 'x'),
          Errc::kTooLarge},
      Row{"header over the limit", "HTTP/1.1 200 OK\r\nA: " + std::string(300, 'x') + "\r\n\r\n",
          Errc::kTooLarge},
      Row{"many fields",
          "HTTP/1.1 200 OK\r\n" + std::string(120, 'x') + "\r\n" + std::string(120, 'y') +
              "\r\nz: 1\r\n\r\n",
          Errc::kTooLarge});
  INFO(row.why);
  ClientRequest request;
  request.limit = 8;
  ClientLimits limits;
  limits.fields = 256;
  limits.problem = 32;
  CHECK(code_of(read(request, row.text, limits)) == row.code);
}

TEST_CASE("a refusal names its reason and whether a retry may help", "[http]") {
  struct Row {
    unsigned status;
    const char* body;
    Errc code;
    const char* text;
  };
  const auto row =
      GENERATE(Row{403, R"({"code":20,"reason":"this identity is banned"})", Errc::kRefusedByServer,
                   "x: HTTP status 403: 'this identity is banned'"},
               Row{403, "<html>", Errc::kRefusedByServer, "x: HTTP status 403"},
               Row{403, R"({"reason":7})", Errc::kRefusedByServer, "x: HTTP status 403"},
               Row{400, "[]", Errc::kRefusedByServer, "x: HTTP status 400"},
               Row{404, "", Errc::kTransport, "x: HTTP status 404"},
               Row{429, "", Errc::kTransport, "x: HTTP status 429"},
               Row{500, R"({"reason":""})", Errc::kTransport, "x: HTTP status 500"},
               Row{503, "", Errc::kTransport, "x: HTTP status 503"});
  ClientResponse response;
  response.status = row.status;
  response.body = row.body;
  const auto error = answer_error(response, "x");
  CHECK(error.code() == row.code);
  CHECK(error.what() == row.text);
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("every way an exchange fails has its own code and a hint", "[http]") {
  struct Row {
    CURLcode code;
    long os_error;
    const char* text;
    const char* refusal;
    const char* alert;
    Errc expected;
  };
  const auto row = GENERATE(
      Row{CURLE_COULDNT_RESOLVE_HOST, 0, "", "", "", Errc::kOffline},
      Row{CURLE_COULDNT_RESOLVE_PROXY, 0, "", "", "", Errc::kOffline},
      Row{CURLE_OPERATION_TIMEDOUT, 0, "Resolving timed out after 1 ms", "", "", Errc::kOffline},
      Row{CURLE_OPERATION_TIMEDOUT, 0, "Operation too slow", "", "", Errc::kTimeout},
      Row{CURLE_COULDNT_CONNECT, ENETUNREACH, "", "", "", Errc::kOffline},
      Row{CURLE_COULDNT_CONNECT, EHOSTUNREACH, "", "", "", Errc::kOffline},
      Row{CURLE_COULDNT_CONNECT, ECONNREFUSED, "", "", "", Errc::kTransport},
      Row{CURLE_PEER_FAILED_VERIFICATION, 0, "", "expired", "", Errc::kPeer},
      Row{CURLE_SSL_CONNECT_ERROR, 0, "", "expired", "bad certificate", Errc::kPeer},
      Row{CURLE_RECV_ERROR, 0, "", "", "certificate required", Errc::kRefusedByServer},
      Row{CURLE_SSL_CONNECT_ERROR, 0, "", "", "unknown CA", Errc::kRefusedByServer},
      Row{CURLE_SSL_CONNECT_ERROR, 0, "", "", "", Errc::kTransport},
      Row{CURLE_OUT_OF_MEMORY, 0, "", "", "", Errc::kTooLarge},
      Row{CURLE_GOT_NOTHING, 0, "", "", "", Errc::kTransport},
      Row{CURLE_PARTIAL_FILE, 0, "", "", "", Errc::kTransport},
      Row{CURLE_WEIRD_SERVER_REPLY, 0, "", "", "", Errc::kMalformed},
      Row{CURLE_UNSUPPORTED_PROTOCOL, 0, "", "", "", Errc::kMalformed});
  INFO(row.code << " " << row.text);
  const auto error = exchange_error({row.code, row.os_error, row.text},
                                    {std::nullopt, row.refusal, row.alert}, "example.org:1");
  CHECK(error.code() == row.expected);
  CHECK(error.raw() == row.code);
  CHECK(error.what().find("example.org:1") != std::string::npos);
  CHECK_FALSE(error.hint().empty());
}
