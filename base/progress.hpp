#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace pawl {

/// Tells a person or a program how far a long job is. Bytes done never go down within a stage.
class Progress {
 public:
  virtual ~Progress() = default;
  /// @param stage  short name of the work, e.g. "install rootfs"; a new name starts a new stage
  /// @param total  bytes of the whole stage; 0 when unknown
  virtual void update(std::string_view stage, std::uint64_t done, std::uint64_t total) = 0;
  virtual void finish() = 0;  // ends the running stage
};

class NoProgress final : public Progress {
 public:
  void update(std::string_view, std::uint64_t, std::uint64_t) override {}
  void finish() override {}
};

/// A bar with bytes, rate and time left, redrawn in place at most ten times a second.
class TerminalProgress final : public Progress {
 public:
  TerminalProgress(std::ostream& out, Clock& clock) : out_(out), clock_(clock) {}
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override;
  void finish() override;

 private:
  void draw(std::chrono::steady_clock::time_point now);
  std::ostream& out_;
  Clock& clock_;
  std::string stage_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point drawn_;
};

/// One JSON object per line: {"done":1048576,"event":"progress","schema":1,"stage":"…","total":…}.
/// At most ten lines a second, the first and last of a stage always.
class JsonProgress final : public Progress {
 public:
  JsonProgress(std::ostream& out, Clock& clock) : out_(out), clock_(clock) {}
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override;
  void finish() override;

 private:
  void print(std::chrono::steady_clock::time_point now);
  std::ostream& out_;
  Clock& clock_;
  std::string stage_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::chrono::steady_clock::time_point printed_;
};

/// "12.3 MB"; decimal units.
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace pawl
