#include "base/bytes.hpp"
#include "base/toml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  if (auto toml = Toml::parse(as_text({data, size}), "fuzz.toml"); toml) {
    (void)static_cast<bool>(toml->string("server.url"));
    (void)static_cast<bool>(toml->refuse_unknown());
  }
  return 0;
}
