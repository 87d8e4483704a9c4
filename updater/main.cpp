#include "updater/program.hpp"

int main(int argc, char** argv) {
  return pawl::cli::run_main(pawl::updater::program(), argc, argv);
}
