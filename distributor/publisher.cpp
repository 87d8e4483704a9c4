#include "distributor/publisher.hpp"

#include "base/json.hpp"

namespace pawl::distributor {
namespace {

http::Response refused(const Error& why) {
  const bool ours = why.code() == Errc::kIo || why.code() == Errc::kNoSpace;
  return http::refusal(ours ? 500 : 409, why);
}

http::Response no_plan() {
  return http::refusal(409, fail(Errc::kUsage, "no publication was planned"));
}

}  // namespace

Publisher::Publisher(Place place, std::function<void()> done)
    : place_(std::move(place)), done_(std::move(done)), thread_([this] { run(); }) {}

Publisher::~Publisher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Publisher::plan(std::vector<RepositoryFile> files, http::Reply reply) {
  push({Plan{std::move(files)}, std::move(reply)});
}

void Publisher::append(const Sha256Digest& file, std::uint64_t offset, std::string bytes,
                       http::Reply reply) {
  push({Piece{file, offset, std::move(bytes)}, std::move(reply)});
}

void Publisher::finish(AuditEntry entry, http::Reply reply) {
  push({Finish{std::move(entry)}, std::move(reply)});
}

std::optional<Publisher::Done> Publisher::take() {
  const std::lock_guard lock(mutex_);
  if (finished_.empty()) return std::nullopt;
  std::optional<Done> out(std::move(finished_.front()));
  finished_.pop_front();
  return out;
}

void Publisher::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Publisher::run() {
  while (true) {
    std::optional<Job> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job.emplace(std::move(jobs_.front()));
      jobs_.pop_front();
    }
    carry_out(*std::move(job));
  }
}

void Publisher::carry_out(Job job) {
  if (auto* plan = std::get_if<Plan>(&job.what)) return job.reply.send(plan_now(*plan));
  if (auto* piece = std::get_if<Piece>(&job.what)) return job.reply.send(append_now(*piece));
  finish_now(std::move(std::get<Finish>(job.what)), std::move(job.reply));
}

http::Response Publisher::plan_now(Plan& plan) {
  current_.reset();  // and its lock
  auto begun = Publication::begin(place_.disk, place_.clock, place_.folder, std::move(plan.files));
  if (!begun) return refused(begun.error());
  json::Array missing;
  for (const auto& file : begun->missing()) missing.emplace_back(file.path);
  current_.emplace(*std::move(begun));
  json::Object out;
  out.set("missing", std::move(missing));
  return http::json_answer(json::write(out));
}

http::Response Publisher::append_now(const Piece& piece) {
  if (!current_) return no_plan();
  const auto done = current_->append(piece.file, piece.offset, as_bytes(piece.bytes));
  return done ? http::json_answer("{}") : refused(done.error());
}

void Publisher::finish_now(Finish finish, http::Reply reply) {
  if (!current_) return reply.send(no_plan());
  auto catalog = current_->finish();
  if (!catalog) return reply.send(refused(catalog.error()));
  current_.reset();
  finish.entry.detail = "timestamp " + std::to_string(catalog->timestamp.get());
  {
    const std::lock_guard lock(mutex_);
    finished_.push_back({*std::move(catalog), std::move(finish.entry), std::move(reply)});
  }
  done_();
}

}  // namespace pawl::distributor
