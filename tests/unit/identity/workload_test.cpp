#include <catch2/catch.hpp>

#include "fakes/workload_messages.hpp"
#include "identity/protobuf.hpp"
#include "identity/workload_api.hpp"
#include "identity/workload_client.hpp"

using namespace pawl;
using namespace pawl::identity;
using namespace pawl::fakes;

namespace {

std::vector<std::pair<unsigned, std::uint64_t>> numbers_of(ByteView message) {
  ProtoReader reader(message);
  std::vector<std::pair<unsigned, std::uint64_t>> out;
  while (true) {
    auto next = reader.next();
    REQUIRE(next);
    if (!*next) return out;
    out.emplace_back((*next)->number, (*next)->is_bytes ? (*next)->bytes.size() : (*next)->value);
  }
}

}  // namespace

TEST_CASE("protobuf: the four wire types (FORMAT 9.4.2)", "[identity][protobuf]") {
  const Bytes message{0x08, 0x96, 0x01,                               // 1: varint 150
                      0x12, 0x02, 'h',  'i',                          // 2: two bytes
                      0x1d, 0x01, 0x02, 0x00, 0x00,                   // 3: fixed32 513
                      0x21, 0x01, 0,    0,    0,    0,   0, 0, 0x80,  // 4: fixed64
                      0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00};            // 2^29-1: varint 0
  CHECK(numbers_of(message) ==
        std::vector<std::pair<unsigned, std::uint64_t>>{
            {1, 150}, {2, 2}, {3, 513}, {4, 0x8000000000000001ULL}, {536870911, 0}});
  Bytes largest{0x08};
  append(largest, proto_varint(~std::uint64_t{0}));
  CHECK(numbers_of(largest).front().second == ~std::uint64_t{0});
}

TEST_CASE("protobuf: refusals (FORMAT 9.4.2)", "[identity][protobuf]") {
  const std::pair<const char*, Bytes> rows[] = {
      {"field 0", {0x00, 0x00}},
      {"field over 2^29-1", {0x80, 0x80, 0x80, 0x80, 0x10, 0x00}},
      {"group start", {0x0b}},
      {"group end", {0x0c}},
      {"wire type 6", {0x0e, 0x00}},
      {"wire type 7", {0x0f, 0x00}},
      {"varint ends early", {0x08, 0x80}},
      {"varint over ten bytes",
       {0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}},
      {"varint over 64 bits", {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},
      {"length beyond the message", {0x0a, 0x02, 'x'}},
      {"length over memory",
       {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'x'}},
      {"fixed32 ends early", {0x0d, 0, 0, 0}},
      {"fixed64 ends early", {0x09, 0, 0, 0, 0, 0, 0, 0}}};
  for (const auto& [why, bytes] : rows) {
    INFO(why);
    ProtoReader reader(bytes);
    CHECK(reader.next().error().code() == Errc::kMalformed);
  }
}

TEST_CASE("Workload API: SVIDs and bundles of one message (FORMAT 9.4.1)", "[identity][workload]") {
  const WorkloadParts parts;
  Bytes message = proto_field(1, parts.svid());
  append(message, proto_field(3, parts.federated()));
  append(message, proto_field(99, "from a later version"));
  const auto update = parse_x509_response(message);
  INFO((update ? "" : update.error().what()));
  REQUIRE(update);
  CHECK(update->svids.size() == 1);
  CHECK(update->svids.front().id().uri() == "spiffe://example.org/d");
  REQUIRE(update->bundles.size() == 2);
  CHECK(update->bundles[0].domain().name() == "example.org");
  CHECK(update->bundles[1].domain().name() == "other.org");
  for (std::size_t n = 0; n < message.size(); n += 5) {
    const auto cut = parse_x509_response(ByteView(message).first(n));
    const bool whole =
        n >= proto_field(1, parts.svid()).size() &&
        (n == proto_field(1, parts.svid()).size() ||
         n == proto_field(1, parts.svid()).size() + proto_field(3, parts.federated()).size());
    REQUIRE(static_cast<bool>(cut) == whole);
    if (!cut) REQUIRE(cut.error().code() == Errc::kMalformed);
  }
}

TEST_CASE("Workload API: refusals (FORMAT 9.4.1)", "[identity][workload]") {
  const WorkloadParts parts;
  Bytes no_key = proto_field(1, "spiffe://example.org/d");
  append(no_key, proto_field(2, certificate_der(*parts.leaf.certificate)));
  Bytes other_key = no_key;
  append(other_key, proto_field(3, key_der_of(parts.root)));
  Bytes number_as_key = no_key;
  append(number_as_key, Bytes{0x18, 0x01});
  Bytes seventeen;
  for (int i = 0; i < 17; ++i) append(seventeen, proto_field(1, parts.svid()));
  Bytes domains = proto_field(1, parts.svid());
  for (int i = 0; i < 80; ++i) {
    append(domains, proto_field(3, parts.federated("spiffe://d" + std::to_string(i))));
  }
  Bytes federated_path = proto_field(1, parts.svid());
  append(federated_path, proto_field(3, parts.federated("spiffe://other.org/x")));
  struct Row {
    const char* why;
    Bytes message;
    Errc code;
  };
  const Row rows[] = {
      {"no SVID", proto_field(3, parts.federated()), Errc::kMalformed},
      {"no key", proto_field(1, no_key), Errc::kMalformed},
      {"another key", proto_field(1, other_key), Errc::kMalformed},
      {"a number where the key is", proto_field(1, number_as_key), Errc::kMalformed},
      {"another ID than the certificate's", proto_field(1, parts.svid("spiffe://example.org/e")),
       Errc::kMalformed},
      {"a bad ID", proto_field(1, parts.svid("example.org/d")), Errc::kMalformed},
      {"a federated ID with a path", federated_path, Errc::kMalformed},
      {"17 SVIDs", seventeen, Errc::kTooLarge},
      {"80 federated bundles", domains, Errc::kTooLarge}};
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(parse_x509_response(row.message).error().code() == row.code);
  }
}

TEST_CASE("gRPC frames: any cutting gives the same messages (FORMAT 9.4.4)",
          "[identity][workload]") {
  const Bytes wire{0, 0, 0, 0, 2, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'c'};
  for (std::size_t step = 1; step <= wire.size(); ++step) {
    GrpcFrames frames;
    std::vector<std::string> messages;
    for (std::size_t at = 0; at < wire.size(); at += step) {
      auto part = ByteView(wire).subspan(at, std::min(step, wire.size() - at));
      while (!part.empty()) {
        const auto whole = frames.feed(part);
        REQUIRE(whole);
        if (!*whole) continue;
        messages.emplace_back(as_text(frames.message()));
        frames.wipe();
      }
    }
    CHECK(messages == std::vector<std::string>{"ab", "", "c"});
  }
}

TEST_CASE("gRPC frames: compressed and huge ones are refused (FORMAT 9.4.4)",
          "[identity][workload]") {
  const auto code_of = [](const Bytes& wire) {
    GrpcFrames frames;
    auto view = ByteView(wire);
    return frames.feed(view).error().code();
  };
  CHECK(code_of({1, 0, 0, 0, 0}) == Errc::kMalformed);
  CHECK(code_of({0, 0, 0x40, 0, 1}) == Errc::kTooLarge);
  CHECK(code_of({0, 0xff, 0xff, 0xff, 0xff}) == Errc::kTooLarge);
  GrpcFrames frames;
  const Bytes largest{0, 0, 0x40, 0, 0};
  auto view = ByteView(largest);
  CHECK_FALSE(*frames.feed(view));
}

TEST_CASE("Workload API: endpoints of other forms are refused", "[identity][workload]") {
  for (const auto* endpoint :
       {"", "/run/agent.sock", "unix:relative", "unix://", "unix://relative", "tcp://localhost:1",
        "tcp://127.0.0.1", "tcp://127.0.0.1:x", "tcp://127.0.0.1:99999", "https://127.0.0.1:1"}) {
    INFO(endpoint);
    CHECK(WorkloadStream::open(endpoint).error().code() == Errc::kConfig);
  }
  CHECK(WorkloadStream::open("unix:///" + std::string(107, 'x')).error().code() == Errc::kConfig);
  CHECK(WorkloadStream::open("unix:///no/such/socket").error().code() == Errc::kTransport);
}

TEST_CASE("Workload API: the wait doubles to a minute and is spread", "[identity][workload]") {
  for (const std::uint64_t random : {0ULL, 12345ULL, ~0ULL}) {
    for (unsigned failures = 1; failures < 40; ++failures) {
      const auto wait = workload_backoff(failures, random);
      CHECK(wait.count() >= 100);
      CHECK(wait.count() <= 60000);
    }
  }
  CHECK(workload_backoff(1, 900).count() <= 1000);
  CHECK(workload_backoff(7, 50000).count() > 32000);
}
