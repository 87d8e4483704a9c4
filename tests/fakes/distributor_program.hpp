#pragma once
#include <csignal>
#include <cstdio>
#include <map>
#include <string>

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/disk.hpp"
#include "base/json.hpp"
#include "fakes/child.hpp"
#include "fakes/http_device.hpp"
#include "fakes/repo_simulator.hpp"
#include "fakes/temporary_folder.hpp"
#include "identity/jwks.hpp"

/// `pawl-distributor` as a child process, with its configuration, SVIDs and repository.
namespace pawl::fakes {

inline UtcTime real_now() {
  return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
}

/// Certificates of the program under test are judged by its own clock.
inline Issued issue_today(const CertSpec& spec, const Issued* issuer) {
  auto today = spec;
  if (today.until == CertSpec{}.until) today.until = Seconds{86400};
  return issue(today, issuer, real_now());
}

inline void write_identity(Disk& disk, const std::string& folder, const Issued& leaf,
                           const Issued& root) {
  const auto bundle = identity::write_bundle(bundle_of("example.org", {&root}));
  REQUIRE(bundle);
  REQUIRE(make_directories(disk, folder));
  REQUIRE(replace_file(disk, folder + "/key.pem", as_bytes(key_pem_of(leaf))));
  REQUIRE(replace_file(disk, folder + "/svid.pem", as_bytes(pem_of(leaf))));
  REQUIRE(replace_file(disk, folder + "/bundle.json", as_bytes(*bundle)));
}

/// A running `pawl-distributor serve`.
class ServeProcess {
 public:
  /// @param open_files  hard limit of open files; 0 for that of the test
  explicit ServeProcess(const std::string& config, rlim_t open_files = 0) {
    int out[2];
    int err[2];
    REQUIRE(::pipe(out) == 0);
    REQUIRE(::pipe(err) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(out[1], 1);
      ::dup2(err[1], 2);
      for (const int fd : {out[0], out[1], err[0], err[1]}) ::close(fd);
      const rlimit limit{open_files, open_files};
      if (open_files != 0) ::setrlimit(RLIMIT_NOFILE, &limit);
      ::execl(PAWL_BINARY_DIR "/bin/pawl-distributor", "pawl-distributor", "serve", "--config",
              config.c_str(), "--json", "--log", "info", nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_.reset(::fdopen(out[0], "r"));
    err_.reset(::fdopen(err[0], "r"));
    const auto line = read_line(*out_);
    INFO(line);
    auto value = json::parse(line, {});
    REQUIRE(value);
    announced_ = *value->object();
  }
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;
  ServeProcess(ServeProcess&&) = delete;
  ServeProcess& operator=(ServeProcess&&) = delete;
  ~ServeProcess() {
    if (child_ > 0) ::kill(child_, SIGKILL);
    finish();
  }

  [[nodiscard]] std::uint16_t port(std::string_view name = "port") const {
    return static_cast<std::uint16_t>(*announced_.find(name)->integer());
  }
  void signal(int number) const { ::kill(child_, number); }
  /// Reads the log up to the first line with `event`.
  std::string wait_for(const std::string& event) {
    while (true) {
      auto line = read_line(*err_);
      if (line.empty() || line.find(event) != std::string::npos) return line;
    }
  }
  /// The wait status.
  int finish() {
    int status = -1;
    if (child_ > 0) ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }
  [[nodiscard]] pid_t pid() const { return child_; }

 private:
  using Stream = Handle<std::FILE, &std::fclose>;
  static std::string read_line(std::FILE& stream) {
    char text[4096] = {};
    return std::fgets(text, sizeof(text), &stream) == nullptr ? "" : text;
  }
  pid_t child_ = -1;
  Stream out_;
  Stream err_;
  json::Object announced_;
};

/// Everything one distributor needs, in a folder.
class DistributorHome {
 public:
  DistributorHome() {
    std::signal(SIGPIPE, SIG_IGN);
    write_identity(disk, folder.file("own"), server, root);
    write_identity(disk, folder.file("ann"), admin, root);
    REQUIRE(make_directories(disk, folder.file("repository")));
    repository.now = real_now() - Seconds(60);
    repository.root.header.expires = real_now() + Seconds(86400 * 365);
    repository.publish_root();
    repository.repository = manifest::Root::repository_id(repository.root.serialise());
    repository.publish();
    write_config("");
  }
  /// Peers without certificate may have root files.
  void public_roots() { write_config("", "public_roots = true\n"); }
  /// `more` goes below the usual keys, `device` among those of the device listener.
  void write_config(const std::string& more, const std::string& device = "") {
    const auto text =
        "[device]\nlisten = \"127.0.0.1:0\"\npoll = 60\n" + device +
        "[identity]\nsource = \"files\"\nfolder = \"" + folder.file("own") +
        "\"\n[repository]\npath = \"" + folder.file("repository") + "\"\n[store]\npath = \"" +
        folder.file("d.db") + "\"\n[admin]\nlisten = \"127.0.0.1:0\"\nsocket = \"" +
        folder.file("admin.sock") +
        "\"\nids = [\"spiffe://example.org/admin/ann\"]\n"
        "[metrics]\nlisten = \"127.0.0.1:0\"\n"
        "[admit.line]\ntrust_domain = \"example.org\"\nid = \"/device/*\"\nproduct = \"gw3\"\n" +
        more;
    REQUIRE(replace_file(disk, config(), as_bytes(text)));
  }
  [[nodiscard]] std::string config() const { return folder.file("distributor.toml"); }
  /// What the signer would leave, in a directory of its own.
  std::string write_repository() {
    const auto to = folder.file("signed");
    const auto put = [&](const std::string& name, const Bytes& bytes) {
      REQUIRE(make_directories(disk, parent_of(to + "/" + name)));
      REQUIRE(replace_file(disk, to + "/" + name, bytes));
    };
    for (const auto& [name, bytes] : repository.metadata_files) put("metadata/" + name, bytes);
    for (const auto& [name, bytes] : repository.target_files) put("targets/" + name, bytes);
    for (const auto& [name, bytes] : blobs) put("blobs/" + name, bytes);
    return to;
  }
  void add_blob(Bytes bytes) {
    const auto name = to_hex(sha256(bytes));
    blobs.insert_or_assign(name, std::move(bytes));
  }
  void release(std::uint64_t counter, const std::string& version) {
    repository.add_release(sample_release(counter, version));
    repository.bump();
  }
  /// A verb with --json; its exit status and what it printed.
  ChildResult verb(std::vector<std::string> words) {
    words.insert(words.begin(), PAWL_BINARY_DIR "/bin/pawl-distributor");
    words.insert(words.end(), {"--json", "--config", config()});
    return run_child(words);
  }
  /// A verb over the admin listener, as ann or whoever `who` names.
  ChildResult remote(std::vector<std::string> words, std::uint16_t port,
                     const std::string& who = "ann") {
    words.insert(words.begin(), PAWL_BINARY_DIR "/bin/pawl-distributor");
    words.insert(words.end(),
                 {"--json", "--to", "https://127.0.0.1:" + std::to_string(port), "--server-id",
                  "spiffe://example.org/distributor", "--identity", folder.file(who)});
    return run_child(words);
  }
  identity::X509Svid device(const std::string& name) const {
    return svid_of(issue_today(leaf_spec("spiffe://example.org/device/" + name), &root));
  }

  TemporaryFolder folder;
  PosixDisk disk;
  Issued root = issue_today(ca_spec("root"), nullptr);
  Issued server = issue_today(leaf_spec("spiffe://example.org/distributor"), &root);
  Issued admin = issue_today(leaf_spec("spiffe://example.org/admin/ann"), &root);
  RepoSimulator repository;
  std::map<std::string, Bytes> blobs;
};

inline std::string check_body(std::uint64_t counter, const std::string& etag) {
  return R"({"slot":"a","release_counter":)" + std::to_string(counter) +
         R"(,"security_version":3,"boot_id":"b","root":1,"etag":")" + etag + "\"}";
}

inline std::string status_body(std::uint64_t seq) {
  return R"({"records":[{"seq":)" + std::to_string(seq) +
         R"(,"release_counter":1,"manifest_sha256":")" + std::string(64, 'a') +
         R"(","step":"downloading","code":0,"boot_id":"b","time":"2026-11-20T12:00:00Z",)"
         R"("detail":""}]})";
}

inline Answer post(Device& device, const std::string& target, const std::string& body) {
  return device.get(target, "Content-Length: " + std::to_string(body.size()) + "\r\n", "POST",
                    body);
}

}  // namespace pawl::fakes
