#include "manifest/note.hpp"

#include <catch2/catch.hpp>

#include "manifest/transparency.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

const std::string kSigned = "\xe2\x80\x94 log AAAAAQI=\n";

Errc code_of(std::string_view text) {
  const auto note = Note::parse(text);
  return note ? Errc::kUsage : note.error().code();
}

}  // namespace

TEST_CASE("note: a text, a blank line and signatures (FORMAT 2.11.4)", "[manifest][note]") {
  const auto note = Note::parse("text\n\n" + kSigned);
  REQUIRE(note);
  CHECK(note->text() == "text\n");
}

TEST_CASE("note: what has another shape is refused (FORMAT 2.11.4)", "[manifest][note]") {
  struct Row {
    const char* why;
    std::string note;
    Errc code;
  };
  const auto bad = Errc::kMalformed;
  const Row rows[] = {
      {"no blank line", "text\n" + kSigned, bad},
      {"no signature", "text\n\n", bad},
      {"signature without end", "text\n\n" + kSigned.substr(0, kSigned.size() - 1), bad},
      {"signature with hyphens", "text\n\n--- log AAAAAQI=\n", bad},
      {"signature without name", "text\n\n\xe2\x80\x94  AAAAAQI=\n", bad},
      {"signature of a name alone", "text\n\n\xe2\x80\x94 AAAAAQI=\n", bad},
      {"signature of no bytes", "text\n\n\xe2\x80\x94 log AAAAAQ==\n", bad},
      {"over 64 KiB", std::string(65536, 'x') + "\n\n" + kSigned, Errc::kTooLarge},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(code_of(row.note) == row.code);
  }
}

TEST_CASE("note: at most 64 signatures", "[manifest][note]") {
  std::string note = "text\n\n";
  for (int i = 0; i < 64; ++i) note += kSigned;
  CHECK(code_of(note) == Errc::kUsage);
  CHECK(code_of(note + kSigned) == Errc::kTooLarge);
}

TEST_CASE("checkpoint: origin, size and root, each a whole line (FORMAT 2.11.4)",
          "[manifest][note]") {
  const auto good = Checkpoint{"example.com/log", 5, Sha256Digest{}}.serialise();
  REQUIRE(Checkpoint::parse(good));
  const auto from_size = good.substr(good.find('\n'));
  for (const auto& text :
       {good.substr(0, good.size() - 1), from_size, std::string(257, 'o') + from_size}) {
    INFO(text);
    const auto parsed = Checkpoint::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
}
