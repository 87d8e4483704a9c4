#include "hsm/key_facts.hpp"

namespace pawl::hsm {
namespace {

bool yes(const std::optional<bool>& flag) {
  return flag.has_value() && *flag;
}
bool no(const std::optional<bool>& flag) {
  return flag.has_value() && !*flag;
}

void note(std::string& out, std::string_view name, const std::optional<bool>& flag, bool good) {
  if (flag == good) return;
  if (!out.empty()) out += ", ";
  out.append(name).append(!flag ? " unknown" : (*flag ? " true" : " false"));
}

std::string reasons(const KeyFacts& facts) {
  if (facts.kind == KeyKind::kSoftware) return "it is a software key in a file";
  if (facts.kind == KeyKind::kExternal) return "an external program holds it";
  std::string out;
  note(out, "CKA_PRIVATE", facts.is_private, true);
  note(out, "CKA_SENSITIVE", facts.sensitive, true);
  note(out, "CKA_EXTRACTABLE", facts.extractable, false);
  note(out, "CKA_LOCAL", facts.local, true);
  note(out, "CKA_ALWAYS_SENSITIVE", facts.always_sensitive, true);
  note(out, "CKA_NEVER_EXTRACTABLE", facts.never_extractable, true);
  return out.empty() ? "no attestation was imported" : out;
}

}  // namespace

std::string_view custody_name(Custody custody) {
  switch (custody) {
    case Custody::kNone:
      return "none";
    case Custody::kTokenPrivate:
      return "token_private";
    case Custody::kTokenBorn:
      return "token_born";
    case Custody::kAttested:
      return "attested";
  }
  return "none";
}

Result<Custody> parse_custody(std::string_view name) {
  for (const auto c :
       {Custody::kNone, Custody::kTokenPrivate, Custody::kTokenBorn, Custody::kAttested}) {
    if (name == custody_name(c)) return c;
  }
  return fail(Errc::kMalformed, "unknown custody level: " + printable(name));
}

std::string_view key_kind_name(KeyKind kind) {
  switch (kind) {
    case KeyKind::kToken:
      return "token";
    case KeyKind::kSoftware:
      return "software";
    case KeyKind::kExternal:
      return "external";
  }
  return "external";
}

Custody custody_of(const KeyFacts& facts) {
  if (facts.kind != KeyKind::kToken) return Custody::kNone;
  const bool held = yes(facts.is_private) && yes(facts.sensitive) && no(facts.extractable);
  if (!held) return Custody::kNone;
  const bool born = yes(facts.local) && yes(facts.always_sensitive) && yes(facts.never_extractable);
  if (!born) return Custody::kTokenPrivate;
  return facts.attested ? Custody::kAttested : Custody::kTokenBorn;
}

Status require_custody(const KeyFacts& facts, Custody least) {
  const auto reached = custody_of(facts);
  if (reached >= least) return Ok{};
  return fail(Errc::kHsm, "key " + printable(facts.label) + " has custody " +
                              std::string(custody_name(reached)) + ", the role needs " +
                              std::string(custody_name(least)) + ": " + reasons(facts))
      .with_hint("make a new key inside the token with `pawl-signer key new`");
}

std::string describe(const KeyFacts& facts) {
  switch (facts.kind) {
    case KeyKind::kSoftware:
      return "software key " + printable(facts.label) + " (in a file: development only)";
    case KeyKind::kExternal:
      return "external key " + printable(facts.label) + " (custody unknown)";
    case KeyKind::kToken:
      break;
  }
  return "key " + printable(facts.label) + " (id " + to_hex(facts.id) + ") on token " +
         printable(facts.token_label) + ", serial " + printable(facts.token_serial) + ": " +
         std::string(custody_name(custody_of(facts)));
}

}  // namespace pawl::hsm
