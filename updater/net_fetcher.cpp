#include "updater/net_fetcher.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/path.hpp"

namespace pawl::updater {
namespace {

constexpr std::string_view kPathAlphabet =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+~%/";

/// Puts a range where it belongs; the client has checked that no byte is too many.
class Into final : public http::BodySink {
 public:
  explicit Into(std::span<std::uint8_t> out) : out_(out) {}
  Status take(ByteView bytes) override {
    PAWL_ASSERT(bytes.size() <= out_.size() - filled_);
    std::copy(bytes.begin(), bytes.end(), out_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += bytes.size();
    return Ok{};
  }

 private:
  std::span<std::uint8_t> out_;
  std::size_t filled_ = 0;
};

}  // namespace

Result<std::optional<Bytes>> NetFetcher::get(const std::string& path, std::size_t limit) {
  if (path.find_first_not_of(kPathAlphabet) != std::string::npos) {
    return fail(Errc::kMalformed, "no path of a server: " + printable(path));
  }
  http::ClientRequest request;
  request.path = path;
  request.limit = limit;
  PAWL_TRY(const auto answer, link_.send(request));
  if (answer.status == 404) return std::optional<Bytes>();
  if (answer.status != 200) return http::answer_error(answer, path);
  const auto body = as_bytes(answer.body);
  return std::optional(Bytes(body.begin(), body.end()));
}

Result<std::optional<Bytes>> NetFetcher::metadata(const std::string& file, std::size_t limit) {
  return get("/v1/metadata/" + file, limit);
}

Result<std::optional<Bytes>> NetFetcher::target(const std::string& path, std::size_t limit) {
  if (!manifest::safe_target_path(path)) {
    return fail(Errc::kMalformed, "target path " + printable(path) + " leaves the repository");
  }
  return get("/v1/targets/" + path, limit);
}

Result<std::unique_ptr<payload::FrameSource>> NetBlobs::open(const manifest::BlobReference& blob) {
  return std::unique_ptr<payload::FrameSource>(std::make_unique<NetBlob>(link_, blob));
}

NetBlob::NetBlob(NetLink& link, const manifest::BlobReference& blob)
    : link_(link),
      path_("/v1/blob/" + to_hex(blob.sha256)),
      name_(blob_name(blob)),
      size_(blob.size) {}

Status NetBlob::fetch(std::span<std::uint8_t> out, std::uint64_t offset) {
  if (offset > size_ || out.size() > size_ - offset) {
    return fail(Errc::kMalformed,
                name_ + " ends before byte " + std::to_string(offset + out.size()));
  }
  while (!out.empty()) {
    auto taken = take(out, offset);
    if (taken == 0 && out.size() >= kMost) {
      taken = kMost;
      PAWL_CHECK(request(out.first(taken), offset));
    } else if (taken == 0) {
      PAWL_CHECK(fill(offset, out.size()));
    }
    out = out.subspan(taken);
    offset += taken;
  }
  return Ok{};
}

/// What the piece holds of it.
std::size_t NetBlob::take(std::span<std::uint8_t> out, std::uint64_t offset) const {
  if (offset < start_ || offset >= start_ + piece_.size()) return 0;
  const auto from = static_cast<std::size_t>(offset - start_);
  const auto size = std::min(out.size(), piece_.size() - from);
  std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(from), size, out.begin());
  return size;
}

Status NetBlob::fill(std::uint64_t offset, std::size_t wanted) {
  const bool straight_on = !piece_.empty() && offset == start_ + piece_.size();
  ahead_ = straight_on ? std::min(ahead_ * 2, kMost) : kLeast;
  const auto size = std::min<std::uint64_t>(std::max(wanted, ahead_), size_ - offset);
  piece_.resize(static_cast<std::size_t>(size));
  start_ = offset;
  auto done = request(piece_, offset);
  if (!done) piece_.clear();
  return done;
}

Status NetBlob::request(std::span<std::uint8_t> out, std::uint64_t offset) {
  http::ClientRequest wanted;
  wanted.path = path_;
  wanted.range = http::ClientRange{offset, out.size(), size_};
  Into into(out);
  PAWL_TRY(const auto answer, link_.send(wanted, into));
  if (answer.status == 206) return Ok{};
  return http::answer_error(answer, name_);
}

}  // namespace pawl::updater
