#include "signer/verbs.hpp"

int main(int argc, char** argv) {
  return pawl::cli::run_main(pawl::signer::program(), argc, argv);
}
