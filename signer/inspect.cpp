#include "signer/inspect.hpp"

#include "base/digest.hpp"
#include "base/pe.hpp"
#include "base/progress.hpp"
#include "manifest/policy.hpp"
#include "manifest/release.hpp"
#include "payload/index.hpp"
#include "signer/inspect_metadata.hpp"
#include "signer/key_record.hpp"
#include "signer/ledger.hpp"
#include "signer/uki.hpp"

namespace pawl::signer {
namespace {

constexpr std::string_view kLedgerStart = R"({"_type":"pawl.ledger")";
constexpr std::size_t kMaxText = std::size_t{8} * 1024 * 1024;

std::string line(std::string_view name, const std::string& value) {
  std::string out = "  " + std::string(name);
  constexpr std::size_t kColumn = 20;
  out.resize(std::max(out.size() + 1, kColumn), ' ');
  return out + value + "\n";
}

Result<Inspection> inspect_index(ByteView file) {
  PAWL_TRY(const auto index, payload::Index::parse(file));
  std::array<std::int64_t, 5> kinds{};
  for (std::size_t i = 0; i < index.count(); ++i) {
    ++kinds.at(static_cast<std::size_t>(index.record(i).kind));
  }
  constexpr std::array<std::string_view, 5> kNames{"zero", "copy", "zstd", "zstd-old", "copy-add"};
  Inspection out;
  out.kind = "payload index";
  out.text =
      line("image", format_size(index.image_size())) +
      line("container", format_size(index.container_size())) +
      line("windows", std::to_string(index.count()) + " of " + format_size(index.window_size()));
  out.facts.set("image_size", static_cast<std::int64_t>(index.image_size()));
  out.facts.set("container_size", static_cast<std::int64_t>(index.container_size()));
  out.facts.set("windows", static_cast<std::int64_t>(index.count()));
  out.facts.set("window_size", static_cast<std::int64_t>(index.window_size()));
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds.at(i) == 0) continue;
    out.facts.set(std::string("frames_") + std::string(kNames.at(i)), kinds.at(i));
    out.text += line("  " + std::string(kNames.at(i)), std::to_string(kinds.at(i)));
  }
  const auto& base = index.base_image();
  if (base) out.facts.set("base_image", to_hex(*base));
  out.text += line("base image", base ? to_hex(*base) : "none: a full payload");
  return out;
}

Result<Inspection> inspect_image(ByteView file) {
  PAWL_TRY(const auto uki, report_uki(file, {}));
  Inspection out;
  out.kind = "unified kernel image";
  out.text = line("stub", uki.stub) + line("command line", uki.command_line) +
             line("pe:uki", to_hex(uki.digests.pe_uki)) +
             line("pe:kernel", to_hex(uki.digests.pe_kernel));
  out.facts.set("stub", uki.stub);
  out.facts.set("command_line", uki.command_line);
  out.facts.set("pe:uki", to_hex(uki.digests.pe_uki));
  out.facts.set("pe:kernel", to_hex(uki.digests.pe_kernel));
  for (const auto& section : uki.digests.sections) {
    out.facts.set("section:" + section.name, to_hex(section.digest));
    out.text += line("section:" + section.name, to_hex(section.digest));
  }
  out.facts.set("cmdline-utf16", to_hex(uki.digests.cmdline_utf16));
  out.facts.set("initrd", to_hex(uki.digests.initrd));
  out.facts.set("pcr11", to_hex(uki.digests.pcr11));
  out.text += line("cmdline-utf16", to_hex(uki.digests.cmdline_utf16)) +
              line("initrd", to_hex(uki.digests.initrd)) +
              line("PCR 11", to_hex(uki.digests.pcr11) + " (before any phase word)");
  return out;
}

Result<Inspection> inspect_key(ByteView file) {
  PAWL_TRY(const auto record, parse_key_record(as_text(file)));
  Inspection out;
  out.kind = "public key record";
  out.facts.set("keyid", record.id().text);
  out.facts.set("label", record.label);
  out.facts.set("custody", record.custody);
  out.facts.set("uri", record.uri);
  out.text = line("label", record.label) + line("id", record.id().text) +
             line("custody", record.is_development() ? "none: DEVELOPMENT key" : record.custody) +
             line("where", record.uri);
  return out;
}

Result<Inspection> inspect_policy(ByteView file) {
  PAWL_TRY(const auto policy, manifest::Policy::parse(as_text(file)));
  Inspection out;
  out.kind = "policy";
  out.facts.set("sha256", to_hex(sha256(file)));
  for (const auto& [product, ceiling] : policy.ceilings) {
    out.facts.set("ceiling:" + product, static_cast<std::int64_t>(ceiling.get()));
    out.text +=
        line("ceiling", product + ": security version at most " + std::to_string(ceiling.get()));
  }
  for (const auto& [product, signers] : policy.development) {
    out.facts.set("development:" + product, static_cast<std::int64_t>(signers.role.threshold));
    out.text +=
        line("development", product + ": tickets by " + std::to_string(signers.role.threshold) +
                                " of " + std::to_string(signers.keys.size()) + " keys");
  }
  if (policy.ceilings.empty()) out.text += line("ceiling", "none: security version 0 only");
  return out;
}

Result<Inspection> inspect_ledger(ByteView file) {
  PAWL_TRY(const auto ledger, Ledger::parse(as_text(file)));
  const auto count = ledger.entries().size();
  Inspection out;
  out.kind = "ledger";
  out.facts.set("entries", static_cast<std::int64_t>(count));
  out.facts.set("head", to_hex(ledger.head()));
  out.text = line("entries", std::to_string(count)) + line("head", to_hex(ledger.head()));
  return out;
}

Result<Inspection> inspect_json(ByteView file) {
  PAWL_TRY(const auto value, json::parse(as_text(file), {kMaxText, 32, 1U << 20U}));
  const auto* object = value.object();
  if (object == nullptr) return fail(Errc::kMalformed, "not a file of Pawl");
  if (object->find("signed") != nullptr) return inspect_metadata(file);
  const auto* member = object->find("_type");
  const auto* type = member == nullptr ? nullptr : member->string();
  if (type != nullptr && *type == "pawl.key") return inspect_key(file);
  if (type != nullptr && *type == "pawl.policy") return inspect_policy(file);
  if (type != nullptr && *type == "pawl.release") return inspect_release(file);
  return fail(Errc::kMalformed, "JSON, but not a file of Pawl");
}

}  // namespace

Result<Inspection> inspect_file(ByteView file) {
  const auto text = as_text(file.first(std::min<std::size_t>(file.size(), 8)));
  if (text.starts_with(payload::kIndexMagic)) return inspect_index(file);
  if (text.starts_with("MZ")) return inspect_image(file);
  if (as_text(file).starts_with(kLedgerStart)) return inspect_ledger(file);
  if (text.starts_with('{') && file.size() <= kMaxText) return inspect_json(file);
  return fail(Errc::kMalformed, "not a file of Pawl")
      .with_hint(
          "role files, policy.json, manifests, payload indexes, key records, "
          "ledgers, UKIs and bundles are");
}

namespace {

constexpr std::string_view kBundleMagic = "PAWLBND1";

Result<bool> is_bundle(Disk& disk, const std::string& path) {
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kRead));
  Bytes start(kBundleMagic.size());
  PAWL_TRY(const auto got, file->read_at(start, 0));
  return got == start.size() && as_text(start) == kBundleMagic;
}

Result<Inspection> inspect_at(Disk& disk, const std::string& path) {
  PAWL_TRY(const bool bundled, is_bundle(disk, path));
  if (bundled) {
    PAWL_TRY(auto bundle, manifest::BundleFile::open(disk, path));
    return inspect_bundle(bundle);
  }
  PAWL_TRY(const auto file, read_file(disk, path, kMaxInspected));
  return inspect_file(file);
}

}  // namespace

Result<Inspection> inspect_path(Disk& disk, const std::string& path) {
  auto inspected = inspect_at(disk, path);
  if (inspected) return inspected;
  auto error = std::move(inspected).error();
  error.prefix(path);
  return error;
}

}  // namespace pawl::signer
