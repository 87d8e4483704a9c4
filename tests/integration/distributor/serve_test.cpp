#include <csignal>
#include <cstdio>
#include <ctime>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "base/disk.hpp"
#include "base/json.hpp"
#include "fakes/http_device.hpp"
#include "fakes/temporary_folder.hpp"
#include "identity/jwks.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

using Stream = Handle<std::FILE, &std::fclose>;

UtcTime real_now() {
  return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
}

/// Certificates of the program under test are judged by its own clock.
Issued issue_today(const CertSpec& spec, const Issued* issuer) {
  auto today = spec;
  today.until = Seconds{86400};
  return issue(today, issuer, real_now());
}

/// `pawl-distributor serve` as a child.
class Program {
 public:
  explicit Program(const std::string& config) {
    int out[2];
    int err[2];
    REQUIRE(::pipe(out) == 0);
    REQUIRE(::pipe(err) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(out[1], 1);
      ::dup2(err[1], 2);
      for (const int fd : {out[0], out[1], err[0], err[1]}) ::close(fd);
      ::execl(PAWL_BINARY_DIR "/bin/pawl-distributor", "pawl-distributor", "serve", "--config",
              config.c_str(), "--json", "--log", "info", nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_.reset(::fdopen(out[0], "r"));
    err_.reset(::fdopen(err[0], "r"));
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  Program(Program&&) = delete;
  Program& operator=(Program&&) = delete;
  ~Program() {
    if (child_ > 0) ::kill(child_, SIGKILL);
    finish();
  }

  [[nodiscard]] std::uint16_t port() {
    const auto line = read_line(*out_);
    const auto value = json::parse(line, {});
    INFO(line);
    REQUIRE(value);
    return static_cast<std::uint16_t>(*value->object()->find("port")->integer());
  }
  void signal(int number) const { ::kill(child_, number); }
  /// Reads the log up to the first line with `event`.
  std::string wait_for(const std::string& event) {
    while (true) {
      auto line = read_line(*err_);
      if (line.empty() || line.find(event) != std::string::npos) return line;
    }
  }
  int finish() {
    int status = -1;
    if (child_ > 0) ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }

 private:
  static std::string read_line(std::FILE& stream) {
    char text[4096] = {};
    return std::fgets(text, sizeof(text), &stream) == nullptr ? "" : text;
  }
  pid_t child_ = -1;
  Stream out_;
  Stream err_;
};

void write_identity(PosixDisk& disk, const TemporaryFolder& folder, const Issued& leaf,
                    const Issued& root) {
  const auto bundle = identity::write_bundle(bundle_of("example.org", {&root}));
  REQUIRE(bundle);
  REQUIRE(replace_file(disk, folder.file("key.pem"), as_bytes(key_pem_of(leaf))));
  REQUIRE(replace_file(disk, folder.file("svid.pem"), as_bytes(pem_of(leaf))));
  REQUIRE(replace_file(disk, folder.file("bundle.json"), as_bytes(*bundle)));
}

}  // namespace

TEST_CASE("pawl-distributor: serves, takes a new SVID on SIGHUP, ends on SIGTERM",
          "[integration][distributor]") {
  const TemporaryFolder folder;
  PosixDisk disk;
  const auto root = issue_today(ca_spec("root"), nullptr);
  const auto first = issue_today(leaf_spec("spiffe://example.org/distributor"), &root);
  const auto second = issue_today(leaf_spec("spiffe://example.org/distributor"), &root);
  const auto own = svid_of(issue_today(leaf_spec("spiffe://example.org/device/d1"), &root));
  write_identity(disk, folder, first, root);
  REQUIRE(make_directories(disk, folder.file("metadata")));
  REQUIRE(replace_file(disk, folder.file("metadata/timestamp.json"), as_bytes("{}")));
  const auto config = folder.file("distributor.toml");
  REQUIRE(replace_file(
      disk, config,
      as_bytes("[device]\nlisten = \"127.0.0.1:0\"\n[identity]\n"
               "source = \"files\"\nfolder = \"" +
               folder.path() + "\"\n[repository]\npath = \"" + folder.path() + "\"\n")));
  Program program(config);
  const auto port = program.port();
  Device before(port, root, &own, real_now());
  REQUIRE(before.shake());
  CHECK(before.get("/v1/metadata/timestamp.json").body == "{}");
  CHECK(before.server_certificate() == identity::certificate_digest(*first.certificate));

  REQUIRE(replace_file(disk, folder.file("svid.pem"), as_bytes(pem_of(second))));
  program.signal(SIGHUP);  // half of a rotation: the key is still the old one
  CHECK(program.wait_for("identity-reload-failed").find("private key") != std::string::npos);
  write_identity(disk, folder, second, root);
  program.signal(SIGHUP);
  CHECK_FALSE(program.wait_for("identity-reloaded").empty());
  Device after(port, root, &own, real_now());
  REQUIRE(after.shake());
  CHECK(after.server_certificate() == identity::certificate_digest(*second.certificate));
  CHECK(before.get("/v1/metadata/timestamp.json").status == 200);  // still the old connection
  program.signal(SIGTERM);
  CHECK(program.finish() == 0);
}
