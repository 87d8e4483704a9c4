#include "issuer/sessions.hpp"

#include <string>

namespace pawl::issuer {

void Sessions::drop_expired(TimePoint now) {
  std::erase_if(open_, [&](const auto& entry) { return now - entry.second.opened >= lifetime_; });
}

void Sessions::make_room_for(const Sha256Digest& ek) {
  std::size_t count = 0;
  auto oldest = open_.end();
  for (auto at = open_.begin(); at != open_.end(); ++at) {
    if (at->second.ek != ek) continue;
    ++count;
    if (oldest == open_.end() || at->second.opened < oldest->second.opened) oldest = at;
  }
  if (count >= kPerEk) open_.erase(oldest);
}

Status Sessions::put(const tpm::EnrolmentSession& id, Session session, TimePoint now) {
  if (open_.size() >= limit_) drop_expired(now);
  make_room_for(session.ek);
  if (open_.size() >= limit_) {
    return fail(Errc::kBusy, "all " + std::to_string(limit_) + " enrolment sessions are taken");
  }
  open_.emplace(id, std::move(session));
  return Ok{};
}

Result<Session> Sessions::take(const tpm::EnrolmentSession& id, TimePoint now) {
  auto node = open_.extract(id);
  if (node.empty()) return fail(Errc::kPeer, "enrolment session is unknown or was used");
  if (now - node.mapped().opened >= lifetime_) {
    return fail(Errc::kTimeout,
                "enrolment session is older than " + std::to_string(lifetime_.count()) + " s");
  }
  return std::move(node.mapped());
}

}  // namespace pawl::issuer
