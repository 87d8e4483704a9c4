#pragma once
#include "sealing/records.hpp"
#include "updater/record_guard.hpp"

namespace pawl::updater {

/// Shows what lies there, whoever wrote it. Nothing may be decided by it.
class UnverifiedRecords final : public RecordGuard {
 public:
  Result<Bytes> protect(std::string_view, ByteView) override {
    return fail(Errc::kInternal, "an unverified record is never written");
  }
  Result<std::optional<Bytes>> accept(std::string_view, std::optional<Bytes> file) override {
    if (!file) return std::optional<Bytes>();
    const auto payload = sealing::unverified_payload(*file);
    return std::optional(Bytes(payload.begin(), payload.end()));
  }
};

}  // namespace pawl::updater
