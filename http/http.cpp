#include "http/http.hpp"

#include "base/json.hpp"

namespace pawl::http {

Response refusal(unsigned status, const Error& why) {
  json::Object body;
  body.set("code", std::int64_t{static_cast<std::uint8_t>(why.code())});
  body.set("reason", why.what());
  auto out = json_answer(json::write(body));
  out.status = status;
  return out;
}

Response json_answer(std::string body) {
  Response out;
  out.fields = "Content-Type: application/json\r\n";
  out.body = std::move(body);
  return out;
}

Reply::~Reply() {
  if (waiter_ == nullptr) return;
  waiter_->deliver(refusal(500, fail(Errc::kInternal, "the request was not answered")));
}

void Reply::send(Response response) {
  PAWL_ASSERT(waiter_ != nullptr);
  std::exchange(waiter_, nullptr)->deliver(std::move(response));
}

}  // namespace pawl::http
