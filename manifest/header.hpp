#pragma once
#include "manifest/fields.hpp"
#include "manifest/roles.hpp"

/// What the four role files have in common. Private to the role parsers.
namespace pawl::manifest {

inline constexpr std::size_t kMaxRoleKeys = 128;

/// Parses one `signed` text to an object; strict: canonical again, so that it can be called alone.
[[nodiscard]] Result<json::Value> parse_signed(std::string_view text, Profile profile);
/// `_type`, `spec_version`, `version`, `expires`, `x-pawl` (FORMAT 2.4.1, 2.4.3).
[[nodiscard]] Result<Header> parse_header(const Fields& fields, std::string_view type,
                                          Profile profile);
[[nodiscard]] json::Object header_to_json(const Header& header, std::string_view type);
/// An entry of `meta`.
[[nodiscard]] Result<MetaFile> parse_meta_file(const json::Value& value, const std::string& where,
                                               Profile profile);
[[nodiscard]] json::Object meta_file_to_json(const MetaFile& file);

}  // namespace pawl::manifest
