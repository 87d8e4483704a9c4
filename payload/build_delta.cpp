#include "payload/build_delta.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "payload/build_checks.hpp"
#include "payload/copy_add.hpp"
#include "payload/elf_map.hpp"
#include "payload/match.hpp"
#include "payload/zstd_frame.hpp"

namespace pawl::payload {
namespace {

constexpr std::uint64_t kMaxBase = std::uint64_t{1} << 32U;
constexpr std::size_t kBatchPerThread = 8;

class BaseImage final : public Source {
 public:
  explicit BaseImage(const Bytes& bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  Status read_at(std::span<std::uint8_t> out, std::uint64_t offset) override {
    PAWL_ASSERT(offset <= bytes_.size() && out.size() <= bytes_.size() - offset);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return Ok{};
  }

 private:
  const Bytes& bytes_;
};

struct Frame {
  FrameKind kind = FrameKind::kZero;
  Bytes bytes;
};

struct Job {
  std::size_t window = 0;
  Record record;
  Result<Frame> frame{Frame{}};
};

std::size_t literals_of(const std::vector<CopyOp>& ops, std::size_t length) {
  for (const auto& op : ops) length -= op.length;
  return length;
}

/// Turns windows into frames; one per thread.
class FrameMaker {
 public:
  FrameMaker(const Bytes& base, const Bytes& image, const Matcher& matcher, const ElfMap& elves,
             const BuildOptions& options)
      : base_(base),
        image_(image),
        source_(base),
        matcher_(matcher),
        elves_(elves),
        options_(options),
        window_(std::size_t{1} << options.window_log2),
        old_(window_) {}

  Result<Frame> make(std::size_t window) {
    const auto begin = window * window_;
    const auto end = std::min(image_.size(), begin + window_);
    const auto plain = ByteView(image_).subspan(begin, end - begin);
    if (std::all_of(plain.begin(), plain.end(), [](std::uint8_t b) { return b == 0; })) {
      return Frame{};
    }
    auto ops = matcher_.match(base_, image_, begin, end);
    if (is_copy(ops, plain)) return copy(ops.front().old_at);
    for (auto& op : ops) op.isa = elves_.isa_at(begin + op.new_at);
    const auto literals = literals_of(ops, plain.size());
    Frame best{FrameKind::kZstd, {}};
    if (literals <= plain.size() / 2) {
      PAWL_TRY(best.bytes, copy_add(ops, begin, end));
      best.kind = FrameKind::kCopyAdd;
      if (best.bytes.size() <= plain.size() / 16) return best;
    }
    PAWL_CHECK(consider(best, FrameKind::kZstd, zstd(plain, begin)));
    if (!ops.empty()) PAWL_CHECK(consider(best, FrameKind::kZstdOld, zstd_old(ops, plain, begin)));
    return best;
  }

 private:
  static Status consider(Frame& best, FrameKind kind, Result<Bytes> other) {
    PAWL_TRY(auto bytes, std::move(other));
    if (best.bytes.empty() || bytes.size() < best.bytes.size()) best = {kind, std::move(bytes)};
    return Ok{};
  }

  [[nodiscard]] bool is_copy(const std::vector<CopyOp>& ops, ByteView plain) const {
    if (ops.size() != 1 || ops.front().length != plain.size()) return false;
    const auto old_at = static_cast<std::size_t>(ops.front().old_at);
    return std::equal(plain.begin(), plain.end(),
                      base_.begin() + static_cast<std::ptrdiff_t>(old_at));
  }

  static Frame copy(std::uint64_t old_at) {
    Writer out;
    out.u64_le(old_at);
    return {FrameKind::kCopy, std::move(out).take()};
  }

  [[nodiscard]] ByteView previous(std::size_t begin) const {
    return begin == 0 ? ByteView{} : ByteView(image_).subspan(begin - window_, window_);
  }

  Result<Bytes> copy_add(const std::vector<CopyOp>& ops, std::size_t begin, std::size_t end) {
    const auto from = begin - previous(begin).size();
    history_.assign(image_.begin() + static_cast<std::ptrdiff_t>(from),
                    image_.begin() + static_cast<std::ptrdiff_t>(end));
    const auto old = std::span(old_).first(end - begin);
    PAWL_TRY(auto frame, codec_.encode(ops, {history_, begin - from, begin}, source_, old));
    const auto window = std::span(history_).subspan(begin - from);
    std::fill(window.begin(), window.end(), std::uint8_t{0});
    PAWL_CHECK(codec_.decode(frame, {history_, begin - from, begin}, source_, old));
    if (!std::equal(window.begin(), window.end(), &image_[begin])) {
      return fail(Errc::kInternal, "a copy-add frame does not give its window back");
    }
    return frame;
  }

  Result<Bytes> zstd(ByteView plain, std::size_t begin) const {
    return ZstdEncoder(options_.level).compress(plain, previous(begin));
  }

  /// The extents the copies touch, widened, joined, in order of address; as many as fit.
  Result<Bytes> zstd_old(const std::vector<CopyOp>& ops, ByteView plain, std::size_t begin) const {
    constexpr std::size_t kWiden = 1024;
    struct Span {
      std::size_t from;
      std::size_t to;
    };
    std::vector<Span> spans;
    for (const auto& op : ops) {
      const auto at = static_cast<std::size_t>(op.old_at);
      spans.push_back({at - std::min(at, kWiden), std::min(base_.size(), at + op.length + kWiden)});
    }
    std::sort(spans.begin(), spans.end(), [](auto& a, auto& b) { return a.from < b.from; });
    std::vector<Span> joined;
    for (const auto& span : spans) {
      if (!joined.empty() && span.from <= joined.back().to) {
        joined.back().to = std::max(joined.back().to, span.to);
      } else {
        joined.push_back(span);
      }
    }
    Writer table;
    Bytes prefix;
    std::uint16_t count = 0;
    for (const auto& span : joined) {
      const auto room = kOldWindows * window_ - prefix.size();
      const auto length = std::min(span.to - span.from, room);
      if (length == 0 || count == kMaxExtents) break;
      ++count;
      table.u64_le(span.from);
      table.u32_le(static_cast<std::uint32_t>(length));
      const auto from = base_.begin() + static_cast<std::ptrdiff_t>(span.from);
      prefix.insert(prefix.end(), from, from + static_cast<std::ptrdiff_t>(length));
    }
    const auto before = previous(begin);
    prefix.insert(prefix.end(), before.begin(), before.end());
    PAWL_TRY(const auto packed, ZstdEncoder(options_.level).compress(plain, prefix));
    Writer out;
    out.u16_le(count);
    out.bytes(table.view());
    out.bytes(packed);
    return std::move(out).take();
  }

  const Bytes& base_;
  const Bytes& image_;
  BaseImage source_;
  const Matcher& matcher_;
  const ElfMap& elves_;
  BuildOptions options_;
  std::size_t window_;
  Bytes old_;
  Bytes history_;
  CopyAddCodec codec_;
};

/// Makes frames in batches by several threads, and writes them in order.
class DeltaBuilder {
 public:
  DeltaBuilder(const Bytes& base, const Bytes& image, Sink& container, const BuildOptions& options)
      : base_(base),
        image_(image),
        container_(container),
        options_(options),
        matcher_(base),
        elves_(image) {
    for (unsigned i = 0; i < options.threads; ++i) {
      makers_.push_back(std::make_unique<FrameMaker>(base, image, matcher_, elves_, options));
    }
  }

  Result<BuiltDelta> build(Progress& progress) {
    const auto window = std::size_t{1} << options_.window_log2;
    const auto count = (image_.size() - 1) / window + 1;
    for (std::size_t next = 0; next < count;) {
      std::vector<Job> jobs(std::min(count - next, kBatchPerThread * options_.threads));
      for (auto& job : jobs) job.window = next++;
      run(jobs, window);
      PAWL_CHECK(write(jobs));
      progress.update("delta", std::min<std::uint64_t>(next * window, image_.size()),
                      image_.size());
    }
    progress.finish();
    PAWL_TRY(auto index, Index::create({options_.window_log2, image_.size(), sha256(base_),
                                        std::move(records_)}));
    return BuiltDelta{{std::move(index), sha256(image_), hash_.finish()}, report_};
  }

 private:
  void run(std::vector<Job>& jobs, std::size_t window) {
    std::atomic<std::size_t> next = 0;
    const auto work = [&](FrameMaker& maker) {
      for (auto i = next++; i < jobs.size(); i = next++) {
        auto& job = jobs[i];
        const auto begin = job.window * window;
        job.record.plain =
            blake2b(ByteView(image_).subspan(begin, std::min(window, image_.size() - begin)));
        job.frame = maker.make(job.window);
      }
    };
    std::vector<std::jthread> threads;
    for (auto& maker : makers_) threads.emplace_back([&] { work(*maker); });
  }

  Status write(std::vector<Job>& jobs) {
    for (auto& job : jobs) {
      PAWL_TRY(const auto frame, std::move(job.frame));
      PAWL_CHECK(container_.append(frame.bytes));
      hash_.update(frame.bytes);
      job.record.kind = frame.kind;
      job.record.frame = blake2b(frame.bytes);
      job.record.frame_length = static_cast<std::uint32_t>(frame.bytes.size());
      records_.push_back(job.record);
      const auto kind = static_cast<std::size_t>(frame.kind);
      ++report_.windows[kind];
      report_.bytes[kind] += frame.bytes.size();
    }
    return Ok{};
  }

  const Bytes& base_;
  const Bytes& image_;
  Sink& container_;
  BuildOptions options_;
  Matcher matcher_;
  ElfMap elves_;
  std::vector<std::unique_ptr<FrameMaker>> makers_;
  std::vector<Record> records_;
  Sha256 hash_;
  DeltaReport report_;
};

}  // namespace

Result<BuiltDelta> build_delta(const Bytes& base, const Bytes& image, Sink& container,
                               const BuildOptions& options, Progress& progress) {
  PAWL_CHECK(check_build(options, image.size()));
  if (base.empty()) return fail(Errc::kUsage, "the base image is empty");
  if (base.size() > kMaxBase) {
    return fail(Errc::kTooLarge,
                "a base image of " + std::to_string(base.size()) + " bytes is over 4 GiB");
  }
  return DeltaBuilder(base, image, container, options).build(progress);
}

}  // namespace pawl::payload
