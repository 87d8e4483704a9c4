#include "payload/install.hpp"

#include <string>

namespace pawl::payload {
namespace {

Status check_target(const InstallJob& job, File& target) {
  if (job.target_size == TargetSize::kGrows) return Ok{};
  PAWL_TRY(const auto size, target.size());
  const auto needed = job.payload.index.image_size();
  if (size >= needed) return Ok{};
  return fail(Errc::kNoSpace, "the slot has " + std::to_string(size) + " bytes, the image needs " +
                                  std::to_string(needed));
}

bool same_image(const Index& a, const Index& b) {
  if (a.image_size() != b.image_size() || a.window_log2() != b.window_log2()) return false;
  for (std::size_t window = 0; window < a.count(); ++window) {
    if (a.record(window).plain != b.record(window).plain) return false;
  }
  return true;
}

Status check_job(const InstallJob& job) {
  if (job.payload.index.base_image() && job.base == nullptr) {
    return fail(Errc::kUsage, "the payload is a delta and no base image is open");
  }
  if (!job.repair) return Ok{};
  if (job.repair->index.base_image()) {
    return fail(Errc::kUsage, "the payload to repair from is a delta");
  }
  if (!same_image(job.payload.index, job.repair->index)) {
    return fail(Errc::kUsage, "the payload to repair from is of another image");
  }
  return Ok{};
}

/// Goes over the windows once, in order.
class Installer {
 public:
  Installer(const InstallJob& job, File& target)
      : job_(job),
        index_(job.payload.index),
        target_(target),
        decoder_(index_),
        scratch_(index_.window_size() + kFrameSlack) {}

  Result<InstallReport> run(Progress& progress) {
    for (std::size_t window = 0; window < index_.count(); ++window) {
      PAWL_TRY(const bool present, is_present(window));
      if (present) {
        ++report_.present;
      } else {
        PAWL_CHECK(make(window));
      }
      progress.update("install", index_.offset_of(window) + index_.length_of(window),
                      index_.image_size());
    }
    progress.finish();
    return report_;
  }

 private:
  Result<bool> is_present(std::size_t window) {
    const auto bytes = std::span(scratch_).first(index_.length_of(window));
    PAWL_TRY(const auto got, target_.read_at(bytes, index_.offset_of(window)));
    if (got != bytes.size() || !window_matches(bytes, index_.record(window))) return false;
    decoder_.set_previous(bytes);
    return true;
  }

  Status make(std::size_t window) {
    PAWL_TRY(const auto frame, fetch(job_.payload, window));
    PAWL_CHECK(check_frame(frame, index_.record(window), window));
    auto plain = decoder_.decode(index_, window, frame, job_.base);
    if (!plain && uses_base(index_.record(window).kind)) {
      plain = repair(window, std::move(plain).error());
    }
    PAWL_TRY(const auto verified, std::move(plain));
    PAWL_CHECK(target_.write_at(verified, index_.offset_of(window)));
    ++report_.written;
    decoder_.set_previous(verified);
    return Ok{};
  }

  /// The frame is the right one, so what failed is the base image (FORMAT 4.6).
  Result<ByteView> repair(std::size_t window, Error why) {
    if (!job_.repair) {
      why.prefix("the running slot is not the base image of this payload");
      return std::move(why).with_hint("install the full payload of this release");
    }
    PAWL_TRY(const auto frame, fetch(*job_.repair, window));
    PAWL_TRY(const auto plain, decoder_.decode(job_.repair->index, window, frame, nullptr));
    ++report_.repaired;
    if (!report_.first_repaired) report_.first_repaired = window;
    return plain;
  }

  Result<ByteView> fetch(const Payload& payload, std::size_t window) {
    const auto& record = payload.index.record(window);
    const auto frame = std::span(scratch_).first(record.frame_length);
    if (!frame.empty()) PAWL_CHECK(payload.frames.fetch(frame, record.frame_offset));
    report_.fetched += frame.size();
    return ByteView(frame);
  }

  const InstallJob& job_;
  const Index& index_;
  File& target_;
  WindowDecoder decoder_;
  Bytes scratch_;  // the window as it lies in the target, then its frame
  InstallReport report_;
};

}  // namespace

Result<InstallReport> install(const InstallJob& job, File& target, Progress& progress) {
  PAWL_CHECK(check_job(job));
  PAWL_CHECK(check_target(job, target));
  return Installer(job, target).run(progress);
}

Status verify_image(const Index& index, File& target, Progress& progress) {
  Bytes buffer(index.window_size());
  for (std::size_t window = 0; window < index.count(); ++window) {
    const auto bytes = std::span(buffer).first(index.length_of(window));
    PAWL_TRY(const auto got, target.read_at(bytes, index.offset_of(window)));
    if (got != bytes.size() || !window_matches(bytes, index.record(window))) {
      return fail(Errc::kHashMismatch,
                  "window " + std::to_string(window) + " does not read back as it was written");
    }
    progress.update("read back", index.offset_of(window) + bytes.size(), index.image_size());
  }
  progress.finish();
  return Ok{};
}

}  // namespace pawl::payload
