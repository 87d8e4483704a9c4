#include "sealing/cell_now.hpp"

#include "tpm/fault.hpp"

namespace pawl::sealing {
namespace {

bool same(const tpm::Branch& a, const tpm::Branch& b) {
  const auto counter = tpm::nv_name(tpm::kCounterPublic);
  return tpm::branch_policy(a, counter) == tpm::branch_policy(b, counter);
}

/// PCRs that the other slot's release would leave, in the ways a device may have been set up: by
/// prediction, or (development) the same as now. Firmware events are not judged here: the cell
/// says whether this very boot was approved.
std::vector<tpm::PcrValues> other_pcrs(const BootFacts& boot, const Slots& slots,
                                       tpm::PcrSet bound) {
  std::vector<tpm::PcrValues> out;
  const auto& own = slots.held[slots.running];
  const auto& other = slots.held[1 - slots.running];
  if (!other) return out;
  if (own) {
    const tpm::Boot whole{boot.log, boot.live, bound};
    const auto rest = tpm::explain_boot(whole, own->measured);
    const auto next = rest ? tpm::predict(whole, own->measured, other->measured, *rest)
                           : Result<tpm::PcrValues>(fail(Errc::kTpm, ""));
    if (next) out.push_back(*next);
  }
  out.push_back(boot.live);
  return out;
}

/// Tries the texts of one bound set.
class Search {
 public:
  Search(const tpm::CellContent& held, std::uint64_t counter, const BootFacts& boot,
         const Slots& slots, tpm::PcrSet bound)
      : held_(held),
        counter_(counter),
        boot_(boot),
        slots_(slots),
        bound_(bound),
        others_(other_pcrs(boot, slots, bound)) {}

  [[nodiscard]] std::optional<CellNow> run() const {
    for (std::uint64_t raise = 0; raise <= tpm::kMaxRaise; ++raise) {
      if (auto found = with_own_limit(counter_ + raise)) return found;
      if (auto found = with_other_limit(counter_ + raise)) return found;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<CellNow> with_own_limit(std::uint64_t limit) const {
    const auto& own = slots_.held[slots_.running];
    if (!own || own->security.get() > limit) return std::nullopt;
    const auto base = limit - own->security.get();
    if (base > counter_) return std::nullopt;
    const tpm::Branch running{bound_, boot_.live, limit};
    if (auto found = judged(text_of(running, nullptr, slots_.running), Allows::kRunning, base)) {
      return found;
    }
    for (const auto& pcrs : others_) {
      const auto& other = slots_.held[1 - slots_.running];
      const tpm::Branch second{bound_, pcrs, base + other->security.get()};
      if (auto found = judged(text_of(running, &second, slots_.running), Allows::kBoth, base)) {
        return found;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<CellNow> with_other_limit(std::uint64_t limit) const {
    const auto& other = slots_.held[1 - slots_.running];
    if (!other || other->security.get() > limit) return std::nullopt;
    for (const auto& pcrs : others_) {
      const tpm::Branch second{bound_, pcrs, limit};
      if (auto found = judged(text_of(second, nullptr, 1 - slots_.running), Allows::kOtherOnly,
                              limit - other->security.get())) {
        return found;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<CellNow> judged(tpm::CellText text, Allows allows,
                                              std::uint64_t base) const {
    const auto content = tpm::content_of(text);
    if (!content || *content != held_) return std::nullopt;
    return CellNow{std::move(text), allows, base, bound_};
  }

  const tpm::CellContent& held_;
  std::uint64_t counter_;
  const BootFacts& boot_;
  const Slots& slots_;
  tpm::PcrSet bound_;
  std::vector<tpm::PcrValues> others_;
};

}  // namespace

tpm::CellText text_of(const tpm::Branch& running, const tpm::Branch* other,
                      std::size_t running_slot) {
  if (other == nullptr || same(running, *other)) return {{running}, 0};
  if (running_slot == 0) return {{running, *other}, 0};
  return {{*other, running}, 1};
}

Result<CellNow> find_cell_now(const tpm::CellContent& held, std::uint64_t counter,
                              const BootFacts& boot, const Slots& slots) {
  for (const auto secure_boot : {tpm::SecureBoot::kOff, tpm::SecureBoot::kOn}) {
    auto found = Search(held, counter, boot, slots, tpm::efi_uki_pcrs(secure_boot)).run();
    if (found) return *std::move(found);
  }
  return tpm::fail_tpm(tpm::Fault::kTampered,
                       "the cell holds none of the texts that this boot and the releases of the "
                       "two slots lead to")
      .with_hint("boot the committed slot; if it runs, see docs/runbooks/tpm.md");
}

Result<tpm::Branch> predict_branch(const CellNow& now, std::uint64_t counter, const BootFacts& boot,
                                   const SlotRelease& running, const SlotRelease& target,
                                   std::span<const tpm::Event> approved, Measured measured) {
  tpm::Branch out{now.bound, boot.live, 0};
  if (measured == Measured::kYes) {
    const tpm::Boot whole{boot.log, boot.live, now.bound};
    PAWL_TRY(out.pcrs, tpm::predict(whole, running.measured, target.measured, approved));
  }
  PAWL_TRY(out.limit, tpm::branch_limit(counter, now.base, target.security));
  return out;
}

}  // namespace pawl::sealing
