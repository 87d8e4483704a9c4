#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "distributor/publication.hpp"
#include "distributor/registry.hpp"
#include "distributor/store.hpp"

/// The members of the admin API's bodies (FORMAT 12.6). Readers fail with kMalformed naming the
/// member.
namespace pawl::distributor {

[[nodiscard]] Result<std::string> text_member(const json::Object& body, std::string_view name);
[[nodiscard]] Result<std::int64_t> number_member(const json::Object& body, std::string_view name);
[[nodiscard]] Result<std::optional<std::string>> optional_text(const json::Object& body,
                                                               std::string_view name);
[[nodiscard]] Result<std::optional<std::vector<std::string>>> optional_texts(
    const json::Object& body, std::string_view name);
/// Member "id".
[[nodiscard]] Result<identity::SpiffeId> id_member(const json::Object& body);
/// Member "files": [{path, size, sha256}].
[[nodiscard]] Result<std::vector<RepositoryFile>> files_member(const json::Object& body);

[[nodiscard]] json::Object device_json(const Device& device);
[[nodiscard]] json::Object status_json(const StatusRecord& record);
[[nodiscard]] json::Object audit_json(const AuditEntry& entry);
[[nodiscard]] json::Object offer_json(const Offer& offer);
[[nodiscard]] json::Object file_json(const RepositoryFile& file);

}  // namespace pawl::distributor
