#include "vaultd/program.hpp"

int main(int argc, char** argv) {
  return pawl::cli::run_main(pawl::vaultd::program(), argc, argv);
}
