#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace pawl::http {

/// Reads one answer as it comes: header lines first, then the body. Every limit and every rule
/// about what an answer may be is here; the library only moves bytes.
class Answer {
 public:
  /// `request` and `sink` outlive it. @param sink  null: the body is kept
  Answer(const ClientRequest& request, const ClientLimits& limits, BodySink* sink)
      : request_(request), limits_(limits), sink_(sink) {}
  /// One header line with its CR LF, or the empty line.
  Status header(std::string_view line);
  Status body(ByteView bytes);
  /// The transfer ended as HTTP says it should.
  Result<ClientResponse> finish();
  [[nodiscard]] unsigned status() const { return response_.status; }

 private:
  [[nodiscard]] Status field(std::string_view name, std::string_view value);
  [[nodiscard]] Status check_part() const;
  [[nodiscard]] bool is_good() const { return response_.status / 100 == 2; }

  const ClientRequest& request_;
  const ClientLimits& limits_;
  BodySink* sink_;
  ClientResponse response_;
  std::optional<std::string> content_range_;
  std::size_t fields_ = 0;
  bool header_ended_ = false;
  std::uint64_t taken_ = 0;
};

}  // namespace pawl::http
