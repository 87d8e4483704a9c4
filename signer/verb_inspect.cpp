#include "base/disk.hpp"
#include "signer/inspect.hpp"
#include "signer/verbs.hpp"

namespace pawl::signer {

Status run_inspect(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  const auto& path = args.value("FILE");
  PAWL_TRY(auto inspected, inspect_path(disk, path));
  auto facts = std::move(inspected.facts);
  facts.set("kind", inspected.kind);
  facts.set("file", path);
  io.result(std::move(facts), path + ": " + inspected.kind + "\n" + inspected.text);
  return Ok{};
}

}  // namespace pawl::signer
