// Runs a fuzz target over every file of a corpus folder, over each of its prefixes and with one bit
// flipped at each byte, so that the corpus bites in every build and not only under libFuzzer.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kExhaustive = 4096;  // files up to this size get every prefix and every flip

std::size_t replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  std::size_t runs = 1;
  const std::size_t step = bytes.size() <= kExhaustive ? 1 : bytes.size() / kExhaustive + 1;
  for (std::size_t i = 0; i < bytes.size(); i += step, runs += 2) {
    const std::vector<std::uint8_t> prefix(bytes.begin(),
                                           bytes.begin() + static_cast<std::ptrdiff_t>(i));
    LLVMFuzzerTestOneInput(prefix.data(), prefix.size());
    bytes[i] ^= static_cast<std::uint8_t>(1U << (i % 8U));
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    bytes[i] ^= static_cast<std::uint8_t>(1U << (i % 8U));
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
    return 2;
  }
  std::size_t files = 0;
  std::size_t runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    runs += replay(entry.path());
    ++files;
  }
  std::printf("%zu inputs from %zu files\n", runs, files);
  return files == 0 ? 1 : 0;
}
