#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pawl::fakes {

inline constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

/// A real SoftHSM with its own empty token store, for the life of one test. Sets SOFTHSM2_CONF.
class SoftHsm {
 public:
  SoftHsm() {
    std::string name = (std::filesystem::temp_directory_path() / "pawl-softhsm-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
    std::filesystem::create_directory(root_ / "tokens");
    std::ofstream(root_ / "softhsm2.conf")
        << "directories.tokendir = " << tokens().string() << "\nlog.level = ERROR\n";
    ::setenv("SOFTHSM2_CONF", (root_ / "softhsm2.conf").c_str(), 1);
    // Kept mapped: LeakSanitizer cannot name the module's own small leaks after it is unmapped.
    (void)::dlopen(kSoftHsm, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  }
  SoftHsm(const SoftHsm&) = delete;
  SoftHsm& operator=(const SoftHsm&) = delete;
  ~SoftHsm() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  [[nodiscard]] static bool present() { return std::filesystem::exists(kSoftHsm); }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] std::filesystem::path tokens() const { return root_ / "tokens"; }

  /// The user PIN is `user`, the security officer's `officer`; outside of our own code.
  void add_token(const std::string& label, const std::string& user = "1234") const {
    run({"softhsm2-util", "--init-token", "--free", "--label", label, "--pin", user, "--so-pin",
         "officer1"});
  }
  void import_seed_key(const std::string& pem, const std::string& token, const std::string& label,
                       const std::string& id) const {
    run({"softhsm2-util", "--import", pem, "--token", token, "--label", label, "--id", id,
         "--force", "--pin", "1234"});
  }
  /// A file of mode 0600 with this content.
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    const auto path = root_ / name;
    std::ofstream(path) << content;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    return path.string();
  }
  /// Runs a program without its output; ends the test program when it fails.
  static void run(const std::vector<std::string>& command) {
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (null < 0 || ::dup2(null, STDOUT_FILENO) < 0 || ::dup2(null, STDERR_FILENO) < 0) {
        ::_exit(126);
      }
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) std::abort();
  }

 private:
  std::filesystem::path root_;
};

}  // namespace pawl::fakes
