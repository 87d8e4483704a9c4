#include "distributor/repository.hpp"

namespace pawl::distributor {
namespace {

std::string_view folder_of(RouteKind kind) {
  switch (kind) {
    case RouteKind::kMetadata:
      return "/metadata/";
    case RouteKind::kTargets:
      return "/targets/";
    case RouteKind::kBlob:
      return "/blobs/";
  }
  return "/blobs/";
}

}  // namespace

Result<std::unique_ptr<File>> Repository::open(const Route& route) {
  return disk_.open(folder_ + std::string(folder_of(route.kind)) + route.file, OpenMode::kRead);
}

}  // namespace pawl::distributor
