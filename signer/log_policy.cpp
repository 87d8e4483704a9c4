#include "signer/log_policy.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace pawl::signer {
namespace {

using manifest::NoteKey;
using manifest::NoteKeyType;
using Words = std::vector<std::string_view>;

Words words_of(std::string_view line) {
  Words out;
  while (!line.empty()) {
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    if (end > 0) out.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

struct Group {
  unsigned threshold = 0;
  std::vector<std::string> members;
};

/// The lines of a policy, as they are read.
struct Draft {
  std::optional<NoteKey> log;
  std::map<std::string, NoteKey, std::less<>> witnesses;
  std::map<std::string, Group, std::less<>> groups;
  std::optional<std::string> quorum;

  Status take(const Words& words);
  Status take_group(const Words& words);
  [[nodiscard]] Result<manifest::LogPolicy> finish() const;
};

Error malformed(std::string what) {
  return fail(Errc::kMalformed, std::move(what));
}

Status Draft::take_group(const Words& words) {
  Group group;
  for (std::size_t i = 3; i < words.size(); ++i) {
    if (!witnesses.contains(words[i])) {
      return malformed(printable(words[i]) + " is no witness named above")
          .with_hint("policy.json holds one group of witnesses, and no groups of groups");
    }
    group.members.emplace_back(words[i]);
  }
  const auto most = static_cast<unsigned>(group.members.size());
  const auto text = words[2];
  if (text == "any") group.threshold = 1;
  if (text == "all") group.threshold = most;
  if (group.threshold == 0) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), group.threshold);
    if (error != std::errc{} || end != text.data() + text.size()) group.threshold = 0;
  }
  if (group.threshold < 1 || group.threshold > most) {
    return malformed(printable(text) + " is not any, all, or a number up to that of the members");
  }
  if (groups.emplace(words[1], std::move(group)).second) return Ok{};
  return malformed("group " + printable(words[1]) + " is there twice");
}

Status Draft::take(const Words& words) {
  const auto what = words.front();
  if (what == "log" && (words.size() == 2 || words.size() == 3)) {
    if (log) return malformed("a second log: policy.json holds one");
    PAWL_TRY(log, parse_verifier_key(words[1]));
    if (log->type == NoteKeyType::kEd25519) return Ok{};
    return malformed("the key of a log has to be of type 1");
  }
  if (what == "witness" && (words.size() == 3 || words.size() == 4)) {
    PAWL_TRY(auto key, parse_verifier_key(words[2]));
    if (key.type != NoteKeyType::kCosignature) {
      return malformed("the key of a witness has to be of type 4");
    }
    if (witnesses.emplace(words[1], std::move(key)).second) return Ok{};
    return malformed("witness " + printable(words[1]) + " is there twice");
  }
  if (what == "group" && words.size() > 3) return take_group(words);
  if (what == "quorum" && words.size() == 2 && !quorum) {
    quorum = std::string(words[1]);
    return Ok{};
  }
  return malformed(printable(what) +
                   " is no line of a tlog-policy, or has another number of words");
}

Result<manifest::LogPolicy> Draft::finish() const {
  if (!log) return malformed("names no log");
  if (!quorum) return malformed("has no quorum line");
  manifest::LogPolicy out;
  out.log = *log;
  if (*quorum == "none") return out;
  Group group{1, {*quorum}};
  const auto found = groups.find(*quorum);
  if (found != groups.end()) group = found->second;
  for (const auto& name : group.members) {
    const auto witness = witnesses.find(name);
    if (witness == witnesses.end()) {
      return malformed("quorum " + printable(*quorum) + " is no witness and no group");
    }
    out.witnesses.push_back(witness->second);
  }
  out.quorum = group.threshold;
  PAWL_TRY(auto checked, manifest::LogPolicy::parse(json::Value(out.to_json())));
  return checked;
}

}  // namespace

Result<NoteKey> parse_verifier_key(std::string_view text) {
  const auto first = text.find('+');
  const auto second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (first == 0 || second == std::string_view::npos) {
    return malformed(printable(text) + " is no verifier key NAME+HASH+KEY");
  }
  PAWL_TRY(const auto raw, manifest::from_base64(text.substr(second + 1), 64));
  NoteKey out;
  if (raw.size() != 1 + out.key.bytes.size() || (raw[0] != 1 && raw[0] != 4)) {
    return malformed(printable(text) + " has no Ed25519 key of type 1 or 4");
  }
  out.name = std::string(text.substr(0, first));
  out.type = static_cast<NoteKeyType>(raw[0]);
  std::copy(raw.begin() + 1, raw.end(), out.key.bytes.begin());
  std::uint32_t id = 0;
  const auto hash = text.substr(first + 1, second - first - 1);
  const auto [end, error] = std::from_chars(hash.data(), hash.data() + hash.size(), id, 16);
  if (hash.size() == 8 && error == std::errc{} && end == hash.data() + 8 && id == out.id()) {
    return out;
  }
  return malformed(printable(text) + ": the hash is not that of name and key");
}

Result<manifest::LogPolicy> parse_log_policy(std::string_view text) {
  if (text.size() > kMaxLogPolicy) return fail(Errc::kTooLarge, "tlog-policy over 64 KiB");
  Draft draft;
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty() || words.front().starts_with('#')) continue;
    auto taken = draft.take(words);
    if (taken) continue;
    auto error = std::move(taken).error();
    error.prefix("line " + std::to_string(number));
    return error;
  }
  return draft.finish();
}

}  // namespace pawl::signer
