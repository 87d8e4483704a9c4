#include "updater/report.hpp"

#include "base/progress.hpp"

namespace pawl::updater {
namespace {

std::string slot_text(Slot slot) {
  return "slot " + std::string(boot::letter(slot));
}

template <class Number>
std::int64_t number(Number value) {
  return static_cast<std::int64_t>(value.get());
}

std::string floor_line(std::string_view kind) {
  return "floor: " + std::string(kind);
}

json::Object release_json(const ReleaseId& release) {
  json::Object out;
  out.set("version", release.version);
  out.set("release_counter", number(release.counter));
  out.set("security_version", number(release.security));
  out.set("min_security_version", number(release.min_security));
  out.set("manifest_sha256", to_hex(release.manifest));
  return out;
}

std::string release_text(const ReleaseId& release) {
  return release.version + " (release counter " + std::to_string(release.counter.get()) +
         ", security version " + std::to_string(release.security.get()) + ")";
}

std::string condition_text(const boot::SlotState& state) {
  auto out = std::string(boot::condition_name(state.condition));
  if (state.condition == boot::SlotCondition::kTrial) {
    out += ", tries left " + std::to_string(state.tries_left.get());
  }
  return out;
}

std::string outcome_text(const Outcome& outcome) {
  auto out = std::string(ending_name(outcome.ending)) + " " + outcome.version;
  return outcome.reason.empty() ? out : out + ": " + outcome.reason;
}

json::Object outcome_json(const Outcome& outcome) {
  json::Object out;
  out.set("ending", ending_name(outcome.ending));
  out.set("version", outcome.version);
  if (!outcome.reason.empty()) out.set("reason", outcome.reason);
  return out;
}

}  // namespace

void print(cli::Io& io, const ProvisionResult& result, std::string_view floor_kind) {
  json::Object out;
  out.set("changed", result.end == ProvisionResult::End::kDone);
  out.set("floor", floor_kind);
  out.set("security_floor", number(result.floor));
  if (result.end == ProvisionResult::End::kNothing) {
    io.result(std::move(out), "the TPM of this device is in use already\nsecurity version floor: " +
                                  std::to_string(result.floor.get()) + "\n" +
                                  floor_line(floor_kind));
    return;
  }
  const bool measured = result.measured == sealing::Measured::kYes;
  out.set("version", result.version);
  out.set("measured", measured);
  json::Array events;
  std::string text = result.end == ProvisionResult::End::kDone ? "sealed to release "
                                                               : "would be sealed to release ";
  text += result.version + ", security version floor " + std::to_string(result.floor.get());
  if (!measured) text += "\ndevelopment: this boot measured nothing, so any boot opens the state";
  for (const auto& event : result.firmware) {
    json::Object row;
    row.set("pcr", static_cast<std::int64_t>(event.pcr));
    row.set("digest", to_hex(event.digest));
    events.emplace_back(std::move(row));
    text += "\napproved: PCR " + std::to_string(event.pcr) + " " + to_hex(event.digest);
  }
  out.set("firmware", std::move(events));
  io.result(std::move(out), text + "\n" + floor_line(floor_kind));
}

void print(cli::Io& io, const CheckResultOf& result) {
  json::Object out;
  out.set("available", result.release.has_value());
  out.set("timestamp", number(result.report.timestamp));
  out.set("time_from",
          result.report.time_source == manifest::TimeSource::kClock ? "clock" : "floor");
  if (!result.release) return io.result(std::move(out), "nothing newer");
  const auto& release = *result.release;
  out.set("version", release.version);
  out.set("release_counter", number(release.release_counter));
  out.set("security_version", number(release.security_version));
  out.set("logged", result.logged == manifest::Logged::kProved);
  io.result(std::move(out), "release " + release.version + " can be installed (release counter " +
                                std::to_string(release.release_counter.get()) + ")");
}

namespace {

std::string totals_text(const InstallTotals& totals) {
  std::string text = std::to_string(totals.windows) + " windows";
  if (totals.present != 0) text += ", " + std::to_string(totals.present) + " were there already";
  return text + ", " + format_size(totals.fetched) + " fetched, read back and verified";
}

void set_totals(json::Object& out, const InstallTotals& totals) {
  out.set("windows", static_cast<std::int64_t>(totals.windows));
  out.set("windows_present", static_cast<std::int64_t>(totals.present));
  out.set("bytes_fetched", static_cast<std::int64_t>(totals.fetched));
}

}  // namespace

namespace {

std::string waived_text(const std::vector<std::string>& waived, json::Object& out) {
  if (waived.empty()) return {};
  json::Array names;
  std::string text = "\ndevelopment: a ticket waived";
  for (const auto& name : waived) {
    names.emplace_back(name);
    text += " " + name;
  }
  out.set("waived", std::move(names));
  return text;
}

}  // namespace

void print(cli::Io& io, const manifest::Tickets& request, const std::string& product) {
  json::Object out;
  out.set("product", product);
  out.set("device", to_hex(request.device));
  out.set("nonce", to_hex(*request.nonce));
  io.result(std::move(out), "product " + product + "\ndevice  " + to_hex(request.device) +
                                "\nnonce   " + to_hex(*request.nonce) +
                                "\npass these to: pawl-signer override");
}

void print(cli::Io& io, const InstallResult& result, std::string_view floor_kind) {
  json::Object out;
  out.set("changed", result.end == InstallResult::End::kArmed);
  out.set("floor", floor_kind);
  if (result.end == InstallResult::End::kNothing) {
    return io.result(std::move(out), "nothing newer to install");
  }
  out.set("version", result.version);
  out.set("slot", boot::letter(result.target));
  const auto waived = waived_text(result.waived, out);
  if (result.logged) out.set("logged", *result.logged == manifest::Logged::kProved);
  if (result.end == InstallResult::End::kPlanned) {
    out.set("dry_run", true);
    return io.result(std::move(out), "release " + result.version + " would be installed to " +
                                         slot_text(result.target) + waived);
  }
  const auto& totals = result.totals;
  out.set("restart_required", true);
  set_totals(out, totals);
  std::string text = "release " + result.version + " is in " + slot_text(result.target) + ": " +
                     totals_text(totals) + waived + "\n";
  text += "restart the device to try it\n" + floor_line(floor_kind);
  io.result(std::move(out), text);
}

void print(cli::Io& io, const BootResult& result, std::string_view floor_kind) {
  json::Object out;
  out.set("state", state_name(result.state));
  out.set("slot", boot::letter(result.running));
  out.set("floor", floor_kind);
  std::string text = slot_text(result.running) + " is running";
  if (!result.version.empty()) {
    out.set("version", result.version);
    text += ": " + result.version;
  }
  if (result.state == State::kTrial) text += ", on trial";
  if (result.ended) {
    out.set("ended", outcome_json(*result.ended));
    text += "\n" + outcome_text(*result.ended);
  }
  io.result(std::move(out), text + "\n" + floor_line(floor_kind));
}

void print(cli::Io& io, const TrialResult& result, std::string_view floor_kind) {
  json::Object out;
  out.set("changed", result.end != TrialResult::End::kNothing);
  out.set("healed", result.healed);
  out.set("floor", floor_kind);
  json::Array checks;
  std::string text;
  for (const auto& check : result.checks) {
    json::Object row;
    row.set("name", check.name);
    row.set("problem", check.problem);
    checks.emplace_back(std::move(row));
    text += "health check " + check.name + ": " +
            (check.problem.empty() ? "passed" : check.problem) + "\n";
  }
  out.set("checks", std::move(checks));
  switch (result.end) {
    case TrialResult::End::kNothing:
      text += "nothing is on trial";
      break;
    case TrialResult::End::kCommitted:
      out.set("outcome", "committed");
      text += "committed " + result.version;
      break;
    case TrialResult::End::kReverted:
      out.set("outcome", "reverted");
      out.set("reason", result.reason);
      out.set("restart_required", true);
      text += "reverted " + result.version + ": " + result.reason +
              "\nrestart the device to return to the other slot";
      break;
  }
  if (!result.version.empty()) out.set("version", result.version);
  if (result.healed) text += "\nthe other slot is a copy of this one now";
  io.result(std::move(out), text + "\n" + floor_line(floor_kind));
}

void print(cli::Io& io, const RollbackResult& result, std::string_view floor_kind) {
  json::Object out;
  out.set("changed", true);
  out.set("version", result.version);
  out.set("slot", boot::letter(result.target));
  out.set("floor", floor_kind);
  out.set("restart_required", result.end != RollbackResult::End::kCancelled);
  std::string text;
  switch (result.end) {
    case RollbackResult::End::kReverted:
      out.set("outcome", "reverted");
      text = "reverted " + result.version + "\nrestart the device to return to the other slot";
      break;
    case RollbackResult::End::kCancelled:
      out.set("outcome", "cancelled");
      text = "gave up " + result.version + " in " + slot_text(result.target);
      break;
    case RollbackResult::End::kArmed:
      out.set("outcome", "armed");
      text = "release " + result.version + " in " + slot_text(result.target) +
             " is whole\nrestart the device to try it";
      break;
  }
  io.result(std::move(out), text + "\n" + floor_line(floor_kind));
}

void print(cli::Io& io, const StatusResult& result) {
  const auto& record = result.record;
  json::Object out;
  json::Object slots;
  std::string text;
  for (const auto slot : {Slot::kA, Slot::kB}) {
    const auto& row = result.slots[slot == Slot::kA ? 0 : 1];
    json::Object one;
    one.set("state", boot::condition_name(row.state.condition));
    one.set("tries_left", static_cast<std::int64_t>(row.state.tries_left.get()));
    if (row.holds) one.set("release", release_json(*row.holds));
    slots.set(boot::letter(slot), std::move(one));
    text += slot_text(slot) + ": " + (row.holds ? release_text(*row.holds) : "no whole release") +
            ", " + condition_text(row.state) + (slot == result.running ? ", running" : "") +
            (slot == result.primary ? ", primary" : "") + "\n";
  }
  out.set("slots", std::move(slots));
  out.set("running", boot::letter(result.running));
  out.set("primary", boot::letter(result.primary));
  out.set("state", state_name(record.state));
  text += "state: " + std::string(state_name(record.state));
  if (record.release) {
    out.set("update", release_json(*record.release));
    text += " " + record.release->version + " in " + slot_text(*record.target);
  }
  if (record.last) {
    out.set("last", outcome_json(*record.last));
    text += "\nlast: " + outcome_text(*record.last);
  }
  if (result.closed.empty() && result.floors_problem.empty()) {
    out.set("release_counter", number(result.floors.release_counter));
    out.set("security_floor", number(result.floors.security_version));
    text += "\ncommitted release counter: " + std::to_string(result.floors.release_counter.get()) +
            "\nsecurity version floor: " + std::to_string(result.floors.security_version.get());
    if (const auto& tickets = result.floors.tickets) {
      out.set("tickets_used", static_cast<std::int64_t>(tickets->used));
      text += "\ndevelopment: " + std::to_string(tickets->used) + " override tickets used";
    }
  } else if (result.closed.empty()) {
    out.set("floors_problem", result.floors_problem);
    text += "\nfloors: " + result.floors_problem;
  } else {
    out.set("closed", result.closed);
    text += "\nsealed state: closed (what is shown is not verified): " + result.closed;
  }
  out.set("floor", result.floor_kind);
  out.set("boot_loader", result.loader.backend);
  out.set("restart_required", result.restart_due);
  text +=
      "\n" + floor_line(result.floor_kind) + "\nboot loader: " + std::string(result.loader.backend);
  if (result.restart_due) text += "\nrestart the device to go on";
  io.result(std::move(out), text);
}

void print(cli::Io& io, const EnrolmentResult& result) {
  json::Object out;
  out.set("changed", result.changed);
  out.set("id", result.id.uri());
  out.set("not_after", format_utc(result.not_after));
  out.set("renew_at", format_utc(result.renew_at));
  const std::string what = result.changed ? "enrolled as " : "enrolled already as ";
  io.result(std::move(out), what + result.id.uri() + ", valid until " +
                                format_utc(result.not_after) + ", to be renewed at " +
                                format_utc(result.renew_at));
}

void print(cli::Io& io, const PollResult& result) {
  using End = PollResult::End;
  json::Object out;
  out.set("changed", result.end == End::kArmed);
  if (!result.version.empty()) out.set("version", result.version);
  if (result.asked) out.set("poll_after_s", std::int64_t{result.asked->count()});
  const auto offered = "release " + result.version;
  switch (result.end) {
    case End::kNothing:
      out.set("outcome", "nothing");
      return io.result(std::move(out), "nothing new");
    case End::kRefreshed:
      out.set("outcome", "refreshed");
      return io.result(std::move(out), "newer metadata, nothing to install");
    case End::kBusy:
      out.set("outcome", "busy");
      return io.result(std::move(out), offered + " is offered, another update has not ended");
    case End::kArmed:
      out.set("outcome", "armed");
      out.set("restart_required", true);
      set_totals(out, result.totals);
      return io.result(std::move(out), offered +
                                           " is in the other slot: " + totals_text(result.totals) +
                                           "\nrestart the device to try it");
  }
}

void print(cli::Io& io, const Config& config, const std::string& path) {
  json::Object out;
  out.set("ok", true);
  out.set("product", config.device.product);
  if (config.server) {
    out.set("server", config.server->origin.text());
    out.set("server_id", config.server->id.uri());
  } else {
    out.set("repository", config.repository);
  }
  io.result(std::move(out), path + ": ok, product " + config.device.product);
}

void print(cli::Io& io, const std::vector<Finding>& findings) {
  json::Object out;
  json::Array rows;
  std::string text;
  for (const auto& one : findings) {
    const auto verdict = verdict_name(one.verdict);
    json::Object row;
    row.set("subject", one.subject);
    row.set("verdict", verdict);
    row.set("text", one.text);
    if (!one.hint.empty()) row.set("hint", one.hint);
    if (one.verdict == Finding::Verdict::kFault) row.set("error", errc_name(one.code));
    rows.emplace_back(std::move(row));
    text += std::string(verdict) + ": " + one.subject + ": " + one.text + "\n";
    if (!one.hint.empty()) text += "    " + one.hint + "\n";
  }
  out.set("findings", std::move(rows));
  io.result(std::move(out), text);
}

}  // namespace pawl::updater
