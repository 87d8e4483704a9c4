#include "manifest/ticket.hpp"

#include <algorithm>
#include <array>

#include "manifest/attack.hpp"
#include "manifest/fields.hpp"

namespace pawl::manifest {
namespace {

constexpr std::array<std::pair<Waiver, std::string_view>, 2> kWaivers{
    {{Waiver::kReleaseCounter, "release-counter"}, {Waiver::kRolloutWindow, "rollout-window"}}};

Result<TicketNumber> number(const Fields& fields, std::string_view name) {
  PAWL_TRY(const auto text, fields.text(name, 64));
  auto out = fixed_from_hex<TicketNumber>(text);
  if (out && to_hex(*out) == text) return out;
  return fields.bad(name, "is not 64 hexadecimal digits in lower case");
}

Result<std::vector<Waiver>> parse_waivers(const Fields& fields) {
  PAWL_TRY(const auto* list, fields.array("waives", kWaivers.size()));
  std::vector<Waiver> out;
  for (const auto& item : *list) {
    const auto* name = item.string();
    if (name == nullptr) return fields.bad("waives", "holds something that is not a string");
    PAWL_TRY(const auto waiver, parse_waiver(*name));
    if (!out.empty() && waiver_name(out.back()) >= waiver_name(waiver)) {
      return fields.bad("waives", "is not sorted");
    }
    out.push_back(waiver);
  }
  if (out.empty()) return fields.bad("waives", "is empty");
  return out;
}

Error wrong_device(std::string what) {
  return refuse(Attack::kWrongDevice, Errc::kNotForDevice, "ticket: " + std::move(what));
}

Status check_origin(const Ticket& ticket, const TrustedSet& trusted, const std::string& product) {
  if (!trusted.repository() || ticket.repository != *trusted.repository()) {
    return refuse(Attack::kMixAndMatch, Errc::kBadSignature,
                  "ticket: is signed for another repository");
  }
  if (ticket.product == product) return Ok{};
  return wrong_device("is for product " + printable(ticket.product) + ", this device is '" +
                      product + "'");
}

/// Device and nonce are those this device gave out last (FORMAT 15.1.2).
Status check_outstanding(const Ticket& ticket, const std::optional<Tickets>& tickets) {
  if (tickets && ticket.device != tickets->device) {
    return wrong_device("is for device " + to_hex(ticket.device).substr(0, 16) + ", this one is " +
                        to_hex(tickets->device).substr(0, 16));
  }
  if (tickets && tickets->nonce && ticket.nonce == *tickets->nonce) return Ok{};
  return refuse(Attack::kRollback, Errc::kRollback,
                tickets && tickets->nonce ? "ticket: its nonce is not the one this device gave out"
                                          : "ticket: this device waits for none, or has used it")
      .with_hint("ask for a new one: pawl-updater override");
}

}  // namespace

std::string_view waiver_name(Waiver waiver) {
  const auto* const found = std::find_if(kWaivers.begin(), kWaivers.end(),
                                         [&](const auto& pair) { return pair.first == waiver; });
  PAWL_ASSERT(found != kWaivers.end());
  return found->second;
}

Result<Waiver> parse_waiver(std::string_view name) {
  for (const auto& [waiver, known] : kWaivers) {
    if (known == name) return waiver;
  }
  return fail(Errc::kMalformed, "no ticket can waive " + printable(name));
}

std::string ticket_role(std::string_view product) {
  return "debug-" + std::string(product);
}

Result<Ticket> Ticket::parse(std::string_view signed_text) {
  PAWL_TRY(const auto value,
           json::parse(signed_text, {kMaxBytes, 4, kMaxBytes}, json::Form::kCanonical));
  PAWL_TRY(const auto fields, Fields::of(value, "ticket"));
  PAWL_CHECK(fields.literal("_type", "pawl.ticket"));
  PAWL_TRY(const auto format, fields.integer("format", 1, 1));
  (void)format;
  Ticket out;
  PAWL_TRY(out.product, fields.text("product", 64));
  if (!made_of(out.product, kNameAlphabet, 64)) return fields.bad("product", "is no product name");
  PAWL_TRY(out.device, number(fields, "device"));
  PAWL_TRY(out.nonce, number(fields, "nonce"));
  PAWL_TRY(out.manifest, fields.sha256("manifest"));
  PAWL_TRY(out.waivers, parse_waivers(fields));
  PAWL_TRY(out.expires, fields.time("expires"));
  PAWL_TRY(const auto origin, fields.object("x-pawl"));
  PAWL_TRY(out.repository, origin.sha256("repo"));
  PAWL_CHECK(origin.literal("role", ticket_role(out.product)));
  if (out.serialise() != signed_text) {
    return fail(Errc::kMalformed, "ticket: holds members that mean nothing");
  }
  return out;
}

std::string Ticket::serialise() const {
  json::Array names;
  for (const auto waiver : waivers) names.emplace_back(waiver_name(waiver));
  json::Object origin;
  origin.set("repo", to_hex(repository));
  origin.set("role", ticket_role(product));
  json::Object out;
  out.set("_type", "pawl.ticket");
  out.set("format", 1);
  out.set("product", product);
  out.set("device", to_hex(device));
  out.set("nonce", to_hex(nonce));
  out.set("manifest", to_hex(manifest));
  out.set("waives", std::move(names));
  out.set("expires", format_utc(expires));
  out.set("x-pawl", std::move(origin));
  return json::write(out);
}

Result<Override> Override::accept(ByteView file, const TrustedSet& trusted,
                                  const std::string& product,
                                  const std::optional<Tickets>& tickets) {
  const auto& development = trusted.policy().development;
  const auto signed_by = development.find(product);
  if (signed_by == development.end()) {
    return wrong_device("devices of product '" + product + "' are no development devices")
        .with_hint("root decides that, in policy.json");
  }
  PAWL_TRY(const auto envelope,
           classified(UnverifiedEnvelope::split(file, Ticket::kMaxBytes, Profile::kStrict)));
  const auto& role = signed_by->second;
  auto signers = envelope.verify(select_keys(role.keys, role.role));
  if (!signers) {
    auto error = std::move(signers).error();
    error.prefix("ticket");
    return error;
  }
  PAWL_TRY(auto ticket, classified(Ticket::parse(envelope.signed_text())));
  PAWL_CHECK(check_origin(ticket, trusted, product));
  PAWL_CHECK(check_outstanding(ticket, tickets));
  if (trusted.time() >= ticket.expires) {
    return refuse(Attack::kFreeze, Errc::kExpired,
                  "ticket: expired on " + format_utc(ticket.expires) + ", " +
                      format_duration(trusted.time() - ticket.expires) + " ago")
        .with_hint("ask for a new one: pawl-updater override");
  }
  return Override(std::move(ticket), *std::move(signers));
}

Status Override::check_release(const Sha256Digest& manifest) const {
  if (manifest == ticket_.manifest) return Ok{};
  return refuse(Attack::kMixAndMatch, Errc::kHashMismatch,
                "ticket: is for the release with manifest " +
                    to_hex(ticket_.manifest).substr(0, 16) + ", not " +
                    to_hex(manifest).substr(0, 16));
}

bool Override::waives(Waiver waiver) const {
  return std::find(ticket_.waivers.begin(), ticket_.waivers.end(), waiver) != ticket_.waivers.end();
}

}  // namespace pawl::manifest
