#pragma once
#include <string>

#include "base/progress.hpp"

namespace pawl::signer {

/// Reports whatever stage is running under one name, e.g. that of a component.
class NamedProgress final : public Progress {
 public:
  NamedProgress(Progress& to, std::string stage) : to_(to), stage_(std::move(stage)) {}
  void update(std::string_view, std::uint64_t done, std::uint64_t total) override {
    to_.update(stage_, done, total);
  }
  void finish() override { to_.finish(); }

 private:
  Progress& to_;
  std::string stage_;
};

}  // namespace pawl::signer
