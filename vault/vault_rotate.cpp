// Rotation of the epoch key. Order, each step durable before the next (FORMAT 7.5.3):
// new blob and link -> index under the new epoch (the commit point) -> anchor -> old blob removed.
// Until the anchor moves, the old key vouches for the new one.
#include <algorithm>

#include "vault/vault.hpp"

namespace pawl::vault {

Result<Index> Vault::rewrapped(std::uint64_t epoch, const SecretBytes& epoch_key) const {
  Index next = index_;
  next.renewals = std::max(next.renewals, config_.renewals);
  for (auto& [name, segments] : next.entries) {
    for (std::uint32_t i = 0; i < segments.size(); ++i) {
      auto& segment = segments[i];
      const auto header = header_of(name, i, segment.version, segment.chunk_log2);
      PAWL_TRY(const auto data_key, unwrap(segment, header));
      PAWL_TRY(segment.wrap, wrap(data_key, header, epoch, epoch_key));
    }
  }
  return next;
}

Status Vault::move_to_epoch(Index next, const SecretBytes& next_key) {
  PAWL_TRY(auto kept_key, SecretBytes::copy_of(next_key.span()));
  PAWL_CHECK(flip(std::move(next), epoch_ + 1, next_key));
  epoch_key_ = std::move(kept_key);
  ++epoch_;
  PAWL_CHECK(write_anchor(epoch_, epoch_key_));
  return epochs_.keep_only(epoch_);
}

Status Vault::rotate() {
  // Only one epoch may be waiting for its anchor: the anchored key vouches for the next one.
  if (anchor_.epoch_key != epoch_key_hash(epoch_, epoch_key_)) {
    PAWL_CHECK(write_anchor(epoch_, epoch_key_));
  }
  PAWL_TRY(const auto next_key, random_key(parts_.random));
  PAWL_CHECK(epochs_.write(epoch_ + 1, next_key, config_.recovery));
  PAWL_CHECK(epochs_.write_link(epoch_ + 1, epoch_key_, next_key));
  PAWL_TRY(auto next, rewrapped(epoch_ + 1, next_key));
  return move_to_epoch(std::move(next), next_key);
}

Result<Index> Vault::reencrypted() {
  constexpr std::size_t kStep = std::size_t{64} * 1024;
  PAWL_TRY(auto buffer, SecretBytes::allocate(kStep));
  Index next = index_;
  for (auto& [name, segments] : next.entries) {
    PAWL_TRY(auto reader, read(name));
    PAWL_TRY(auto writer, begin(name, {}));
    for (std::uint64_t at = 0; at < reader.size(); at += kStep) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kStep, reader.size() - at));
      PAWL_CHECK(reader.read_at(buffer.mutable_span().first(n), at));
      PAWL_CHECK(writer.write(buffer.span().first(n)));
    }
    PAWL_CHECK(writer.seal_segment());
    segments = {writer.fresh_};
  }
  PAWL_CHECK(parts_.disk.sync_directory(config_.directory + "/data"));
  return next;
}

Status Vault::rotate_deep() {
  std::vector<Segment> dropped;
  for (const auto& [name, segments] : index_.entries) {
    dropped.insert(dropped.end(), segments.begin(), segments.end());
  }
  PAWL_TRY(auto next, reencrypted());
  PAWL_CHECK(commit(std::move(next)));
  PAWL_CHECK(rotate());
  return collect(dropped);
}

}  // namespace pawl::vault
