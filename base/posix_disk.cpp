#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/disk.hpp"
#include "base/handle.hpp"

namespace pawl {
namespace {

Error io_error(const char* call, const std::string& path, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  auto error = fail(full ? Errc::kNoSpace : Errc::kIo,
                    path + ": " + call + ": " + std::generic_category().message(number), number);
  if (full) return std::move(error).with_hint("free some space on this file system and try again");
  if (number == EROFS) return std::move(error).with_hint("the file system is mounted read-only");
  return error;
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  PosixFile(PosixFile&&) = delete;
  PosixFile& operator=(PosixFile&&) = delete;
  ~PosixFile() override { (void)::close(fd_); }

  Result<std::size_t> read_at(std::span<std::uint8_t> out, std::uint64_t offset) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto n =
          ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return io_error("read", path_, errno);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Status write_at(ByteView bytes, std::uint64_t offset) override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const auto n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done,
                              static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return io_error("write", path_, errno);
      done += static_cast<std::size_t>(n);
    }
    return Ok{};
  }

  Status sync() override {
    if (::fsync(fd_) != 0) return io_error("fsync", path_, errno);
    return Ok{};
  }

  Status drop_cache() override {
    const int number = ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
    if (number != 0) return io_error("fadvise", path_, number);
    return Ok{};
  }

  Result<std::uint64_t> size() override {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return io_error("stat", path_, errno);
    if (!S_ISBLK(info.st_mode)) return static_cast<std::uint64_t>(info.st_size);
    std::uint64_t bytes = 0;
    if (::ioctl(fd_, BLKGETSIZE64, &bytes) != 0) return io_error("size", path_, errno);
    return bytes;
  }

 private:
  int fd_;
  std::string path_;
};

class PosixLock final : public DiskLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;
  PosixLock(PosixLock&&) = delete;
  PosixLock& operator=(PosixLock&&) = delete;
  ~PosixLock() override { (void)::close(fd_); }

 private:
  int fd_;
};

using DirectoryPtr = Handle<DIR, &::closedir>;

}  // namespace

Result<std::unique_ptr<File>> PosixDisk::open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC | O_RDONLY;
  if (mode == OpenMode::kReadWrite) flags = O_CLOEXEC | O_RDWR;
  const bool is_public = mode == OpenMode::kCreatePublic;
  if (mode == OpenMode::kCreate || is_public) flags = O_CLOEXEC | O_RDWR | O_CREAT | O_TRUNC;
  const int fd = ::open(path.c_str(), flags, is_public ? 0644 : 0600);
  if (fd < 0) return io_error("open", path, errno);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path));
}

Status PosixDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return io_error("rename", to, errno);
  return Ok{};
}

Status PosixDisk::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("remove", path, errno);
  return Ok{};
}

Status PosixDisk::make_directory(const std::string& path, Visibility visibility) {
  const mode_t mode = visibility == Visibility::kPublic ? 0755 : 0700;
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return io_error("mkdir", path, errno);
  return Ok{};
}

Status PosixDisk::sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error("open", path, errno);
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  (void)::close(fd);
  if (failed != 0) return io_error("fsync", path, failed);
  return Ok{};
}

Result<std::vector<std::string>> PosixDisk::list(const std::string& path) {
  const DirectoryPtr directory(::opendir(path.c_str()));
  if (!directory) return io_error("list", path, errno);
  std::vector<std::string> names;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this stream belongs to this call alone
  while (const auto* entry = ::readdir(directory.get())) {
    const std::string name(&entry->d_name[0]);
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<bool> PosixDisk::exists(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return io_error("stat", path, errno);
}

Result<std::uint64_t> PosixDisk::free_bytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return io_error("statvfs", path, errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<std::unique_ptr<DiskLock>> PosixDisk::lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("open", path, errno);
  auto held = std::make_unique<PosixLock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return std::unique_ptr<DiskLock>(std::move(held));
  if (errno != EWOULDBLOCK) return io_error("lock", path, errno);
  return fail(Errc::kBusy, path + " is locked by another process")
      .with_hint("wait until the other command has finished");
}

}  // namespace pawl
