#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "distributor/store.hpp"
#include "http/http.hpp"

namespace pawl::distributor {

/// The one thread that writes the database. Whatever waits when a commit ends goes into the next
/// one together, so the disk is asked once for many.
///
/// An error of the database ends the writer: nothing is answered any more, because memory would be
/// ahead of what a restart finds.
class Writer {
 public:
  static constexpr std::size_t kMaxWaiting = 10000;
  struct Figures {
    std::uint64_t commits = 0;
    std::uint64_t changes = 0;
  };

  /// @param failed  called once, on the writer's thread
  Writer(Store store, std::function<void()> failed);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  Writer(Writer&&) = delete;
  Writer& operator=(Writer&&) = delete;
  ~Writer();

  /// Queues a change. The answer goes out when the change is durable. @return kBusy when more than
  /// kMaxWaiting wait: nothing was queued, and the caller still has the reply
  [[nodiscard]] bool has_room() const;
  void submit(Change change);
  void submit(Change change, http::Reply reply, http::Response answer);
  /// Commits what waits and ends the thread. @return the error that ended it earlier.
  Status finish();
  [[nodiscard]] Figures figures() const;

 private:
  struct Answer {
    http::Reply reply;
    http::Response response;
  };
  struct Job {
    Change change;
    std::optional<Answer> answer;
  };
  void push(Job job);
  void run();
  void commit(std::vector<Job>& jobs);
  static void refuse(std::vector<Job>& jobs);

  Store store_;
  std::function<void()> failed_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> waiting_;
  Figures figures_;
  std::optional<Error> error_;
  bool done_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace pawl::distributor
