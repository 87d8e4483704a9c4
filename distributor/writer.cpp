#include "distributor/writer.hpp"

#include "base/bytes.hpp"

namespace pawl::distributor {

Writer::Writer(Store store, std::function<void()> failed)
    : store_(std::move(store)), failed_(std::move(failed)), thread_([this] { run(); }) {}

Writer::~Writer() {
  static_cast<void>(finish());
}

bool Writer::has_room() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() < kMaxWaiting;
}

void Writer::submit(Change change) {
  push({std::move(change), std::nullopt});
}

void Writer::submit(Change change, http::Reply reply, http::Response answer) {
  push({std::move(change), Answer{std::move(reply), std::move(answer)}});
}

void Writer::push(Job job) {
  std::vector<Job> late;
  {
    const std::lock_guard lock(mutex_);
    auto& queue = error_ ? late : waiting_;
    queue.push_back(std::move(job));
  }
  refuse(late);
  wake_.notify_one();
}

Status Writer::finish() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (error_) return fail(error_->code(), error_->what(), error_->raw());
  return Ok{};
}

Writer::Figures Writer::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

void Writer::run() {
  while (true) {
    std::vector<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return done_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      jobs.swap(waiting_);
      if (error_) return refuse(jobs);
    }
    commit(jobs);
  }
}

void Writer::commit(std::vector<Job>& jobs) {
  std::vector<const Change*> changes;
  changes.reserve(jobs.size());
  for (const auto& job : jobs) changes.push_back(&job.change);
  auto status = store_.commit(changes);
  if (status) {
    {
      const std::lock_guard lock(mutex_);
      ++figures_.commits;
      figures_.changes += jobs.size();
    }
    for (auto& job : jobs) {
      if (job.answer) job.answer->reply.send(std::move(job.answer->response));
    }
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    error_ = std::move(status).error();
  }
  refuse(jobs);
  failed_();
}

void Writer::refuse(std::vector<Job>& jobs) {
  for (auto& job : jobs) {
    if (!job.answer) continue;
    job.answer->reply.send(
        http::refusal(503, fail(Errc::kIo, "the distributor's database cannot be written")));
  }
}

}  // namespace pawl::distributor
