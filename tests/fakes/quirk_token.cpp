// A PKCS#11 2.40 token over libsodium for tests, with the oddities of vendors. It has one key, gw3
// (id 01), and makes more. The file named by PAWL_QUIRK_PROFILE has lines `name=value`, read again
// at each call:
//   model, firmware=2.39    what the token info says (minor as YubiHSM counts: minor * 10 + patch)
//   point=raw|octet|bit|odd|none  form of CKA_EC_POINT; default octet
//   hidden=1                no search before the login      mechanisms=none   no Ed25519
//   public=none             no public key objects: the private one answers the point
//   limit=N                 longest message, with YubiHSM's three error codes above it
//   search=class            refuses searches by anything but class, id and label
//   no_local=1              has no CKA_LOCAL      exportable=1   says EXTRACTABLE
//   curve=oid               generates only for the object identifier
//   template=short          refuses attributes it does not know
//   tries=N                 locks after N wrong PINs (kept in <profile>.tries)
//   sessions=N              sessions at a time    keypad=1       protected authentication path
//   removed=1               the device is gone    sign=other     signs with another key
//   key=same                the key is the same in every process
// A mechanism parameter is refused: some tokens would ignore it.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>
#include <sodium.h>

namespace {

struct Key {
  std::string label;
  std::string id;
  std::array<unsigned char, 32> point{};
  std::array<unsigned char, 64> secret{};
};

struct State {
  bool initialised = false;
  bool logged_in = false;
  unsigned long sessions = 0;
  unsigned long next_session = 1;
  std::vector<Key> keys;
  std::vector<CK_OBJECT_HANDLE> found;
  CK_OBJECT_HANDLE signing = 0;
};
State state;  // one token, as a device has one

constexpr CK_SLOT_ID kSlot = 5;

std::string profile() {
  const char* path = std::getenv("PAWL_QUIRK_PROFILE");
  return path == nullptr ? "" : path;
}

std::string quirk(const std::string& name, const std::string& otherwise = "") {
  std::ifstream in(profile());
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(name + "=", 0) == 0) return line.substr(name.size() + 1);
  }
  return otherwise;
}

unsigned long tries_left() {
  unsigned long left = std::stoul(quirk("tries", "99"));
  std::ifstream(profile() + ".tries") >> left;
  return left;
}

void set_tries(unsigned long left) {
  std::ofstream(profile() + ".tries") << left;
}

CK_RV ready() {
  if (!state.initialised) return CKR_CRYPTOKI_NOT_INITIALIZED;
  return quirk("removed").empty() ? CKR_OK : CKR_DEVICE_REMOVED;
}

void pad(unsigned char* field, std::size_t size, const std::string& text) {
  std::memset(field, ' ', size);
  std::memcpy(field, text.data(), std::min(size, text.size()));
}

void add_key(const std::string& label, const std::string& id) {
  Key key{label, id, {}, {}};
  crypto_sign_keypair(key.point.data(), key.secret.data());
  if (quirk("key") == "same") {
    const std::array<unsigned char, 32> seed{7};
    crypto_sign_seed_keypair(key.point.data(), key.secret.data(), seed.data());
  }
  state.keys.push_back(key);
}

CK_RV initialize(void* /*args*/) {
  if (state.initialised) return CKR_CRYPTOKI_ALREADY_INITIALIZED;
  if (sodium_init() < 0) return CKR_GENERAL_ERROR;
  state = State();
  state.initialised = true;
  add_key("gw3", "\x01");
  return CKR_OK;
}

CK_RV finalize(void* /*reserved*/) {
  state = State();
  return CKR_OK;
}

CK_RV get_info(CK_INFO* info) {
  if (!state.initialised) return CKR_CRYPTOKI_NOT_INITIALIZED;
  *info = CK_INFO{};
  info->cryptokiVersion = {2, 40};
  pad(info->manufacturerID, sizeof info->manufacturerID, "Pawl tests");
  pad(info->libraryDescription, sizeof info->libraryDescription, "quirk token");
  return CKR_OK;
}

CK_RV get_slot_list(unsigned char /*present*/, CK_SLOT_ID* list, CK_ULONG* count) {
  if (!state.initialised) return CKR_CRYPTOKI_NOT_INITIALIZED;
  if (list != nullptr) list[0] = kSlot;
  *count = 1;
  return CKR_OK;
}

CK_RV get_slot_info(CK_SLOT_ID /*slot*/, CK_SLOT_INFO* info) {
  *info = CK_SLOT_INFO{};
  pad(info->slotDescription, sizeof info->slotDescription, "quirk slot");
  pad(info->manufacturerID, sizeof info->manufacturerID, "Pawl tests");
  info->flags = CKF_TOKEN_PRESENT;
  return CKR_OK;
}

CK_FLAGS pin_flags() {
  const auto left = tries_left();
  const auto most = std::stoul(quirk("tries", "99"));
  if (left == 0) return CKF_USER_PIN_LOCKED;
  if (left == 1) return CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW;
  return left < most ? CKF_USER_PIN_COUNT_LOW : 0;
}

CK_RV get_token_info(CK_SLOT_ID /*slot*/, CK_TOKEN_INFO* info) {
  if (!quirk("removed").empty()) return CKR_TOKEN_NOT_PRESENT;
  *info = CK_TOKEN_INFO{};
  pad(info->label, sizeof info->label, "quirk");
  pad(info->manufacturerID, sizeof info->manufacturerID, "Pawl tests");
  pad(info->model, sizeof info->model, quirk("model", "Quirk"));
  pad(info->serialNumber, sizeof info->serialNumber, "0042");
  const auto firmware = quirk("firmware", "1.0");
  info->firmwareVersion.major = static_cast<unsigned char>(std::stoul(firmware));
  info->firmwareVersion.minor =
      static_cast<unsigned char>(std::stoul(firmware.substr(firmware.find('.') + 1)));
  info->ulMinPinLen = 4;
  info->ulMaxPinLen = 64;
  info->flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | pin_flags();
  if (!quirk("keypad").empty()) info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  return CKR_OK;
}

CK_RV get_mechanism_list(CK_SLOT_ID /*slot*/, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
  constexpr std::array kMechanisms{CKM_EDDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN};
  if (quirk("mechanisms") == "none") {
    *count = 0;
    return CKR_OK;
  }
  if (list != nullptr) std::copy(kMechanisms.begin(), kMechanisms.end(), list);
  *count = kMechanisms.size();
  return CKR_OK;
}

CK_RV open_session(CK_SLOT_ID /*slot*/, CK_FLAGS /*flags*/, void* /*application*/,
                   CK_NOTIFY /*notify*/, CK_SESSION_HANDLE* session) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  if (state.sessions >= std::stoul(quirk("sessions", "16"))) return CKR_SESSION_COUNT;
  ++state.sessions;
  *session = state.next_session++;
  return CKR_OK;
}

CK_RV close_session(CK_SESSION_HANDLE /*session*/) {
  if (state.sessions > 0 && --state.sessions == 0) state.logged_in = false;
  return CKR_OK;
}

CK_RV close_all_sessions(CK_SLOT_ID /*slot*/) {
  state.sessions = 0;
  state.logged_in = false;
  return CKR_OK;
}

CK_RV get_session_info(CK_SESSION_HANDLE /*session*/, CK_SESSION_INFO* info) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  *info = CK_SESSION_INFO{};
  info->slotID = kSlot;
  info->state = state.logged_in ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
  return CKR_OK;
}

CK_RV login(CK_SESSION_HANDLE /*session*/, CK_USER_TYPE /*user*/, unsigned char* pin,
            CK_ULONG size) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  if (state.logged_in) return CKR_USER_ALREADY_LOGGED_IN;
  if (tries_left() == 0) return CKR_PIN_LOCKED;
  const bool typed = pin == nullptr && !quirk("keypad").empty();
  if (!typed && (size != 4 || std::memcmp(pin, "1234", 4) != 0)) {
    set_tries(tries_left() - 1);
    return CKR_PIN_INCORRECT;
  }
  set_tries(std::stoul(quirk("tries", "99")));
  state.logged_in = true;
  return CKR_OK;
}

// Object 2i+1 is the private half of key i, 2i+2 the public one.
CK_RV find_objects_init(CK_SESSION_HANDLE /*session*/, CK_ATTRIBUTE* search, CK_ULONG count) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
  std::string label;
  std::string id;
  bool by_label = false;
  bool by_id = false;
  for (CK_ULONG i = 0; i < count; ++i) {
    const std::string value(static_cast<char*>(search[i].pValue), search[i].ulValueLen);
    if (search[i].type == CKA_CLASS) {
      std::memcpy(&wanted, value.data(), sizeof wanted);
    } else if (search[i].type == CKA_LABEL) {
      label = value;
      by_label = true;
    } else if (search[i].type == CKA_ID) {
      id = value;
      by_id = true;
    } else if (quirk("search") == "class") {
      return CKR_TEMPLATE_INCONSISTENT;
    }
  }
  state.found.clear();
  const bool is_public = wanted == CKO_PUBLIC_KEY;
  if (!quirk("hidden").empty() && !state.logged_in) return CKR_USER_NOT_LOGGED_IN;
  if (is_public && quirk("public") == "none") return CKR_OK;
  if (!is_public && !state.logged_in) return CKR_OK;
  for (std::size_t i = 0; i < state.keys.size(); ++i) {
    if (by_label && state.keys[i].label != label) continue;
    if (by_id && state.keys[i].id != id) continue;
    state.found.push_back(2 * i + (is_public ? 2 : 1));
  }
  return CKR_OK;
}

CK_RV find_objects(CK_SESSION_HANDLE /*session*/, CK_OBJECT_HANDLE* out, CK_ULONG most,
                   CK_ULONG* count) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  const auto n = std::min<std::size_t>(most, state.found.size());
  std::copy_n(state.found.begin(), n, out);
  state.found.erase(state.found.begin(), state.found.begin() + static_cast<std::ptrdiff_t>(n));
  *count = n;
  return CKR_OK;
}

CK_RV find_objects_final(CK_SESSION_HANDLE /*session*/) {
  return CKR_OK;
}

std::string point_of(const Key& key) {
  const std::string raw(reinterpret_cast<const char*>(key.point.data()), key.point.size());
  const auto form = quirk("point", "octet");
  if (form == "raw") return raw;
  if (form == "odd") return "\x05" + raw;
  if (form == "bit") return std::string("\x03\x21\x00", 3) + raw;
  return std::string("\x04\x20", 2) + raw;
}

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Empty when this object has no such attribute.
std::string value_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  const auto& key = state.keys[(object - 1) / 2];
  const bool is_private = object % 2 == 1;
  const bool exportable = !quirk("exportable").empty();
  const auto flag = [](bool on) { return std::string(1, on ? '\1' : '\0'); };
  switch (type) {
    case CKA_LABEL:
      return key.label;
    case CKA_ID:
      return key.id;
    case CKA_KEY_TYPE:
      return bytes_of(CK_KEY_TYPE{CKK_EC_EDWARDS});
    case CKA_EC_POINT:
      if (quirk("point") == "none") return {};
      return is_private && quirk("public") != "none" ? std::string() : point_of(key);
    case CKA_LOCAL:
      return quirk("no_local").empty() ? flag(true) : std::string();
    case CKA_EXTRACTABLE:
      return flag(exportable);
    case CKA_NEVER_EXTRACTABLE:
      return flag(!exportable);
    case CKA_PRIVATE:
    case CKA_SENSITIVE:
    case CKA_ALWAYS_SENSITIVE:
    case CKA_SIGN:
      return flag(is_private);
    default:
      return {};
  }
}

CK_RV get_attribute_value(CK_SESSION_HANDLE /*session*/, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE* wanted, CK_ULONG count) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  for (CK_ULONG i = 0; i < count; ++i) {
    const auto value = value_of(object, wanted[i].type);
    if (value.empty()) {
      wanted[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
      return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (value.size() > wanted[i].ulValueLen) return CKR_BUFFER_TOO_SMALL;
    std::memcpy(wanted[i].pValue, value.data(), value.size());
    wanted[i].ulValueLen = value.size();
  }
  return CKR_OK;
}

CK_RV generate_key_pair(CK_SESSION_HANDLE /*session*/, CK_MECHANISM* /*mechanism*/,
                        CK_ATTRIBUTE* open, CK_ULONG open_count, CK_ATTRIBUTE* hidden,
                        CK_ULONG hidden_count, CK_OBJECT_HANDLE* open_out,
                        CK_OBJECT_HANDLE* hidden_out) {
  std::string label;
  std::string id;
  for (CK_ULONG i = 0; i < hidden_count; ++i) {
    const std::string value(static_cast<char*>(hidden[i].pValue), hidden[i].ulValueLen);
    if (hidden[i].type == CKA_LABEL) label = value;
    if (hidden[i].type == CKA_ID) id = value;
    if (hidden[i].type == CKA_COPYABLE && quirk("template") == "short") {
      return CKR_ATTRIBUTE_TYPE_INVALID;
    }
  }
  for (CK_ULONG i = 0; i < open_count; ++i) {
    const bool name = open[i].type == CKA_EC_PARAMS && open[i].ulValueLen == 14;
    if (name && quirk("curve") == "oid") return CKR_CURVE_NOT_SUPPORTED;
  }
  add_key(label, id);
  *hidden_out = 2 * state.keys.size() - 1;
  *open_out = 2 * state.keys.size();
  return CKR_OK;
}

CK_RV destroy_object(CK_SESSION_HANDLE /*session*/, CK_OBJECT_HANDLE object) {
  if (object % 2 == 1 && (object - 1) / 2 + 1 == state.keys.size()) state.keys.pop_back();
  return CKR_OK;
}

CK_RV sign_init(CK_SESSION_HANDLE /*session*/, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE object) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  if (mechanism->mechanism != CKM_EDDSA) return CKR_MECHANISM_INVALID;
  if (mechanism->pParameter != nullptr || mechanism->ulParameterLen != 0) {
    return CKR_MECHANISM_PARAM_INVALID;
  }
  state.signing = object;
  return CKR_OK;
}

CK_RV sign(CK_SESSION_HANDLE /*session*/, unsigned char* data, CK_ULONG size, unsigned char* out,
           CK_ULONG* out_size) {
  if (const CK_RV rv = ready(); rv != CKR_OK) return rv;
  if (size > 4096 && !quirk("limit").empty()) return CKR_DATA_LEN_RANGE;
  if (size > 3134 && !quirk("limit").empty()) return CKR_ARGUMENTS_BAD;
  if (size > std::stoul(quirk("limit", "1048576"))) return CKR_BUFFER_TOO_SMALL;
  auto key = state.keys[(state.signing - 1) / 2];
  if (quirk("sign") == "other") crypto_sign_keypair(key.point.data(), key.secret.data());
  crypto_sign_detached(out, nullptr, data, size, key.secret.data());
  *out_size = 64;
  return CKR_OK;
}

CK_FUNCTION_LIST functions;

}  // namespace

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST** out) {
  functions.version = {2, 40};
  functions.C_Initialize = &initialize;
  functions.C_Finalize = &finalize;
  functions.C_GetInfo = &get_info;
  functions.C_GetFunctionList = &C_GetFunctionList;
  functions.C_GetSlotList = &get_slot_list;
  functions.C_GetSlotInfo = &get_slot_info;
  functions.C_GetTokenInfo = &get_token_info;
  functions.C_GetMechanismList = &get_mechanism_list;
  functions.C_OpenSession = &open_session;
  functions.C_CloseSession = &close_session;
  functions.C_CloseAllSessions = &close_all_sessions;
  functions.C_GetSessionInfo = &get_session_info;
  functions.C_Login = &login;
  functions.C_FindObjectsInit = &find_objects_init;
  functions.C_FindObjects = &find_objects;
  functions.C_FindObjectsFinal = &find_objects_final;
  functions.C_GetAttributeValue = &get_attribute_value;
  functions.C_GenerateKeyPair = &generate_key_pair;
  functions.C_DestroyObject = &destroy_object;
  functions.C_SignInit = &sign_init;
  functions.C_Sign = &sign;
  *out = &functions;
  return CKR_OK;
}
