#include <catch2/catch.hpp>

#include "fakes/grpc_server.hpp"
#include "fakes/temporary_folder.hpp"
#include "fakes/workload_messages.hpp"
#include "identity/verifier.hpp"
#include "identity/workload_client.hpp"

using namespace pawl;
using namespace pawl::identity;
using namespace pawl::fakes;
using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 20s;

std::string message(const WorkloadParts& parts, std::size_t padding = 0) {
  auto out = proto_field(1, parts.svid());
  append(out, proto_field(3, parts.federated()));
  if (padding != 0) append(out, proto_field(77, Bytes(padding, 'x')));
  return "message " + to_hex(out);
}

}  // namespace

TEST_CASE("Workload API: SVIDs and rotations arrive from a real gRPC server",
          "[integration][workload]") {
  const TemporaryFolder folder;
  GrpcServer server(folder.file("agent.sock"));
  const WorkloadParts parts;
  server.say(message(parts));
  auto stream = WorkloadStream::open("unix://" + folder.file("agent.sock"));
  REQUIRE(stream);
  auto first = stream->next(kPatience);
  INFO((first ? "" : first.error().what()));
  REQUIRE(first);
  CHECK(first->svids.front().id().uri() == "spiffe://example.org/d");
  TrustSet trust;
  REQUIRE(trust.assign(std::move(first->bundles)));
  CHECK(verify_svid(first->svids.front().leaf(), nullptr, trust, kNow, PeerRole::kClient));

  CHECK_FALSE(*stream->advance());  // nothing new
  const WorkloadParts rotated;
  server.say(message(rotated, 300000));  // many HTTP/2 frames
  auto second = stream->next(kPatience);
  REQUIRE(second);
  CHECK(certificate_digest(second->svids.front().leaf()) ==
        certificate_digest(*rotated.leaf.certificate));
  REQUIRE(trust.assign(std::move(second->bundles)));
  CHECK_FALSE(verify_svid(first->svids.front().leaf(), nullptr, trust, kNow, PeerRole::kClient));
  server.say("message 0a00");  // an SVID without anything
  CHECK(stream->next(kPatience).error().code() == Errc::kMalformed);
}

TEST_CASE("Workload API: a server's refusal says whether to try again", "[integration][workload]") {
  const TemporaryFolder folder;
  GrpcServer server(folder.file("agent.sock"));
  const auto ended_with = [&](int status) {
    server.say("forget");
    server.say("end " + std::to_string(status));
    auto stream = WorkloadStream::open("unix://" + folder.file("agent.sock"));
    REQUIRE(stream);
    return stream->next(kPatience).error().code();
  };
  for (int round = 0; round < 10; ++round) {  // early refusals race with the request
    CHECK(ended_with(3) == Errc::kConfig);
    CHECK(ended_with(7) == Errc::kRefusedByServer);
    CHECK(ended_with(12) == Errc::kConfig);
    CHECK(ended_with(14) == Errc::kTransport);
  }
}

TEST_CASE("Workload API: a killed server is noticed at once", "[integration][workload]") {
  const TemporaryFolder folder;
  GrpcServer server(folder.file("agent.sock"));
  server.say(message(WorkloadParts()));
  auto stream = WorkloadStream::open("unix://" + folder.file("agent.sock"));
  REQUIRE(stream);
  REQUIRE(stream->next(kPatience));
  CHECK(stream->next(0ms).error().code() == Errc::kTimeout);
  server.kill();
  CHECK(stream->next(kPatience).error().code() == Errc::kTransport);
  CHECK(WorkloadStream::open("unix://" + folder.file("agent.sock")).error().code() ==
        Errc::kTransport);
  GrpcServer back(folder.file("agent.sock"));
  const WorkloadParts parts;
  back.say(message(parts));
  auto again = WorkloadStream::open("unix://" + folder.file("agent.sock"));
  REQUIRE(again);
  const auto update = again->next(kPatience);
  REQUIRE(update);
  CHECK(certificate_digest(update->svids.front().leaf()) ==
        certificate_digest(*parts.leaf.certificate));
}
