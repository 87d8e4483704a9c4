#include "http/client_answer.hpp"

#include <charconv>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace pawl::http {
namespace {

constexpr std::int64_t kWeek = 7 * 24 * 3600;

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number out = 0;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return out;
}

// "HTTP/1.1 206 Partial Content"
std::optional<unsigned> status_of(std::string_view line) {
  constexpr std::size_t kDigits = 3;
  if (!line.starts_with("HTTP/1.") || line.size() < 9 + kDigits || line[8] != ' ') {
    return std::nullopt;
  }
  const auto status = number_of<unsigned>(line.substr(9, kDigits));
  return status && *status >= 100 ? status : std::nullopt;
}

std::string range_text(const ClientRange& range) {
  return "bytes " + std::to_string(range.first) + "-" +
         std::to_string(range.first + range.length - 1) + "/" + std::to_string(range.file_size);
}

// The server's own words, when it speaks as FORMAT 12.1.4 says.
std::string reason_of(const ClientResponse& response) {
  const auto value = json::parse(response.body, {});
  const auto* object = value ? value->object() : nullptr;
  const auto* reason = object == nullptr ? nullptr : object->find("reason");
  if (reason == nullptr || reason->string() == nullptr || reason->string()->empty()) return "";
  return ": " + printable(*reason->string());
}

}  // namespace

Status Answer::header(std::string_view line) {
  fields_ += line.size();
  if (fields_ > limits_.fields) {
    return fail(Errc::kTooLarge,
                "the header of the answer is over " + std::to_string(limits_.fields) + " bytes")
        .with_hint("this is not a Pawl server, or it is broken");
  }
  if (line.starts_with("HTTP/")) {
    const auto status = status_of(line);
    if (!status) return fail(Errc::kMalformed, "not an HTTP/1.1 answer");
    response_ = {};
    response_.status = *status;
    content_range_.reset();
    return Ok{};
  }
  header_ended_ = line == "\r\n" || line == "\n";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return Ok{};
  return field(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
}

Status Answer::field(std::string_view name, std::string_view value) {
  if (name == "etag") response_.etag = value;
  if (name == "retry-after") {
    const auto seconds = number_of<std::int64_t>(value);
    if (seconds && *seconds >= 0) response_.retry_after = Seconds(std::min(*seconds, kWeek));
  }
  if (name == "content-range") {
    if (content_range_) return fail(Errc::kMalformed, "the answer has two Content-Range fields");
    content_range_ = value;
  }
  return Ok{};
}

Status Answer::check_part() const {
  if (!request_.range) {
    if (response_.status != 206) return Ok{};
    return fail(Errc::kMalformed, "the server sent a part, the whole was asked for");
  }
  const auto wanted = range_text(*request_.range);
  if (response_.status != 206) {
    return fail(Errc::kMalformed, "the server sent the whole file, " + wanted + " was asked for")
        .with_hint("the server or a proxy does not know byte ranges");
  }
  if (content_range_ && *content_range_ == wanted) return Ok{};
  return fail(Errc::kMalformed, "the server sent " + printable(content_range_.value_or("nothing")) +
                                    " as the range, " + wanted + " was asked for");
}

Status Answer::body(ByteView bytes) {
  const bool first = taken_ == 0;
  taken_ += bytes.size();
  if (!is_good()) {
    if (taken_ <= limits_.problem) response_.body += as_text(bytes);
    if (taken_ <= limits_.problem) return Ok{};
    return fail(Errc::kTooLarge, "HTTP status " + std::to_string(response_.status) +
                                     " with a body over " + std::to_string(limits_.problem) +
                                     " bytes");
  }
  if (first) PAWL_CHECK(check_part());
  const auto most = request_.range ? request_.range->length : request_.limit;
  if (taken_ > most) {
    return fail(Errc::kTooLarge, "the answer is over " + std::to_string(most) + " bytes");
  }
  if (sink_ != nullptr) return sink_->take(bytes);
  response_.body += as_text(bytes);
  return Ok{};
}

Result<ClientResponse> Answer::finish() {
  if (!header_ended_) {
    return fail(Errc::kTransport, "the server ended the connection before its answer");
  }
  if (response_.status / 100 == 3 && response_.status != 304) {
    return fail(Errc::kRefusedByServer, "the server answered with a redirect (HTTP status " +
                                            std::to_string(response_.status) + ")")
        .with_hint("redirects are never followed: name the final address as the server");
  }
  if (!is_good()) return std::move(response_);
  if (taken_ == 0) PAWL_CHECK(check_part());
  if (request_.range && taken_ != request_.range->length) {
    return fail(Errc::kTransport, "the answer ended after " + std::to_string(taken_) + " of " +
                                      std::to_string(request_.range->length) + " bytes");
  }
  return std::move(response_);
}

Error answer_error(const ClientResponse& response, const std::string& what) {
  const auto status = response.status;
  const auto text = what + ": HTTP status " + std::to_string(status) + reason_of(response);
  if (status == 404) {
    return fail(Errc::kTransport, text, status).with_hint("the server does not have it");
  }
  if (status >= 500 || status == 429 || status == 408) {
    return fail(Errc::kTransport, text, status).with_hint("the server is in trouble; try later");
  }
  return fail(Errc::kRefusedByServer, text, status)
      .with_hint("ask the operator of the server whether this device is admitted");
}

}  // namespace pawl::http
