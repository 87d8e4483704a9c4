#include "hsm/object.hpp"

#include <array>
#include <cstring>

#include <p11-kit/pkcs11.h>

namespace pawl::hsm {
namespace {

constexpr std::size_t kMaxObjects = 1024;
constexpr std::size_t kBatch = 16;

/// Ends the search on every way out.
class Search {
 public:
  Search(CK_FUNCTION_LIST& calls, CK_SESSION_HANDLE session) : calls_(calls), session_(session) {}
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  Search(Search&&) = delete;
  Search& operator=(Search&&) = delete;
  ~Search() { (void)calls_.C_FindObjectsFinal(session_); }

 private:
  CK_FUNCTION_LIST& calls_;
  CK_SESSION_HANDLE session_;
};

CK_ATTRIBUTE query(CK_ATTRIBUTE_TYPE type, ByteView value) {
  // The module only reads the templates of a search.
  return {type, const_cast<std::uint8_t*>(value.data()), value.size()};
}

bool is_absent(CK_RV rv) {
  return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
}

}  // namespace

Result<std::vector<unsigned long>> find_objects(Session& session, unsigned long object_class,
                                                const std::optional<std::string>& label,
                                                const std::optional<Bytes>& id) {
  PAWL_TRY(auto* p11, session.calls());
  CK_OBJECT_CLASS wanted = object_class;
  std::vector<CK_ATTRIBUTE> search{{CKA_CLASS, &wanted, sizeof wanted}};
  if (id) search.push_back(query(CKA_ID, *id));
  if (label) search.push_back(query(CKA_LABEL, as_bytes(*label)));
  CK_RV rv = p11->C_FindObjectsInit(session.handle(), search.data(), search.size());
  if (rv != CKR_OK) return ckr_error("C_FindObjectsInit", rv);
  const Search running(*p11, session.handle());
  std::vector<unsigned long> out;
  for (;;) {
    std::array<CK_OBJECT_HANDLE, kBatch> found{};
    CK_ULONG count = 0;
    rv = p11->C_FindObjects(session.handle(), found.data(), found.size(), &count);
    if (rv != CKR_OK) return ckr_error("C_FindObjects", rv);
    if (count == 0) return out;
    if (count > found.size() || out.size() + count > kMaxObjects) {
      return fail(Errc::kTooLarge, "the token shows over 1024 objects");
    }
    out.insert(out.end(), found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

Result<std::optional<Bytes>> attribute(Session& session, unsigned long object, unsigned long type,
                                       std::size_t limit) {
  PAWL_TRY(auto* p11, session.calls());
  Bytes value(limit);
  CK_ATTRIBUTE wanted{type, value.data(), value.size()};
  const CK_RV rv = p11->C_GetAttributeValue(session.handle(), object, &wanted, 1);
  if (is_absent(rv)) return std::optional<Bytes>();
  if (rv == CKR_BUFFER_TOO_SMALL) {
    return fail(Errc::kTooLarge,
                "an attribute of the token is over " + std::to_string(limit) + " bytes");
  }
  if (rv != CKR_OK) return ckr_error("C_GetAttributeValue", rv);
  if (wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION) return std::optional<Bytes>();
  if (wanted.ulValueLen > value.size()) return fail(Errc::kHsm, "attribute length out of bounds");
  value.resize(wanted.ulValueLen);
  return std::optional(std::move(value));
}

Result<std::optional<bool>> flag_attribute(Session& session, unsigned long object,
                                           unsigned long type) {
  PAWL_TRY(const auto value, attribute(session, object, type, 16));
  if (!value || value->size() != 1 || value->front() > CK_TRUE) return std::optional<bool>();
  return std::optional(value->front() == CK_TRUE);
}

Result<bool> is_edwards(Session& session, unsigned long object) {
  PAWL_TRY(const auto value, attribute(session, object, CKA_KEY_TYPE, 16));
  CK_KEY_TYPE type = 0;
  if (!value || value->size() != sizeof type) return false;
  std::memcpy(&type, value->data(), sizeof type);
  return type == CKK_EC_EDWARDS;
}

}  // namespace pawl::hsm
