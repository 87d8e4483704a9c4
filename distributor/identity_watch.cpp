#include "distributor/identity_watch.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace pawl::distributor {
namespace {

using identity::Identity;
using identity::WorkloadStream;
constexpr std::chrono::seconds kFirstIdentity{30};

Identity identity_of(identity::WorkloadUpdate update) {
  return {std::move(update.svids.front()), std::move(update.bundles)};
}

}  // namespace

Signals::Signals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  fd_ = ::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
  PAWL_ASSERT(fd_ >= 0);
}

Signals::~Signals() {
  ::close(fd_);
}

int Signals::take() const {
  signalfd_siginfo info{};
  if (::read(fd_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return 0;
  return static_cast<int>(info.ssi_signo);
}

Result<Identity> IdentityReader::load() {
  if (source_.kind == IdentitySource::Kind::kFiles) {
    return identity::load_identity(disk_, identity::svid_files_in(source_.place));
  }
  PAWL_TRY(auto stream, WorkloadStream::open(source_.place));
  PAWL_TRY(auto update, stream.next(kFirstIdentity));
  stream_.emplace(std::move(stream));
  return identity_of(std::move(update));
}

Result<std::optional<Identity>> IdentityReader::poll_stream() {
  auto update = stream_->advance();
  if (!update) {
    stream_.reset();
    return std::move(update).error();
  }
  if (!*update) return std::optional<Identity>();
  return std::optional(identity_of(*std::move(*update)));
}

void IdentityWatch::run() {
  while (!done_) {
    pollfd ready[] = {{signals_.fd(), POLLIN, 0}, {reader_.fd(), POLLIN, 0}};
    const int wait = reader_.is_broken() ? next_wait() : -1;
    const int count = ::poll(ready, 2, wait);
    if (count == 0) reload();
    if (count > 0 && ready[0].revents != 0) on_signal(signals_.take());
    if (count > 0 && ready[1].revents != 0) on_stream();
  }
}

int IdentityWatch::next_wait() {
  std::uint64_t random = 0;
  if (::getentropy(&random, sizeof(random)) != 0) random = 0;
  return static_cast<int>(identity::workload_backoff(++failures_, random).count());
}

void IdentityWatch::on_signal(int signal) {
  if (signal == SIGHUP) reload();
  if (signal == SIGTERM || signal == SIGINT) targets_.server.stop();
  done_ = done_ || signal == SIGUSR1;
}

void IdentityWatch::on_stream() {
  auto update = reader_.poll_stream();
  if (!update) return complain(update.error());
  if (*update) hand_over(**std::move(update));
}

void IdentityWatch::reload() {
  auto fresh = reader_.load();
  if (!fresh) return complain(fresh.error());
  hand_over(*std::move(fresh));
}

void IdentityWatch::complain(const Error& why) {
  targets_.server.post([&log = targets_.log, text = std::string(why.what())] {
    log.write(LogLevel::kError, "identity-reload-failed", {{"reason", text}});
  });
}

void IdentityWatch::hand_over(Identity fresh) {
  failures_ = 0;
  auto* raw = std::make_unique<Identity>(std::move(fresh)).release();
  targets_.server.post([this, raw] { use(std::unique_ptr<Identity>(raw)); });
}

// On the server's thread.
void IdentityWatch::use(std::unique_ptr<Identity> fresh) {
  auto status = targets_.trust.assign(std::move(fresh->bundles));
  for (auto* context : targets_.contexts) {
    if (status) status = context->use_svid(fresh->svid);
  }
  if (!status) {
    targets_.log.write(LogLevel::kError, "identity-reload-failed",
                       {{"reason", status.error().what()}});
    return;
  }
  targets_.log.write(
      LogLevel::kInfo, "identity-reloaded",
      {{"id", fresh->svid.id().uri()}, {"until", format_utc(fresh->svid.not_after())}});
}

}  // namespace pawl::distributor
