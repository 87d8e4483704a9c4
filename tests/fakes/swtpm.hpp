#pragma once
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <tss2/tss2_esys.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tests/fakes/measured_boot.hpp"
#include "tpm/context.hpp"
#include "tpm/fault.hpp"

namespace pawl::fakes {

/// A TPM emulator whose power can be cut. Its folder is the NV memory of one chip.
class SwTpm {
 public:
  SwTpm() {
    char folder[] = "/tmp/pawl-swtpm.XXXXXX";
    PAWL_ASSERT(mkdtemp(folder) != nullptr);
    dir_ = folder;
  }
  SwTpm(const SwTpm&) = delete;
  SwTpm& operator=(const SwTpm&) = delete;
  ~SwTpm() {
    on_cut = nullptr;
    cut();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  std::function<void()> on_cut;  // what loses power together with the TPM

  [[nodiscard]] const std::string& dir() const { return dir_; }
  [[nodiscard]] std::string tcti() const { return "swtpm:path=" + dir_ + "/sock"; }

  /// Power on, TPM2_Startup(CLEAR). Returns once the TPM answers.
  void on() {
    for (const char* name : {"/sock", "/sock.ctrl"}) std::filesystem::remove(dir_ + name);
    const auto state = "dir=" + dir_;
    const auto server = "type=unixio,path=" + dir_ + "/sock";
    const auto control = "type=unixio,path=" + dir_ + "/sock.ctrl";
    const auto log = "file=" + dir_ + "/log,level=20";
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 1);
      dup2(null, 2);
      execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state.c_str(), "--server",
             server.c_str(), "--ctrl", control.c_str(), "--flags", "not-need-init,startup-clear",
             "--log", log.c_str(), nullptr);
      _exit(127);
    }
    (void)static_cast<bool>(connect());
  }
  /// Tries until the emulator answers, whatever it answers; 20 s at most.
  [[nodiscard]] Result<tpm::Context> connect() const {
    for (int i = 0;; ++i) {
      auto opened = tpm::Context::open(tcti());
      if (opened || tpm::fault_of(opened.error()) != tpm::Fault::kNoTpm || i == 4000) return opened;
      (void)poll(nullptr, 0, 5);
    }
  }
  /// Power off without warning.
  void cut() {
    if (on_cut) on_cut();
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  /// Runs a shell command with tpm2-tools pointed at this TPM. @return its exit status.
  [[nodiscard]] int tools(const std::string& command) const {
    const auto line = "cd " + dir_ + " && export TPM2TOOLS_TCTI='" + tcti() +
                      "' TSS2_LOG=all+none && { " + command + "; } >tools.out 2>tools.err";
    const int status = std::system(line.c_str());  // NOLINT: a test's own text
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    std::ifstream in(dir_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& name, ByteView bytes) const {
    std::ofstream(dir_ + "/" + name, std::ios::binary) << as_text(bytes);
  }

 private:
  std::string dir_;
  pid_t pid_ = -1;
};

inline void extend(tpm::Context& tpm, unsigned pcr, const Sha256Digest& digest) {
  TPML_DIGEST_VALUES values{};
  values.count = 1;
  values.digests[0].hashAlg = TPM2_ALG_SHA256;
  std::copy(digest.bytes.begin(), digest.bytes.end(), values.digests[0].digest.sha256);
  PAWL_ASSERT(Esys_PCR_Extend(tpm.esys(), ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                              ESYS_TR_NONE, &values) == 0);
}

/// What crosses the wire: counts commands, cuts the power around one of them, or lets another
/// process extend a PCR just before one.
class Wire {
 public:
  enum class Cut { kNever, kBefore, kDuring, kAfter };
  struct Plan {
    SwTpm* machine = nullptr;
    Cut cut = Cut::kNever;
    unsigned at = 0;                  // n-th command from 1
    std::uint32_t extend_before = 0;  // command code before which PCR 10 moves
    unsigned extend_times = 0;
    std::uint32_t only = 0;  // count only this command code; 0 counts all
    unsigned seen = 0;
  };
  /// Only one connection is watched at a time.
  static Plan& plan() {
    static Plan p;
    return p;
  }
  static void watch(tpm::Context& tpm, Plan p) {
    auto* tcti = reinterpret_cast<TSS2_TCTI_CONTEXT_COMMON_V1*>(tpm.tcti());
    if (tcti->transmit != &transmit) {
      real_transmit() = tcti->transmit;
      real_receive() = tcti->receive;
    }
    tcti->transmit = &transmit;
    tcti->receive = &receive;
    plan() = p;
  }

 private:
  static TSS2_TCTI_TRANSMIT_FCN& real_transmit() {
    static TSS2_TCTI_TRANSMIT_FCN f = nullptr;
    return f;
  }
  static TSS2_TCTI_RECEIVE_FCN& real_receive() {
    static TSS2_TCTI_RECEIVE_FCN f = nullptr;
    return f;
  }
  /// TPM2_PCR_Extend of PCR 10, written out so that it fits between two commands of ESYS.
  static void move_pcr(TSS2_TCTI_CONTEXT* tcti) {
    Writer w;
    w.u16_be(0x8002);
    w.u32_be(10 + 4 + 4 + 9 + 4 + 2 + 32);
    w.u32_be(0x182);
    w.u32_be(10);
    w.u32_be(9);
    w.u32_be(0x40000009);
    w.bytes(Bytes{0, 0, 0, 0, 0});
    w.u32_be(1);
    w.u16_be(0x000b);
    w.bytes(Bytes(32, 0x5a));
    PAWL_ASSERT(real_transmit()(tcti, w.view().size(), w.view().data()) == 0);
    Bytes answer(4096);
    std::size_t size = answer.size();
    PAWL_ASSERT(real_receive()(tcti, &size, answer.data(), -1) == 0);
    PAWL_ASSERT(size >= 10 && answer[6] + answer[7] + answer[8] + answer[9] == 0);
  }
  static TSS2_RC transmit(TSS2_TCTI_CONTEXT* tcti, std::size_t size, const std::uint8_t* bytes) {
    auto& p = plan();
    const auto code = static_cast<std::uint32_t>(bytes[6]) << 24U |
                      static_cast<std::uint32_t>(bytes[7]) << 16U |
                      static_cast<std::uint32_t>(bytes[8]) << 8U | bytes[9];
    if (p.extend_times > 0 && code == p.extend_before) {
      --p.extend_times;
      move_pcr(tcti);
    }
    if (p.only == 0 || p.only == code) ++p.seen;
    if (p.cut == Cut::kBefore && p.seen == p.at) p.machine->cut();
    const auto rc = real_transmit()(tcti, size, bytes);
    if (p.cut == Cut::kDuring && p.seen == p.at) p.machine->cut();
    return rc;
  }
  /// The command has been carried out when its answer arrives; a cut here loses the answer only.
  static TSS2_RC receive(TSS2_TCTI_CONTEXT* tcti, std::size_t* size, std::uint8_t* bytes,
                         std::int32_t timeout) {
    auto& p = plan();
    const bool lost = p.cut == Cut::kAfter && p.seen == p.at && bytes != nullptr;
    Bytes swallowed(4096);
    if (!lost) return real_receive()(tcti, size, bytes, timeout);
    std::size_t n = swallowed.size();
    (void)real_receive()(tcti, &n, swallowed.data(), timeout);
    p.machine->cut();
    return TSS2_TCTI_RC_IO_ERROR;
  }
};

}  // namespace pawl::fakes
