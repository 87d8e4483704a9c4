#include "hsm/secret_file.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pawl::hsm {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) (void)::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Error file_error(const std::string& path, int number) {
  auto error = fail(Errc::kIo, path + ": " + std::generic_category().message(number), number);
  if (number == ELOOP) return std::move(error).with_hint("symbolic links are not followed");
  return error;
}

Status check_rule(const std::string& path, const struct stat& st, FileRule rule) {
  if (!S_ISREG(st.st_mode)) return fail(Errc::kConfig, path + ": not a regular file");
  const bool mine = st.st_uid == ::geteuid();
  const bool root = st.st_uid == 0 && rule == FileRule::kCredential;
  if (!mine && !root) {
    return fail(Errc::kConfig, path + ": owned by user " + std::to_string(st.st_uid))
        .with_hint("chown it to the user who signs");
  }
  const mode_t forbidden = rule == FileRule::kPrivate ? 0077U : 0022U;
  if ((st.st_mode & forbidden) != 0) {
    return fail(Errc::kConfig, path + ": others may read or write this secret")
        .with_hint("chmod 600 " + path);
  }
  return Ok{};
}

}  // namespace

Result<SecretBytes> read_secret_file(const std::string& path, std::size_t limit, FileRule rule) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) return file_error(path, errno);
  struct stat st = {};
  if (::fstat(file.get(), &st) != 0) return file_error(path, errno);
  PAWL_CHECK(check_rule(path, st, rule));
  PAWL_TRY(auto out, SecretBytes::allocate(limit + 1));
  std::size_t done = 0;
  while (done < out.size()) {
    const auto n = ::read(file.get(), out.mutable_span().data() + done, out.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error(path, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (done > limit) {
    return fail(Errc::kTooLarge, path + ": over " + std::to_string(limit) + " bytes");
  }
  out.truncate(done);
  return out;
}

Result<SecretBytes> read_secret_line(int fd, std::size_t limit) {
  PAWL_TRY(auto out, SecretBytes::allocate(limit + 1));
  std::size_t done = 0;
  for (;;) {
    const auto n = ::read(fd, out.mutable_span().data() + done, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("file descriptor " + std::to_string(fd), errno);
    if (n == 0 || out.span()[done] == '\n') break;
    if (++done > limit) {
      return fail(Errc::kTooLarge, "secret has over " + std::to_string(limit) + " bytes");
    }
  }
  out.truncate(done);
  return out;
}

}  // namespace pawl::hsm
