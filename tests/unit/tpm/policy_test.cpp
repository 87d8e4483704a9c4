#include "tpm/policy.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using namespace pawl::tpm;

namespace {

constexpr NvPublic kCell{0x0180aa02, 0x22060002, 34};
constexpr NvPublic kCounter{0x0180aa01, 0x22060012, 8};

PcrValues pcrs() {
  PcrValues v{};
  extend(v[4], sha256(as_bytes("a")));
  extend(v[11], sha256(as_bytes("b")));
  return v;
}

}  // namespace

// The expected values below were printed by tpm2-tools 5.4 in trial sessions on swtpm 0.7.1, with
// PCR 4 and 11 extended by SHA-256("a") and SHA-256("b") and both indices written once.
TEST_CASE("Names of NV indices agree with a TPM (FORMAT 6.5.1)", "[tpm][policy]") {
  CHECK(to_hex(nv_name(kCell)) ==
        "000b09ff513399b960c8abe08e9be5d90a3fd14e083b607a6a3df53b55bf03ac1071");
  CHECK(to_hex(nv_name(kCounter)) ==
        "000bf1535427e2ae7954d10c2f7f8a203411b46f2a876c82e3e163e933c1d95b423f");
}

// FORMAT 6.5.2, 6.5.3, 6.5.7
TEST_CASE("Policy digests agree with a TPM, term by term (FORMAT 6.5)", "[tpm][policy]") {
  const auto values = pcrs();
  REQUIRE(to_hex(values[4]) == "8c374a53782642f7514d087d26a3e733f1b806009a03e04a43b288ef2fa9f9c0");
  const auto pcr = policy_pcr({}, PcrSet{2, 4, 11}, values);
  CHECK(to_hex(pcr) == "5274afc613c89de4f08e61ca4892bf67f4c97238cc31daa075c5fa1d7de67ddf");
  const auto nv = policy_nv_at_most(pcr, nv_name(kCounter), 9);
  CHECK(to_hex(nv) == "3459532e3646b25776c4fbeb35cf86fc81f2d48d9d71520034d8348120ba4d97");
  const auto any = policy_or(std::array{pcr, nv});
  REQUIRE(any);
  CHECK(to_hex(*any) == "edba46d9750d39a29a03c14612c39c722cb942a7b4f13853df869db9655fe5d6");
  const auto sealed = sealed_policy(nv_name(kCell));
  CHECK(to_hex(sealed) == "1891e6d79769e90fe840d53152ee6efe3d8e17a04bddf4c236dab0e536030506");
  CHECK(to_hex(owner_branches(nv_name(kCell))[0]) ==
        "34d6638198e92d22beae1f2251a410289fbd578e6b5ffc40a06fb5dd518ebd35");
}

TEST_CASE("A branch is the PCRs of one selection and then the counter (FORMAT 6.5.5)",
          "[tpm][policy]") {
  const Branch branch{PcrSet{2, 4, 11}, pcrs(), 9};
  CHECK(to_hex(branch_policy(branch, nv_name(kCounter))) ==
        "3459532e3646b25776c4fbeb35cf86fc81f2d48d9d71520034d8348120ba4d97");
}

TEST_CASE("Every part of a branch moves its digest", "[tpm][policy]") {
  const Branch branch{PcrSet{2, 4, 11}, pcrs(), 9};
  const auto name = nv_name(kCounter);
  auto other_pcr = branch;
  other_pcr.pcrs[2].bytes[0] = 1;
  auto other_set = branch;
  other_set.bound.add(13);
  auto other_limit = branch;
  other_limit.limit = 10;
  const std::set<PolicyDigest> all{branch_policy(branch, name), branch_policy(other_pcr, name),
                                   branch_policy(other_set, name), branch_policy(other_limit, name),
                                   branch_policy(branch, nv_name(kCell))};
  CHECK(all.size() == 5);
}

// FORMAT 6.5.8
TEST_CASE("The owner policy allows NV_Write and NV_Increment and nothing else", "[tpm][policy]") {
  const auto cell = nv_name(kCell);
  const auto branches = owner_branches(cell);
  CHECK(branches[1] == policy_command_code(policy_authorize_nv(cell), CommandCode::kNvIncrement));
  CHECK(owner_policy(cell) == *policy_or(branches));
}

// FORMAT 6.5.4
TEST_CASE("PolicyOR takes two to eight branches", "[tpm][policy]") {
  std::vector<PolicyDigest> branches(9);
  for (const std::size_t n : {0U, 1U, 9U}) {
    CHECK(policy_or(std::span(branches).first(n)).error().code() == Errc::kInternal);
  }
  CHECK(policy_or(std::span(branches).first(2)));
  CHECK(policy_or(std::span(branches).first(8)));
}

TEST_CASE("The cell holds the bare branch or the PolicyOR of several (FORMAT 6.6.2)",
          "[tpm][policy]") {
  const std::array branches{policy_pcr({}, PcrSet{4}, pcrs()), policy_pcr({}, PcrSet{11}, pcrs())};
  const auto one = cell_content(std::span(branches).first(1));
  REQUIRE(one);
  CHECK(to_hex(*one) == "000b" + to_hex(branches[0]));
  const auto two = cell_content(branches);
  REQUIRE(two);
  CHECK(to_hex(*two) == "000b" + to_hex(*policy_or(branches)));
  CHECK_FALSE(cell_content({}));
}

TEST_CASE("Branch limits stay within 64 above the counter (FORMAT 6.5.6)", "[tpm][policy]") {
  struct Row {
    const char* why;
    std::uint64_t counter, base, version;
    std::uint64_t limit;  // 0: refused
  };
  const auto r = GENERATE(values<Row>({
      {"floor itself", 10, 7, 3, 10},
      {"one above", 10, 7, 4, 11},
      {"64 above the floor", 10, 7, 67, 74},
      {"65 above the floor", 10, 7, 68, 0},
      {"below the floor", 10, 7, 2, 0},
      {"base above the counter", 1, 5, 9, 0},
      {"base of a fresh TPM computed to less than nothing", 1, ~std::uint64_t{3}, 5, 0},
      {"floor below nothing, version to match", 1, 5, ~std::uint64_t{3}, 0},
      {"2^63 above", 10, 7, std::uint64_t{1} << 63U, 0},
      {"sum would wrap", ~std::uint64_t{0}, 0, ~std::uint64_t{0}, ~std::uint64_t{0}},
      {"worn out", ~std::uint64_t{0}, ~std::uint64_t{0}, 1, 0},
      {"base nought", 5, 0, 5, 5},
  }));
  INFO(r.why);
  const auto limit = branch_limit(r.counter, r.base, SecurityVersion(r.version));
  REQUIRE(static_cast<bool>(limit) == (r.limit != 0));
  if (limit) {
    CHECK(*limit == r.limit);
    CHECK(*limit >= r.counter);
  } else {
    CHECK(fault_of(limit.error()) == Fault::kCounter);
  }
}

TEST_CASE("Names of objects need a SHA-256 public area", "[tpm][policy]") {
  const Bytes area{0x00, 0x23, 0x00, 0x0b, 1, 2, 3};
  const auto name = object_name(area);
  REQUIRE(name);
  CHECK(to_hex(*name) == "000b" + to_hex(sha256(area)));
  CHECK(object_name(Bytes{0, 0x23, 0, 0x0c}).error().code() == Errc::kMalformed);
  CHECK(object_name(Bytes{0, 0x23, 0}).error().code() == Errc::kMalformed);
}

TEST_CASE("Faults travel inside an error next to the response code", "[tpm]") {
  const auto error = fail_tpm(Fault::kLockout, "the TPM is locked out", 0x921);
  CHECK(error.code() == Errc::kTpm);
  CHECK(fault_of(error) == Fault::kLockout);
  CHECK(response_code_of(error) == 0x921);
  CHECK(fault_of(fail(Errc::kIo, "x", 5)) == Fault::kNone);
  std::set<std::string_view> names;
  for (std::uint32_t f = 0; f <= static_cast<std::uint32_t>(Fault::kTransient); ++f) {
    names.insert(fault_name(static_cast<Fault>(f)));
  }
  CHECK(names.size() == static_cast<std::size_t>(Fault::kTransient) + 1);
}
