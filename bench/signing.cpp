// What a signature costs beyond the token's own C_SignInit and C_Sign, through SoftHSM: in this
// process, and behind the broker. Rounds of both are interleaved; the median of each is compared.
//   bench_signing [--set small|full]     prints JSON; budget: at most 0.25
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "hsm/broker.hpp"
#include "tests/fakes/softhsm.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

using Clock = std::chrono::steady_clock;

double seconds(const std::function<bool()>& step, int times) {
  const auto start = Clock::now();
  for (int i = 0; i < times; ++i) {
    if (!step()) return -1;
  }
  return std::chrono::duration<double>(Clock::now() - start).count() / times;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The extra cost of `ours` over `token` as a part of the latter.
double overhead(const std::function<bool()>& token, const std::function<bool()>& ours, int rounds) {
  constexpr int kPerRound = 200;
  std::vector<double> base;
  std::vector<double> all;
  for (int i = 0; i < rounds; ++i) {
    base.push_back(seconds(token, kPerRound));
    all.push_back(seconds(ours, kPerRound));
  }
  return median(all) / median(base) - 1;
}

Status run(int rounds) {
  const fakes::SoftHsm soft;
  soft.add_token("bench");
  Uri uri;
  uri.token = "bench";
  uri.object = "gw3";
  uri.module_path = fakes::kSoftHsm;
  const auto source = "file:" + soft.file("pin", "1234");
  PAWL_TRY(auto first_pin, PinSource::open(source));
  PAWL_TRY(auto maker, Broker::start({}, std::move(first_pin)));
  PAWL_TRY(const auto made, maker->generate(uri));
  maker.reset();  // both sides below find the key, as a signer does
  PAWL_TRY(auto broker_pin, PinSource::open(source));
  PAWL_TRY(auto broker, Broker::start({}, std::move(broker_pin)));
  PAWL_TRY(auto far, broker->signer(uri, made.public_key));

  Keyring ring;
  PAWL_TRY(auto pin, PinSource::open(source));
  PAWL_TRY(auto* session, ring.session(uri, pin));
  PAWL_TRY(const auto key, find_key(*session, KeyQuery::of(uri)));
  PAWL_TRY(auto near, Pkcs11Signer::open(*session, KeyQuery::of(uri), made.public_key));
  for (const std::size_t size : {std::size_t{512}, std::size_t{3114}}) {
    const Bytes message(size, 0x5a);
    const auto token = [&] { return static_cast<bool>(raw_eddsa(*session, key.object, message)); };
    const auto here = [&] { return static_cast<bool>(near->sign(message)); };
    const auto there = [&] { return static_cast<bool>(far->sign(message)); };
    std::printf(
        "{\"bench\":\"signing\",\"bytes\":%zu,\"beyond_token\":%.3f,"
        "\"beyond_token_with_broker\":%.3f,\"budget\":0.25}\n",
        size, overhead(token, here, rounds), overhead(token, there, rounds));
  }
  return Ok{};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string set = argc == 3 ? argv[2] : "small";
  const auto status = run(set == "full" ? 41 : 9);
  if (status) return 0;
  (void)std::fprintf(stderr, "bench_signing: %s\n", status.error().what().c_str());
  return static_cast<int>(status.error().code());
}
