#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "distributor/publication.hpp"
#include "distributor/store.hpp"
#include "http/http.hpp"

namespace pawl::distributor {

/// Receives one publication at a time, on a thread of its own: hashing and syncing large files
/// must not hold up the devices. A new plan ends the publication before it.
class Publisher {
 public:
  /// A repository that became current; whoever takes it answers.
  struct Done {
    Catalog catalog;
    AuditEntry entry;
    http::Reply reply;
  };
  struct Place {
    Disk& disk;  // outlives the publisher, as does the clock
    Clock& clock;
    std::string folder;
  };
  /// @param done  called on the publisher's thread when take() has something
  Publisher(Place place, std::function<void()> done);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  Publisher(Publisher&&) = delete;
  Publisher& operator=(Publisher&&) = delete;
  ~Publisher();

  /// Answers {"missing":[paths]}.
  void plan(std::vector<RepositoryFile> files, http::Reply reply);
  /// Answers {} when the bytes are written.
  void append(const Sha256Digest& file, std::uint64_t offset, std::string bytes, http::Reply reply);
  void finish(AuditEntry entry, http::Reply reply);
  [[nodiscard]] std::optional<Done> take();

 private:
  struct Plan {
    std::vector<RepositoryFile> files;
  };
  struct Piece {
    Sha256Digest file;
    std::uint64_t offset;
    std::string bytes;
  };
  struct Finish {
    AuditEntry entry;
  };
  struct Job {
    std::variant<Plan, Piece, Finish> what;
    http::Reply reply;
  };
  void push(Job job);
  void run();
  void carry_out(Job job);
  http::Response plan_now(Plan& plan);
  http::Response append_now(const Piece& piece);
  void finish_now(Finish finish, http::Reply reply);

  Place place_;
  std::function<void()> done_;
  std::optional<Publication> current_;  // of the thread alone
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::deque<Done> finished_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace pawl::distributor
