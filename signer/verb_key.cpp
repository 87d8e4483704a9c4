#include "base/bytes.hpp"
#include "signer/ledger_book.hpp"
#include "signer/paths.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

json::Object record_json(const KeyRecord& record) {
  json::Object out;
  out.set("name", record.label);
  out.set("keyid", record.id().text);
  out.set("public", to_hex(record.public_key));
  out.set("uri", record.uri);
  out.set("custody", record.custody);
  out.set("development", record.is_development());
  out.set("external", record.is_external());
  return out;
}

std::string custody_text(const KeyRecord& record) {
  if (record.is_development()) return "none: DEVELOPMENT key in a plain file";
  return record.is_external() ? "none: an external program signs" : record.custody;
}

struct Request {
  std::string name;
  std::optional<std::string> uri;
  std::optional<std::string> software;
  std::vector<std::string> command;
  std::optional<Ed25519PublicKey> public_key;  // of a command's key
  std::string pin;
  bool existing = false;
};

Result<std::optional<Ed25519PublicKey>> read_public(const cli::Args& args,
                                                    const std::vector<std::string>& command) {
  const auto text = args.get("--public");
  if (text.has_value() != !command.empty()) {
    return fail(Errc::kUsage, "--command and --public go together")
        .with_hint("--public is the key's 32 bytes in hexadecimal, as its service shows them");
  }
  if (!text) return std::optional<Ed25519PublicKey>();
  auto key = fixed_from_hex<Ed25519PublicKey>(*text);
  if (!key) return fail(Errc::kUsage, "--public must be 64 hexadecimal digits");
  if (!command.front().starts_with('/')) {
    return fail(Errc::kUsage, "--command " + printable(command.front()) + " is not absolute");
  }
  return std::optional(*key);
}

Result<Request> read_request(const cli::Args& args) {
  Request out;
  out.name = args.value("NAME");
  out.uri = args.get("--uri");
  out.software = args.get("--software");
  out.pin = args.get_or("--pin", "prompt");
  out.existing = args.flag("--existing");
  if (!is_name(out.name)) {
    return fail(Errc::kUsage, "key name " + printable(out.name) +
                                  " must have 1 to 32 characters of a-z, 0-9 and '-'");
  }
  out.command = args.all("--command");
  const int kinds =
      int{out.uri.has_value()} + int{out.software.has_value()} + int{!out.command.empty()};
  if (kinds != 1) {
    return fail(Errc::kUsage,
                "give --uri for a key in a token, --command for a program that signs, or "
                "--software FILE for development")
        .with_hint("--uri 'pkcs11:token=LABEL?module-path=/usr/lib/softhsm/libsofthsm2.so'");
  }
  if (!out.uri && out.existing) return fail(Errc::kUsage, "--existing is for keys in tokens");
  PAWL_TRY(out.public_key, read_public(args, out.command));
  return out;
}

Result<KeyRecord> make_key(Workbench& bench, const Request& request, const std::string& directory) {
  if (request.software) {
    auto made = make_software_key(bench.disk(), request.name, *request.software);
    if (!made) return made;
    made->uri = std::string(kSoftwareScheme) + relative_path(directory, *request.software);
    return made;
  }
  if (!request.command.empty()) {
    KeyEntry entry;
    entry.name = request.name;
    entry.command = request.command;
    return bench.keys().describe_command(entry, *request.public_key);
  }
  if (request.existing) return bench.keys().describe(request.name, *request.uri, request.pin);
  return bench.keys().generate(request.name, *request.uri, request.pin);
}

/// fd:N means something in one run only: later runs ask at the terminal.
std::string lasting_pin(const std::string& pin) {
  return pin.starts_with("fd:") ? "prompt" : pin;
}

Status refuse_taken(Workbench& bench, const std::string& name, const std::string& record) {
  if (bench.config().find(name) != nullptr) {
    return fail(Errc::kUsage, bench.config().path + " already has a key named " + name)
        .with_hint("pawl-signer key list shows it");
  }
  PAWL_TRY(const bool there, bench.disk().exists(record));
  if (there) return fail(Errc::kUsage, record + " exists already; it is not overwritten");
  return Ok{};
}

std::string roles_of(const Repository& repository, const manifest::KeyId& id) {
  std::string out;
  std::vector<std::string> roles{"root", "targets", "snapshot", "timestamp"};
  for (const auto& [role, targets] : repository.roles) roles.push_back(role);
  for (const auto& role : roles) {
    if (repository.keys_of(role).keys.contains(id)) out += (out.empty() ? "" : ", ") + role;
  }
  return out.empty() ? "nothing" : out;
}

}  // namespace

Status run_key_new(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(const auto request, read_request(args));
  const auto path = config_path_for(args.get("--config"), std::nullopt);
  const auto directory = parent_of(path);
  const auto record_path =
      args.get_or("--out", resolve_path(directory, "keys/" + request.name + ".pub.json"));
  PAWL_TRY(auto bench, Workbench::open_for_new_key(args, io));
  PAWL_CHECK(refuse_taken(*bench, request.name, record_path));
  PAWL_TRY(const auto record, make_key(*bench, request, directory));
  PAWL_CHECK(make_directories(bench->disk(), parent_of(record_path)));
  PAWL_CHECK(replace_file(bench->disk(), record_path, as_bytes(key_record_text(record))));
  const bool is_new_key = !request.existing && request.command.empty();
  const bool nothing_signed_yet = bench->config().keys.empty() && is_new_key;
  if (nothing_signed_yet) PAWL_CHECK(begin_ledger(bench->disk(), bench->config().ledger));
  KeyEntry entry;
  entry.name = request.name;
  entry.record = record_path;
  entry.pin = lasting_pin(request.pin);
  entry.command = request.command;
  PAWL_CHECK(append_key(bench->disk(), path, entry));
  auto result = record_json(record);
  result.set("changed", true);
  result.set("record", record_path);
  result.set("config", path);
  io.result(std::move(result), "key " + record.label + "\n  id       " + record.id().text +
                                   "\n  custody  " + custody_text(record) + "\n  where    " +
                                   record.uri + "\n  record   " + record_path + "\n  config   " +
                                   path + "\n");
  return Ok{};
}

Status run_key_list(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  std::optional<Repository> repository;
  if (bench->repository()) {
    PAWL_TRY(const auto directory, bench->repository());
    PAWL_TRY(const bool published, is_published(bench->disk(), directory));
    if (published) {
      PAWL_TRY(auto loaded, bench->load());
      repository = std::move(loaded);
    }
  }
  if (bench->config().keys.empty()) io.note("no keys configured; pawl-signer key new makes one");
  for (const auto& entry : bench->config().keys) {
    const auto* record = bench->ring().find(entry.name);
    auto object = record_json(*record);
    object.set("name", entry.name);
    auto text = entry.name + "  " + record->id().text.substr(0, 16) + "  " + custody_text(*record);
    if (repository) {
      const auto roles = roles_of(*repository, record->id());
      object.set("signs", roles);
      text += "  signs " + roles;
    }
    io.result(std::move(object), text);
  }
  return Ok{};
}

}  // namespace pawl::signer
