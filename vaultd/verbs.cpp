#include "vaultd/verbs.hpp"

#include <algorithm>

#include <sodium.h>

#include "base/bytes.hpp"

namespace pawl::vaultd {
namespace {

Result<vault::EntryInfo> info_of(const vault::Vault& vault, const std::string& name) {
  for (auto& entry : vault.list()) {
    if (entry.name == name) return entry;
  }
  return fail(Errc::kUsage, "the vault has no entry " + printable(name))
      .with_hint("pawl-vault list names them");
}

/// How many bytes a range of an entry of `size` bytes has.
Result<std::uint64_t> length_of(const Range& range, std::uint64_t size) {
  if (range.offset > size || (range.length && *range.length > size - range.offset)) {
    return fail(
        Errc::kUsage,
        "the entry has " + std::to_string(size) + " bytes; offset " + std::to_string(range.offset) +
            (range.length ? " and length " + std::to_string(*range.length) : std::string()) +
            " pass its end");
  }
  return range.length.value_or(size - range.offset);
}

}  // namespace

Result<vault::VaultStatus> init(Store& store) {
  PAWL_TRY(const auto vault, store.create());
  return vault.status();
}

Result<vault::EntryInfo> put(Store& store, const std::string& name, PutMode mode, Source& from,
                             Progress& progress) {
  PAWL_TRY(auto vault, store.open());
  PAWL_TRY(auto writer, mode == PutMode::kAppend ? vault.append(name) : vault.replace(name));
  PAWL_TRY(auto piece, SecretBytes::allocate(kPiece));
  for (std::uint64_t done = 0;;) {
    PAWL_TRY(const auto n, from.read(piece.mutable_span()));
    PAWL_CHECK(writer.write(piece.span().first(n)));
    done += n;
    progress.update("put " + name, done, from.total());
    if (n < piece.size()) break;
  }
  PAWL_CHECK(writer.finish());
  return info_of(vault, name);
}

Result<GetResult> get(Store& store, const std::string& name, const Range& range, Sink& to,
                      Progress& progress) {
  PAWL_TRY(auto vault, store.open());
  PAWL_CHECK(info_of(vault, name));
  PAWL_TRY(auto reader, vault.read(name));
  PAWL_TRY(const auto length, length_of(range, reader.size()));
  PAWL_TRY(auto piece, SecretBytes::allocate(kPiece));
  std::uint64_t done = 0;
  do {  // at least once: an empty entry has a chunk that must verify
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), length - done));
    PAWL_CHECK(reader.read_at(piece.mutable_span().first(n), range.offset + done));
    PAWL_CHECK(to.write(piece.span().first(n)));
    done += n;
    progress.update("get " + name, done, length);
  } while (done < length);
  PAWL_CHECK(to.finish());
  return GetResult{reader.size(), length};
}

Result<GetValue> get_value(Store& store, const std::string& name, const Range& range,
                           std::size_t limit) {
  PAWL_TRY(auto vault, store.open());
  PAWL_CHECK(info_of(vault, name));
  PAWL_TRY(auto reader, vault.read(name));
  PAWL_TRY(const auto length, length_of(range, reader.size()));
  if (length > limit) {
    return fail(Errc::kTooLarge, "entry " + printable(name) + ": " + std::to_string(length) +
                                     " bytes in JSON, the limit is " + std::to_string(limit))
        .with_hint("send it to a file with --output, or ask for a part with --length");
  }
  PAWL_TRY(auto value, SecretBytes::allocate(static_cast<std::size_t>(length)));
  PAWL_CHECK(reader.read_at(value.mutable_span(), range.offset));
  return GetValue{{reader.size(), length}, std::move(value)};
}

Result<std::vector<vault::EntryInfo>> list(Store& store) {
  PAWL_TRY(const auto vault, store.open());
  return vault.list();
}

Result<vault::EntryInfo> remove(Store& store, const std::string& name, DryRun dry_run) {
  PAWL_TRY(auto vault, store.open());
  PAWL_TRY(auto info, info_of(vault, name));
  if (dry_run == DryRun::kNo) PAWL_CHECK(vault.remove(name));
  return info;
}

Result<vault::VaultStatus> rotate(Store& store, Rotation rotation) {
  PAWL_TRY(auto vault, store.open());
  PAWL_CHECK(rotation == Rotation::kDeep ? vault.rotate_deep() : vault.rotate());
  return vault.status();
}

Result<vault::VaultStatus> recover(Store& store, ByteView key) {
  auto text = as_text(key);
  if (text.ends_with('\n')) text.remove_suffix(1);
  auto raw = fixed_from_hex<vault::RecoveryKey>(text);
  if (!raw) {
    return fail(Errc::kUsage, "the recovery key file does not hold 64 hexadecimal digits")
        .with_hint("the manual tells how to make one");
  }
  PAWL_TRY(const auto secret, SecretBytes::copy_of(raw->bytes));
  sodium_memzero(raw->bytes.data(), raw->bytes.size());
  PAWL_TRY(const auto vault, store.recover(secret));
  return vault.status();
}

Result<StatusResult> status(Store& store) {
  PAWL_TRY(const auto vault, store.open());
  StatusResult out{vault.status(), 0};
  for (const auto& entry : vault.list()) out.bytes += entry.size;
  return out;
}

}  // namespace pawl::vaultd
