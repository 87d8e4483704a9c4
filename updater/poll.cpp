#include "updater/poll.hpp"

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "manifest/fields.hpp"

namespace pawl::updater {
namespace {

using manifest::Fields;

constexpr std::size_t kMaxName = 64;
constexpr std::int64_t kWeek = 7L * 24 * 3600;

json::Value number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Result<PollAnswer::Offer> parse_offer(const Fields& from) {
  PollAnswer::Offer out;
  PAWL_TRY(out.product, from.text("product", kMaxName));
  PAWL_TRY(out.version, from.text("version", kMaxName));
  PAWL_TRY(out.manifest, from.sha256("manifest_sha256"));
  return out;
}

}  // namespace

std::string PollRequest::format() const {
  json::Object out;
  out.set("slot", boot::letter(slot));
  out.set("release_counter", number(release_counter.get()));
  out.set("security_version", number(security_version.get()));
  out.set("boot_id", boot_id);
  out.set("root", number(root.get()));
  out.set("etag", etag);
  return json::write(out);
}

Result<PollAnswer> PollAnswer::parse(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {kMaxBytes, 4, 64}));
  PAWL_TRY(const auto from, Fields::of(value, "answer to the poll"));
  PollAnswer out;
  const auto* meta = from.members().find("meta");
  const bool unpublished = meta != nullptr && meta->string() != nullptr && meta->string()->empty();
  if (!unpublished) {
    PAWL_TRY(const auto digest, from.sha256("meta"));
    out.meta = to_hex(digest);
  }
  PAWL_TRY(const auto after, from.integer("poll_after_s", 0, kWeek));
  out.poll_after = Seconds(after);
  if (!from.has("offer")) return out;
  PAWL_TRY(const auto offer, from.object("offer"));
  PAWL_TRY(out.offer, parse_offer(offer));
  return out;
}

}  // namespace pawl::updater
