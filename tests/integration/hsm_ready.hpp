#pragma once
#include <cstdlib>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "hsm/keyring.hpp"
#include "tests/fakes/softhsm.hpp"

namespace pawl::hsm {

inline KeyQuery named(const std::string& label) {
  return {label, std::nullopt};
}

/// Ends the test program when a case takes two minutes: nothing here may hang.
struct Deadline {
  Deadline() { (void)::alarm(120); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  Deadline(Deadline&&) = delete;
  Deadline& operator=(Deadline&&) = delete;
  ~Deadline() { (void)::alarm(0); }
};

/// One fresh SoftHSM token and a key ring that can log in to it.
struct Ready {
  explicit Ready(const std::string& label = "release",
                 const std::string& module = fakes::kSoftHsm) {
    soft.add_token(label);
    uri.token = label;
    uri.module_path = module;
    uri.pin_source = "file:" + soft.file("pin", "1234\n");
  }
  Result<Session*> try_session() {
    auto pin = PinSource::open("prompt");
    return ring->session(uri, *pin);
  }
  Session& session() {
    auto s = try_session();
    if (!s) FAIL(s.error().what());
    return **s;
  }
  Deadline deadline;
  fakes::SoftHsm soft;
  Uri uri;
  std::optional<Keyring> ring{std::in_place};
};

/// The same behind the forwarding module, whose faults `break_with` sets.
struct Faulty : Ready {
  Faulty() : Ready("release", PAWL_BINARY_DIR "/tests/pkcs11_fault.so") {
    ::setenv("PAWL_FAULT_MODULE", fakes::kSoftHsm, 1);
    ::setenv("PAWL_FAULT_CONTROL", (soft.root() / "faults").c_str(), 1);
  }
  void break_with(const std::string& lines) const {
    std::ofstream(soft.root() / "faults") << lines << "\n";
  }
};

}  // namespace pawl::hsm
