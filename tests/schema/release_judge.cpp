// Says of each line on standard input whether it is a release manifest: "ok", or why not.
#include <iostream>
#include <string>

#include "manifest/release.hpp"

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto release = pawl::manifest::Release::parse(line);
    std::cout << (release ? "ok" : release.error().what()) << '\n';
  }
  return 0;
}
