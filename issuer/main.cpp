#include "issuer/program.hpp"

int main(int argc, char** argv) {
  return pawl::cli::run_main(pawl::issuer::program(), argc, argv);
}
