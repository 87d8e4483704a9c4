#include "distributor/verbs.hpp"

#include "distributor/admin_channel.hpp"
#include "distributor/config.hpp"
#include "distributor/serve.hpp"

namespace pawl::distributor {
namespace {

/// One call to the running distributor.
Result<json::Object> call(const cli::Args& args, const std::string& target,
                          const json::Object& body) {
  PosixDisk disk;
  SystemClock clock;
  PAWL_TRY(const auto channel, open_channel(args, disk, clock));
  return channel->call(target, body);
}

std::string text_of(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr) return "-";
  if (const auto* text = value->string()) return text->empty() ? "-" : *text;
  if (const auto* number = value->integer()) return std::to_string(*number);
  if (const auto* flag = value->boolean()) return *flag ? "yes" : "no";
  return json::write(*value);
}

json::Array list_of(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  return value == nullptr || value->array() == nullptr ? json::Array() : *value->array();
}

// One line per object: the named members, two blanks apart.
std::string table(const json::Array& rows, std::initializer_list<std::string_view> names) {
  std::string out;
  for (const auto& row : rows) {
    if (row.object() == nullptr) continue;
    if (!out.empty()) out += '\n';
    std::string line;
    for (const auto name : names) line += (line.empty() ? "" : "  ") + text_of(*row.object(), name);
    out += line;
  }
  return out;
}

Status change_device(const cli::Args& args, cli::Io& io, std::string_view action,
                     json::Object body) {
  body.set("id", args.value("ID"));
  body.set("action", action);
  PAWL_TRY(auto done, call(args, "/admin/v1/device/change", body));
  const auto* changed = done.find("changed");
  const bool is_new = changed != nullptr && changed->boolean() != nullptr && *changed->boolean();
  io.result(std::move(done),
            args.value("ID") + (is_new ? ": " : ": nothing to do, ") + std::string(action));
  return Ok{};
}

json::Object with_reason(const cli::Args& args) {
  json::Object body;
  if (const auto reason = args.get("--reason")) body.set("reason", *reason);
  return body;
}

json::Array texts(const std::vector<std::string>& list) {
  json::Array out;
  for (const auto& item : list) out.emplace_back(item);
  return out;
}

Status change_release(const cli::Args& args, cli::Io& io, std::string_view action) {
  json::Object body;
  body.set("product", args.value("PRODUCT"));
  body.set("version", args.value("VERSION"));
  body.set("action", action);
  PAWL_TRY(auto done, call(args, "/admin/v1/release/change", body));
  io.result(std::move(done),
            args.value("PRODUCT") + " " + args.value("VERSION") + ": " + std::string(action));
  return Ok{};
}

// Pages of devices until there is none left.
Result<json::Array> all_devices(AdminChannel& channel, const std::optional<std::string>& state) {
  json::Array out;
  json::Object query;
  if (state) query.set("state", *state);
  while (true) {
    PAWL_TRY(const auto page, channel.call("/admin/v1/devices", query));
    for (auto& device : list_of(page, "devices")) out.push_back(std::move(device));
    const auto* next = page.find("next");
    if (next == nullptr) return out;
    query.set("after", *next);
  }
}

}  // namespace

Status run_serve(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  PAWL_TRY(const auto config, load_config(args, disk));
  return serve(config, io);
}

Status run_check_config(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  PAWL_CHECK(load_config(args, disk));
  io.result({}, "configuration is valid");
  return Ok{};
}

Status run_device_list(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  SystemClock clock;
  PAWL_TRY(const auto channel, open_channel(args, disk, clock));
  PAWL_TRY(auto devices, all_devices(*channel, args.get("--state")));
  auto text = table(devices, {"id", "state", "product", "release_counter", "last_seen"});
  if (text.empty()) text = "no devices";
  json::Object out;
  out.set("devices", std::move(devices));
  io.result(std::move(out), text);
  return Ok{};
}

Status run_device_show(const cli::Args& args, cli::Io& io) {
  json::Object body;
  body.set("id", args.value("ID"));
  PAWL_TRY(auto found, call(args, "/admin/v1/device", body));
  const auto* device = found.find("device");
  std::string text = device == nullptr ? "" : json::write_pretty(*device);
  const auto history = table(list_of(found, "history"), {"time", "seq", "step", "code", "detail"});
  if (!history.empty()) text += "\n" + history;
  io.result(std::move(found), text);
  return Ok{};
}

Status run_device_admit(const cli::Args& args, cli::Io& io) {
  auto body = with_reason(args);
  if (const auto product = args.get("--product")) body.set("product", *product);
  if (!args.all("--tag").empty()) body.set("tags", texts(args.all("--tag")));
  return change_device(args, io, "admit", std::move(body));
}

Status run_device_ban(const cli::Args& args, cli::Io& io) {
  return change_device(args, io, "ban", with_reason(args));
}
Status run_device_unban(const cli::Args& args, cli::Io& io) {
  return change_device(args, io, "unban", with_reason(args));
}
Status run_device_retire(const cli::Args& args, cli::Io& io) {
  return change_device(args, io, "retire", with_reason(args));
}

Status run_device_tag(const cli::Args& args, cli::Io& io) {
  json::Object body;
  body.set("tags", texts(args.all("--tag")));
  return change_device(args, io, "tag", std::move(body));
}

Status run_release_list(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto found, call(args, "/admin/v1/releases", {}));
  auto text = table(list_of(found, "releases"),
                    {"product", "version", "release_counter", "withdrawn", "manifest_sha256"});
  if (text.empty()) text = "no releases";
  io.result(std::move(found), text);
  return Ok{};
}

Status run_release_withdraw(const cli::Args& args, cli::Io& io) {
  return change_release(args, io, "withdraw");
}
Status run_release_restore(const cli::Args& args, cli::Io& io) {
  return change_release(args, io, "restore");
}

Status run_audit(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(const auto after, args.number("--after", 0, json::kMaxInteger));
  json::Object body;
  body.set("after", static_cast<std::int64_t>(after.value_or(0)));
  PAWL_TRY(auto found, call(args, "/admin/v1/audit", body));
  auto text =
      table(list_of(found, "entries"), {"number", "time", "who", "action", "subject", "detail"});
  if (text.empty()) text = "no entries";
  io.result(std::move(found), text);
  return Ok{};
}

Status run_status(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto found, call(args, "/admin/v1/status", {}));
  const auto text = json::write_pretty(found);
  io.result(std::move(found), text);
  return Ok{};
}

}  // namespace pawl::distributor
