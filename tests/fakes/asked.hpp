#pragma once
#include <future>

#include "http/http.hpp"

namespace pawl::fakes {

/// Keeps the answer of one request.
class Asked final : public http::Waiter {
 public:
  void deliver(http::Response response) override { answer_.set_value(std::move(response)); }
  http::Response response() { return answer_.get_future().get(); }
  unsigned status() { return response().status; }

 private:
  std::promise<http::Response> answer_;
};

}  // namespace pawl::fakes
