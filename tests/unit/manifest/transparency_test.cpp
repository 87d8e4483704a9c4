#include "manifest/transparency.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "fakes/edit_json.hpp"
#include "fakes/transparency_log.hpp"
#include "manifest/policy.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::line;
using fakes::Log;

namespace {

Errc code_of(const Status& status) {
  return status ? Errc::kUsage : status.error().code();
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  PAWL_ASSERT(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("transparency: every release of the log is proved (FORMAT 2.11.1, 2.11.3)",
          "[manifest]") {
  const Log log;
  CHECK(release_leaf(log.manifests[0]).size() == 48);
  for (std::size_t leaf = 0; leaf < log.leaves.size(); ++leaf) {
    const auto proof = log.proof(leaf, log.checkpoint({0, 2}));
    const auto checked = verify_release_proof(proof, log.manifests[leaf], log.policy);
    INFO((checked ? "ok" : checked.error().what()));
    CHECK(checked);
    const auto with_extra = replaced(proof, "index", "extra Zm9v\nindex");
    CHECK(verify_release_proof(with_extra, log.manifests[leaf], log.policy));
    const auto other = log.manifests[(leaf + 1) % log.leaves.size()];
    const auto of_other = verify_release_proof(proof, other, log.policy);
    CHECK(code_of(of_other) == Errc::kHashMismatch);
    CHECK(of_other.error().attack() == "not-logged");
  }
}

TEST_CASE("transparency: broken proofs are refused (FORMAT 2.11.2, 2.11.3)", "[manifest]") {
  const Log log;
  const auto good = log.proof(1, log.checkpoint({0, 1}));
  REQUIRE(verify_release_proof(good, log.manifests[1], log.policy));
  struct Row {
    const char* why;
    std::string proof;
    Errc code;
  };
  const auto hash = to_base64(log.leaves[0].bytes) + "\n";
  std::string many;
  for (int i = 0; i < 65; ++i) many += hash;
  const auto row = GENERATE_COPY(
      Row{"header", replaced(good, "@v1", "@v2"), Errc::kMalformed},
      Row{"no index", replaced(good, "index 1\n", ""), Errc::kMalformed},
      Row{"index with a zero", replaced(good, "index 1", "index 01"), Errc::kMalformed},
      Row{"another word than index", replaced(good, "index 1", "entry 1"), Errc::kMalformed},
      Row{"index no number", replaced(good, "index 1", "index x"), Errc::kMalformed},
      Row{"other index", replaced(good, "index 1", "index 0"), Errc::kHashMismatch},
      Row{"index outside", replaced(good, "index 1", "index 5"), Errc::kMalformed},
      Row{"hash missing", replaced(good, hash, ""), Errc::kMalformed},
      Row{"hash too many", replaced(good, hash, hash + hash), Errc::kMalformed},
      Row{"hash no base64", replaced(good, hash, "?\n"), Errc::kMalformed},
      Row{"short hash", replaced(good, hash, "Zm9v\n"), Errc::kMalformed},
      Row{"65 hashes", replaced(good, hash, many), Errc::kTooLarge},
      Row{"over 64 KiB before the checkpoint",
          replaced(good, "index 1", "extra " + std::string(65536, 'x') + "\nindex 1"),
          Errc::kTooLarge},
      Row{"over 64 KiB", good + std::string(65536, 'x'), Errc::kTooLarge});
  INFO(row.why);
  const auto checked = verify_release_proof(row.proof, log.manifests[1], log.policy);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code() == row.code);
  CHECK(checked.error().attack() == "not-logged");
}

TEST_CASE("transparency: no truncated proof is accepted", "[manifest]") {
  const Log log;
  const auto good = log.proof(1, log.checkpoint({0, 1}));
  for (std::size_t n = 0; n < good.size(); ++n) {
    REQUIRE_FALSE(verify_release_proof(good.substr(0, n), log.manifests[1], log.policy));
  }
}

TEST_CASE("transparency: log and a quorum of witnesses must have signed (FORMAT 2.11.4)",
          "[manifest]") {
  const Log log;
  const auto text = log.head();
  const auto signed_by_log = line(log.log, log.operator_key.sign(text).value);
  auto other_log = log.log;
  other_log.name = "example.com/other";
  auto wrong_time = log.cosign(1, text);
  Writer late;
  late.u64_be(1700000001);
  late.bytes(log.witness_keys[1].sign("cosignature/v1\ntime 1700000000\n" + text).value);
  struct Row {
    const char* why;
    std::string note;
    bool good;
  };
  const auto row =
      GENERATE_COPY(Row{"two witnesses", log.checkpoint({0, 1}), true},
                    Row{"three witnesses", log.checkpoint({0, 1, 2}), true},
                    Row{"one witness", log.checkpoint({0}), false},
                    Row{"the same witness twice", log.checkpoint({0, 0}), false},
                    Row{"no log", text + "\n" + log.cosign(0, text) + log.cosign(1, text), false},
                    Row{"log under another name",
                        text + "\n" + line(other_log, log.operator_key.sign(text).value) +
                            log.cosign(0, text) + log.cosign(1, text),
                        false},
                    Row{"witness with another time",
                        text + "\n" + signed_by_log + log.cosign(0, text) +
                            line(log.policy.witnesses[1], late.view()),
                        false},
                    Row{"witness signs the text alone",
                        text + "\n" + signed_by_log + log.cosign(0, text) +
                            line(log.policy.witnesses[1], log.witness_keys[1].sign(text).value),
                        false},
                    Row{"other size", replaced(log.checkpoint({0, 1}), "\n5\n", "\n6\n"), false},
                    Row{"unknown lines between",
                        text + "\n" + line(other_log, Bytes(64)) + signed_by_log +
                            log.cosign(0, text) + log.cosign(1, text),
                        true});
  INFO(row.why);
  const auto head = verify_checkpoint(row.note, log.policy);
  CHECK(static_cast<bool>(head) == row.good);
  if (!row.good) CHECK(head.error().code() == Errc::kBadSignature);
  const auto proved = verify_release_proof(log.proof(1, row.note), log.manifests[1], log.policy);
  CHECK(static_cast<bool>(proved) == row.good);
  if (!row.good) CHECK(proved.error().code() == Errc::kBadSignature);
  if (!row.good) CHECK(proved.error().attack() == "not-logged");
}

TEST_CASE("transparency: a checkpoint of another origin is refused (FORMAT 2.11.4)", "[manifest]") {
  const Log log;
  auto policy = log.policy;
  policy.quorum = 0;
  const auto text = Checkpoint{"example.com/other", 5, log.root(0, 5)}.serialise();
  const auto note = text + "\n" + line(log.log, log.operator_key.sign(text).value);
  CHECK(verify_checkpoint(note, policy).error().code() == Errc::kBadSignature);
  const auto proved = verify_release_proof(log.proof(1, note), log.manifests[1], policy);
  CHECK(code_of(proved) == Errc::kBadSignature);
  CHECK(proved.error().attack() == "not-logged");
}

TEST_CASE("transparency: modes off, warn and require (FORMAT 2.11.5)", "[manifest]") {
  const Log log;
  const auto text = log.proof(1, log.checkpoint({0, 1}));
  const std::optional<Bytes> good(Bytes(text.begin(), text.end()));
  const std::optional<Bytes> bad(Bytes{1, 2, 3});
  const auto judge = [&](LogMode mode, const std::optional<Bytes>& proof,
                         const std::optional<LogPolicy>& policy) -> std::string {
    const auto logged = judge_logged(mode, proof, log.manifests[1], policy);
    if (!logged) return "refused: " + std::string(logged.error().attack());
    return *logged == Logged::kProved ? "proved" : "not proved";
  };
  CHECK(judge(LogMode::kOff, good, log.policy) == "not proved");
  CHECK(judge(LogMode::kWarn, good, log.policy) == "proved");
  CHECK(judge(LogMode::kRequire, good, log.policy) == "proved");
  CHECK(judge(LogMode::kWarn, bad, log.policy) == "not proved");
  CHECK(judge(LogMode::kWarn, std::nullopt, log.policy) == "not proved");
  CHECK(judge(LogMode::kWarn, good, std::nullopt) == "not proved");
  CHECK(judge(LogMode::kRequire, bad, log.policy) == "refused: not-logged");
  CHECK(judge(LogMode::kRequire, std::nullopt, log.policy) == "refused: not-logged");
  CHECK(judge(LogMode::kRequire, good, std::nullopt) == "refused: not-logged");
}

TEST_CASE("transparency: the policy's log survives writing and reading (FORMAT 2.7.3)",
          "[manifest]") {
  const Log log;
  Policy policy;
  policy.tlog = log.policy;
  const auto good = policy.serialise();
  const auto again = Policy::parse(good);
  REQUIRE(again);
  CHECK(*again == policy);
  struct Row {
    const char* why;
    fakes::Edit edit;
    Errc code = Errc::kMalformed;
  };
  const auto twice =
      *fakes::json_of(good).object()->find("tlog")->object()->find("witnesses")->array()->begin();
  const auto row = GENERATE_COPY(Row{"quorum over witnesses", {"tlog/quorum", json::Value(4)}},
                                 Row{"no quorum", {"tlog/quorum", std::nullopt}},
                                 Row{"no log", {"tlog/log", std::nullopt}},
                                 Row{"short key", {"tlog/log/key", json::Value("00")}},
                                 Row{"empty name", {"tlog/log/name", json::Value("")}},
                                 Row{"name with a blank", {"tlog/log/name", json::Value("a b")}},
                                 Row{"name with a plus", {"tlog/log/name", json::Value("a+b")}},
                                 Row{"one key twice", {"tlog/witnesses/1", twice}},
                                 Row{"33 witnesses",
                                     {"tlog/witnesses", json::Value(json::Array(33, twice))},
                                     Errc::kTooLarge});
  INFO(row.why);
  CHECK(Policy::parse(fakes::edit_json(good, row.edit)).error().code() == row.code);
}

TEST_CASE("transparency: base64 has one spelling", "[manifest]") {
  CHECK(to_base64(as_bytes("foob")) == "Zm9vYg==");
  CHECK(from_base64("Zm9vYg==", 10)->size() == 4);
  for (const auto* bad :
       {"Zm9vYg=", "Zm9vYg", "Zm9vYh==", "Zm9v Yg==", "Zm9v_g==", "Z", "Zm9v\xd9g=="}) {
    INFO(bad);
    CHECK(from_base64(bad, 10).error().code() == Errc::kMalformed);
  }
  CHECK(from_base64("Zm9vYg==", 0).error().code() == Errc::kTooLarge);
}
