#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "hsm/session.hpp"

namespace pawl::hsm {

/// Objects of one class that carry the given label and id, at most 1024. Key types are not part of
/// the search: YubiHSM refuses that. Source: PKCS#11 2.40 section 5.7.
[[nodiscard]] Result<std::vector<unsigned long>> find_objects(
    Session& session, unsigned long object_class, const std::optional<std::string>& label,
    const std::optional<Bytes>& id);
/// One attribute, at most `limit` bytes; empty when the token has or shows no such attribute.
[[nodiscard]] Result<std::optional<Bytes>> attribute(Session& session, unsigned long object,
                                                     unsigned long type, std::size_t limit);
/// A CK_BBOOL attribute; empty when it is neither true nor false.
[[nodiscard]] Result<std::optional<bool>> flag_attribute(Session& session, unsigned long object,
                                                         unsigned long type);
/// CKA_KEY_TYPE is CKK_EC_EDWARDS.
[[nodiscard]] Result<bool> is_edwards(Session& session, unsigned long object);

}  // namespace pawl::hsm
