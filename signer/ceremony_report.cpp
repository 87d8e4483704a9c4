#include "signer/ceremony_report.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

json::Array names_of(const Ceremony& ceremony, const std::vector<manifest::KeyId>& ids) {
  json::Array out;
  for (const auto& id : ids) out.emplace_back(ceremony.name_of(id));
  return out;
}

json::Array changes_of(const CeremonyView& view) {
  json::Array out;
  for (const auto& change : view.changes) {
    json::Object one;
    one.set("scope", change.scope);
    one.set("words", change.words);
    one.set("irreversible", change.weight == Change::Weight::kIrreversible);
    out.emplace_back(std::move(one));
  }
  return out;
}

std::string text_of(const std::string& path, const Ceremony& ceremony, const CeremonyView& view) {
  auto out = path + ": " + ceremony.role + " " + std::to_string(view.version.get()) +
             " of repository " + to_hex(ceremony.repository).substr(0, 16) + ", good until " +
             format_utc(view.expires) + "\n";
  if (view.changes.empty()) out += "  same content, signed again\n";
  for (const auto& change : view.changes) {
    const bool final = change.weight == Change::Weight::kIrreversible;
    out += std::string(final ? "  IRREVERSIBLE: " : "  ") + change.words + "\n";
  }
  out +=
      "  signed by: " + (view.signed_by.empty() ? "nobody" : who(ceremony, view.signed_by)) + "\n";
  out += view.complete() ? "  complete: ceremony publish can be run\n"
                         : "  missing: " + missing_text(ceremony, view) + "\n";
  return out + "  words: " + ceremony_words(ceremony.text) + "\n";
}

}  // namespace

std::string who(const Ceremony& ceremony, const std::vector<manifest::KeyId>& ids) {
  std::string out;
  for (const auto& id : ids) out += (out.empty() ? "" : ", ") + ceremony.name_of(id);
  return out;
}

std::string missing_text(const Ceremony& ceremony, const CeremonyView& view) {
  std::string out;
  for (std::size_t i = 0; i < view.keys.size(); ++i) {
    if (view.missing[i] == 0) continue;
    std::vector<manifest::KeyId> left;
    for (const auto& [id, key] : view.keys[i].keys) {
      if (std::binary_search(view.may_sign.begin(), view.may_sign.end(), id)) left.push_back(id);
    }
    out += (out.empty() ? "" : "; ") + std::to_string(view.missing[i]) + " more of " +
           who(ceremony, left);
  }
  return out;
}

void print_ceremony(const std::string& path, const Ceremony& ceremony, const CeremonyView& view,
                    cli::Io& io, const std::vector<std::string>& development) {
  json::Object result;
  result.set("file", path);
  result.set("role", ceremony.role);
  result.set("version", static_cast<std::int64_t>(view.version.get()));
  result.set("expires", format_utc(view.expires));
  result.set("repository_id", to_hex(ceremony.repository));
  result.set("changes", changes_of(view));
  result.set("signed_by", names_of(ceremony, view.signed_by));
  result.set("may_sign", names_of(ceremony, view.may_sign));
  result.set("complete", view.complete());
  result.set("words", ceremony_words(ceremony.text));
  auto text = text_of(path, ceremony, view);
  mark_development(development, result, text);
  io.result(std::move(result), text);
}

}  // namespace pawl::signer
