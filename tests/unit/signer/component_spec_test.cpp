#include "signer/component_spec.hpp"

#include <catch2/catch.hpp>

#include "base/bytes.hpp"

using namespace pawl;
using namespace pawl::signer;

TEST_CASE("component: every member lands in its place", "[signer][component]") {
  const std::string root(64, 'a');
  const auto spec = parse_component_spec(
      "name=rootfs,slot_role=rootfs,install=erofs-verity,image=/x/root.img,verity_root=" + root);
  REQUIRE(spec);
  CHECK(spec->name == "rootfs");
  CHECK(spec->slot_role == manifest::SlotRole::kRootfs);
  CHECK(spec->install.kind == manifest::InstallKind::kErofsVerity);
  CHECK(spec->image == "/x/root.img");
  REQUIRE(spec->verity_root);
  CHECK(to_hex(*spec->verity_root) == root);
  const auto handler =
      parse_component_spec("name=mcu,slot_role=firmware,install=handler:mcu-1,image=m.bin");
  REQUIRE(handler);
  CHECK(handler->install.kind == manifest::InstallKind::kHandler);
  CHECK(handler->install.handler == "mcu-1");
  CHECK_FALSE(handler->verity_root);
}

TEST_CASE("component: mistakes are usage errors", "[signer][component]") {
  const std::string root(64, 'a');
  const auto text = GENERATE_COPY(values<std::string>(
      {"", "name=a", "name=a,slot_role=app,install=raw",
       "name=a,name=b,slot_role=app,install=raw,image=x",
       "name=a,slot_role=moon,install=raw,image=x", "name=a,slot_role=app,install=magic,image=x",
       "name=a,slot_role=app,install=handler:,image=x", "name=a,slot_role=app,install=uki,image=x",
       "name=a,slot_role=app,install=raw,image=x,color=red",
       "name=a,slot_role=app,install=raw,image", "name=a,slot_role=app,install=raw,image=",
       "name=a,slot_role=app,install=erofs-verity,image=x",
       "name=a,slot_role=app,install=raw,image=x,verity_root=" + root,
       "name=a,slot_role=app,install=erofs-verity,image=x,verity_root=zz"}));
  INFO(text);
  const auto spec = parse_component_spec(text);
  REQUIRE_FALSE(spec);
  CHECK(spec.error().code() == Errc::kUsage);
}
