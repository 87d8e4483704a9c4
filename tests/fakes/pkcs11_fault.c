/* A forwarding PKCS#11 module for tests: every call goes to the module named by PAWL_FAULT_MODULE
 * unless the file named by PAWL_FAULT_CONTROL has a line for it, read again at each call:
 *   C_Sign=0x30          return this CK_RV, do not forward
 *   C_Sign=0x30,after=2  the first two calls pass
 *   C_Sign=hang          never return        C_Sign=crash    die of SIGSEGV
 *                        (says so first in a file beside the control file, named with .hangs)
 *   C_Sign=exit          end the process     C_Sign=flip     forward, then change one byte
 *   C_Sign=length:63     forward, then report this length (also fills up to 65)
 *   flags=0x10000        or these into CK_TOKEN_INFO.flags
 *   serial=0123          show this serial number
 * PAWL_FAULT_CONTROL must be set before the module is loaded. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

CK_RV C_GetFunctionList(CK_FUNCTION_LIST** out);

static CK_FUNCTION_LIST* real;
static CK_FUNCTION_LIST ours;

/* The value of the line `name=...`; 0 when there is none. */
static int control(const char* name, char* value, size_t size) {
  const char* path = getenv("PAWL_FAULT_CONTROL");
  FILE* file = path == NULL ? NULL : fopen(path, "re");
  char line[160];
  const size_t length = strlen(name);
  int found = 0;
  if (file == NULL) return 0;
  while (!found && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, name, length) != 0 || line[length] != '=') continue;
    line[strcspn(line, "\n")] = '\0';
    snprintf(value, size, "%s", line + length + 1);
    found = 1;
  }
  fclose(file);
  return found;
}

/* For tests that look at the process while it hangs. */
static void say_that_it_hangs(const char* name) {
  char path[256];
  FILE* file;
  snprintf(path, sizeof path, "%s.hangs", getenv("PAWL_FAULT_CONTROL"));
  file = fopen(path, "we");
  if (file == NULL) return;
  fprintf(file, "%s\n", name);
  fclose(file);
}

static CK_RV fault(const char* name, unsigned long* calls) {
  char value[128];
  char* after;
  unsigned long seen;
  if (!control(name, value, sizeof value)) return CKR_OK;
  seen = (*calls)++;
  after = strstr(value, ",after=");
  if (after != NULL && seen < strtoul(after + 7, NULL, 0)) return CKR_OK;
  if (strncmp(value, "crash", 5) == 0) {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
  if (strncmp(value, "exit", 4) == 0) _exit(0);
  if (strncmp(value, "hang", 4) == 0) {
    say_that_it_hangs(name);
    for (;;) pause();
  }
  return strtoul(value, NULL, 0); /* words give 0 */
}

#define FORWARD(name, parameters, arguments)  \
  static CK_RV fault_##name parameters {      \
    static unsigned long calls;               \
    const CK_RV rv = fault(#name, &calls);    \
    return rv != CKR_OK ? rv : real->name arguments; \
  }

FORWARD(C_Initialize, (void* a), (a))
FORWARD(C_GetInfo, (CK_INFO * a), (a))
FORWARD(C_GetSlotList, (unsigned char a, CK_SLOT_ID* b, CK_ULONG* c), (a, b, c))
FORWARD(C_GetSlotInfo, (CK_SLOT_ID a, CK_SLOT_INFO* b), (a, b))
FORWARD(C_GetMechanismList, (CK_SLOT_ID a, CK_MECHANISM_TYPE* b, CK_ULONG* c), (a, b, c))
FORWARD(C_OpenSession,
        (CK_SLOT_ID a, CK_FLAGS b, void* c, CK_NOTIFY d, CK_SESSION_HANDLE* e), (a, b, c, d, e))
FORWARD(C_GetSessionInfo, (CK_SESSION_HANDLE a, CK_SESSION_INFO* b), (a, b))
FORWARD(C_Login, (CK_SESSION_HANDLE a, CK_USER_TYPE b, unsigned char* c, CK_ULONG d), (a, b, c, d))
FORWARD(C_FindObjectsInit, (CK_SESSION_HANDLE a, CK_ATTRIBUTE* b, CK_ULONG c), (a, b, c))
FORWARD(C_FindObjects, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE* b, CK_ULONG c, CK_ULONG* d),
        (a, b, c, d))
FORWARD(C_GetAttributeValue,
        (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE* c, CK_ULONG d), (a, b, c, d))
FORWARD(C_GenerateKeyPair,
        (CK_SESSION_HANDLE a, CK_MECHANISM* b, CK_ATTRIBUTE* c, CK_ULONG d, CK_ATTRIBUTE* e,
         CK_ULONG f, CK_OBJECT_HANDLE* g, CK_OBJECT_HANDLE* h),
        (a, b, c, d, e, f, g, h))
FORWARD(C_SignInit, (CK_SESSION_HANDLE a, CK_MECHANISM* b, CK_OBJECT_HANDLE c), (a, b, c))

static CK_RV fault_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  static unsigned long calls;
  char value[128];
  CK_RV rv = fault("C_GetTokenInfo", &calls);
  if (rv == CKR_OK) rv = real->C_GetTokenInfo(slot, info);
  if (rv == CKR_OK && control("flags", value, sizeof value)) {
    info->flags |= strtoul(value, NULL, 0);
  }
  if (rv == CKR_OK && control("serial", value, sizeof value)) {
    memset(info->serialNumber, ' ', sizeof info->serialNumber);
    memcpy(info->serialNumber, value, strnlen(value, sizeof info->serialNumber));
  }
  return rv;
}

static CK_RV fault_C_Sign(CK_SESSION_HANDLE session, unsigned char* data, CK_ULONG size,
                          unsigned char* out, CK_ULONG* out_size) {
  static unsigned long calls;
  char value[128];
  CK_RV rv = fault("C_Sign", &calls);
  if (rv == CKR_OK) rv = real->C_Sign(session, data, size, out, out_size);
  if (rv != CKR_OK || out == NULL || !control("C_Sign", value, sizeof value)) return rv;
  if (strcmp(value, "flip") == 0) out[5] ^= 1;
  if (strncmp(value, "length:", 7) == 0) *out_size = strtoul(value + 7, NULL, 0);
  return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST** out) {
  const char* path = getenv("PAWL_FAULT_MODULE");
  CK_C_GetFunctionList entry;
  void* library;
  if (real == NULL) {
    library = path == NULL ? NULL : dlopen(path, RTLD_NOW);
    if (library == NULL) return CKR_GENERAL_ERROR;
    *(void**)&entry = dlsym(library, "C_GetFunctionList");
    if (entry == NULL || entry(&real) != CKR_OK) return CKR_GENERAL_ERROR;
    ours = *real;
    ours.C_GetFunctionList = C_GetFunctionList;
    ours.C_Initialize = fault_C_Initialize;
    ours.C_GetInfo = fault_C_GetInfo;
    ours.C_GetSlotList = fault_C_GetSlotList;
    ours.C_GetSlotInfo = fault_C_GetSlotInfo;
    ours.C_GetTokenInfo = fault_C_GetTokenInfo;
    ours.C_GetMechanismList = fault_C_GetMechanismList;
    ours.C_OpenSession = fault_C_OpenSession;
    ours.C_GetSessionInfo = fault_C_GetSessionInfo;
    ours.C_Login = fault_C_Login;
    ours.C_FindObjectsInit = fault_C_FindObjectsInit;
    ours.C_FindObjects = fault_C_FindObjects;
    ours.C_GetAttributeValue = fault_C_GetAttributeValue;
    ours.C_GenerateKeyPair = fault_C_GenerateKeyPair;
    ours.C_SignInit = fault_C_SignInit;
    ours.C_Sign = fault_C_Sign;
  }
  *out = &ours;
  return CKR_OK;
}
