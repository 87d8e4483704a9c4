#pragma once
#include "manifest/ports.hpp"
#include "updater/blobs.hpp"
#include "updater/net_link.hpp"

namespace pawl::updater {

/// A repository behind a distributor: /v1/metadata/ and /v1/targets/ (FORMAT 12.2).
class NetFetcher final : public manifest::Fetcher {
 public:
  explicit NetFetcher(NetLink& link) : link_(link) {}
  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override;
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override;

 private:
  Result<std::optional<Bytes>> get(const std::string& path, std::size_t limit);
  NetLink& link_;
};

/// Blobs by byte ranges: /v1/blob/.
class NetBlobs final : public BlobSource {
 public:
  explicit NetBlobs(NetLink& link) : link_(link) {}
  Result<std::unique_ptr<payload::FrameSource>> open(const manifest::BlobReference& blob) override;

 private:
  NetLink& link_;
};

/// One blob. Frames that follow each other come in one range: the piece that is asked for doubles
/// from 64 KiB to 512 KiB while reading goes straight on, and is all the memory this takes.
class NetBlob final : public payload::FrameSource {
 public:
  static constexpr std::size_t kLeast = std::size_t{64} * 1024;
  static constexpr std::size_t kMost = std::size_t{512} * 1024;

  NetBlob(NetLink& link, const manifest::BlobReference& blob);
  Status fetch(std::span<std::uint8_t> out, std::uint64_t offset) override;

 private:
  std::size_t take(std::span<std::uint8_t> out, std::uint64_t offset) const;
  Status fill(std::uint64_t offset, std::size_t wanted);
  Status request(std::span<std::uint8_t> out, std::uint64_t offset);

  NetLink& link_;
  std::string path_;
  std::string name_;
  std::uint64_t size_;
  std::uint64_t start_ = 0;  // of the piece in the blob
  Bytes piece_;
  std::size_t ahead_ = kLeast;
};

}  // namespace pawl::updater
