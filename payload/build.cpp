#include "payload/build.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.hpp"
#include "payload/build_checks.hpp"
#include "payload/zstd_frame.hpp"

namespace pawl::payload {
namespace {

constexpr unsigned kMaxThreads = 64;

/// One window on its way to a frame, by one thread.
struct Job {
  std::size_t at = 0;    // in the builder's buffer
  std::size_t size = 0;  // bytes
  Record record;
  Result<Bytes> frame{Bytes{}};
};

void run(Job& job, ByteView plain, ByteView prefix, int level) {
  job.record.plain = blake2b(plain);
  if (std::all_of(plain.begin(), plain.end(), [](std::uint8_t b) { return b == 0; })) {
    job.record.kind = FrameKind::kZero;
  } else {
    job.record.kind = FrameKind::kZstd;
    job.frame = ZstdEncoder(level).compress(plain, prefix);
  }
  if (!job.frame) return;
  job.record.frame = blake2b(*job.frame);
  job.record.frame_length = static_cast<std::uint32_t>(job.frame->size());
}

/// Reads as many windows at a time as there are threads, and keeps the last one as prefix.
class FullBuilder {
 public:
  FullBuilder(Source& image, Sink& container, const BuildOptions& options)
      : image_(image),
        container_(container),
        options_(options),
        window_(std::size_t{1} << options.window_log2),
        buffer_(window_ * (options.threads + 1)) {}

  Result<Built> build(Progress& progress) {
    while (done_ < image_.size()) {
      PAWL_TRY(auto jobs, read_batch());
      compress(jobs);
      PAWL_CHECK(write(jobs));
      progress.update("build", done_, image_.size());
    }
    progress.finish();
    PAWL_TRY(auto index,
             Index::create({options_.window_log2, image_.size(), {}, std::move(records_)}));
    return Built{std::move(index), image_hash_.finish(), container_hash_.finish()};
  }

 private:
  // buffer_: the window before, then the windows of this batch.
  Result<std::vector<Job>> read_batch() {
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(image_.size() - done_, buffer_.size() - window_));
    const std::span<std::uint8_t> all(buffer_);
    if (done_ > 0)
      std::copy_n(all.end() - static_cast<std::ptrdiff_t>(window_), window_, all.begin());
    const auto fresh = all.subspan(window_, size);
    PAWL_CHECK(image_.read_at(fresh, done_));
    image_hash_.update(fresh);
    std::vector<Job> jobs;
    for (std::size_t at = 0; at < size; at += window_) {
      jobs.push_back({window_ + at, std::min(window_, size - at), {}, Bytes{}});
    }
    first_ = done_ == 0;
    done_ += size;
    return jobs;
  }

  void compress(std::vector<Job>& jobs) const {
    if (jobs.size() == 1) return run_one(jobs.front());
    std::vector<std::jthread> threads;
    threads.reserve(jobs.size());
    for (auto& job : jobs) threads.emplace_back([&job, this] { run_one(job); });
  }

  void run_one(Job& job) const {
    const ByteView all(buffer_);
    const bool no_prefix = first_ && job.at == window_;
    const auto prefix = no_prefix ? ByteView{} : all.subspan(job.at - window_, window_);
    run(job, all.subspan(job.at, job.size), prefix, options_.level);
  }

  Status write(std::vector<Job>& jobs) {
    for (auto& job : jobs) {
      PAWL_TRY(const auto frame, std::move(job.frame));
      PAWL_CHECK(container_.append(frame));
      container_hash_.update(frame);
      records_.push_back(job.record);
    }
    return Ok{};
  }

  Source& image_;
  Sink& container_;
  BuildOptions options_;
  std::size_t window_;
  Bytes buffer_;
  std::uint64_t done_ = 0;  // bytes of the image read so far
  bool first_ = true;       // the batch in the buffer starts the image
  std::vector<Record> records_;
  Sha256 image_hash_;
  Sha256 container_hash_;
};

}  // namespace

Status check_build(const BuildOptions& options, std::uint64_t image_size) {
  if (options.window_log2 < kMinWindowLog2 || options.window_log2 > kMaxWindowLog2) {
    return fail(Errc::kUsage, "window size 2^" + std::to_string(options.window_log2) +
                                  " is outside 2^12 to 2^20");
  }
  if (options.level < 1 || options.level > kMaxLevel) {
    return fail(Errc::kUsage, "compression level " + std::to_string(options.level) +
                                  " is outside 1 to " + std::to_string(kMaxLevel));
  }
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return fail(Errc::kUsage, std::to_string(options.threads) + " threads, allowed are 1 to 64");
  }
  if (image_size == 0) return fail(Errc::kUsage, "the image is empty");
  const auto windows = ((image_size - 1) >> options.window_log2) + 1;
  if (windows > kMaxWindows) {
    return fail(Errc::kTooLarge, "an image of " + std::to_string(image_size) + " bytes has " +
                                     std::to_string(windows) + " windows, the limit is " +
                                     std::to_string(kMaxWindows));
  }
  return Ok{};
}

Result<Built> build_full(Source& image, Sink& container, const BuildOptions& options,
                         Progress& progress) {
  PAWL_CHECK(check_build(options, image.size()));
  return FullBuilder(image, container, options).build(progress);
}

}  // namespace pawl::payload
