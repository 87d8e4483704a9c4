#include "base/progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json.hpp"

namespace pawl {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::size_t kBarWidth = 30;

std::string bar(std::uint64_t done, std::uint64_t total) {
  const auto filled =
      total == 0 ? 0 : static_cast<std::size_t>(std::min(done, total) * kBarWidth / total);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

}  // namespace

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int n = std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value,
                              kUnits[unit]);
  return {text.data(), static_cast<std::size_t>(n)};
}

void TerminalProgress::update(std::string_view stage, std::uint64_t done, std::uint64_t total) {
  const auto now = clock_.steady();
  const bool fresh = stage != stage_;
  if (fresh) {
    finish();
    stage_ = stage;
    started_ = now;
  }
  done_ = done;
  total_ = total;
  if (fresh || now - drawn_ >= kRedraw) draw(now);
}

void TerminalProgress::draw(std::chrono::steady_clock::time_point now) {
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  out_ << '\r' << stage_ << ' ' << bar(done_, total_) << ' ' << format_size(done_);
  if (total_ != 0) out_ << " of " << format_size(total_);
  if (rate > 0) {
    out_ << ", " << format_size(static_cast<std::uint64_t>(rate)) << "/s";
    const auto left = total_ > done_ ? static_cast<double>(total_ - done_) / rate : 0;
    if (total_ > done_) out_ << ", " << format_duration(Seconds(static_cast<int>(left))) << " left";
  }
  out_ << "\x1b[K" << std::flush;
}

void TerminalProgress::finish() {
  if (stage_.empty()) return;
  draw(clock_.steady());
  out_ << '\n';
  stage_.clear();
}

void JsonProgress::update(std::string_view stage, std::uint64_t done, std::uint64_t total) {
  const auto now = clock_.steady();
  const bool fresh = stage != stage_;
  if (fresh) {
    finish();
    stage_ = stage;
  }
  done_ = done;
  total_ = total;
  if (fresh || now - printed_ >= kRedraw) print(now);
}

void JsonProgress::print(std::chrono::steady_clock::time_point now) {
  printed_ = now;
  json::Object line;
  line.set("schema", 1);
  line.set("event", "progress");
  line.set("stage", stage_);
  line.set("done", static_cast<std::int64_t>(done_));
  line.set("total", static_cast<std::int64_t>(total_));
  out_ << json::write(line) << '\n' << std::flush;
}

void JsonProgress::finish() {
  if (stage_.empty()) return;
  print(clock_.steady());
  stage_.clear();
}

}  // namespace pawl
