// What the software device says about itself, and the softhip_* calls with which tests set it up and ask it.
#include "softhip.h"

#include <cstdlib>
#include <cstring>
#include <sstream>

static void read_environment();

SOFT_API hipError_t hipInit(unsigned) {
  ENTER(hipInit);
  if (!state.initialized) read_environment();
  state.initialized = true;
  return ok;
}

SOFT_API hipError_t hipDriverGetVersion(int* v) {
  ENTER(hipDriverGetVersion);
  *v = 60300000;
  return ok;
}

SOFT_API hipError_t hipRuntimeGetVersion(int* v) {
  ENTER(hipRuntimeGetVersion);
  *v = 60300000;
  return ok;
}

SOFT_API const char* hipGetErrorName(int code) {
  switch (code) {
    case ok: return "hipSuccess";
    case invalidValue: return "hipErrorInvalidValue";
    case outOfMemory: return "hipErrorOutOfMemory";
    case notInitialized: return "hipErrorNotInitialized";
    case invalidConfiguration: return "hipErrorInvalidConfiguration";
    case noDevice: return "hipErrorNoDevice";
    case invalidDevice: return "hipErrorInvalidDevice";
    case invalidImage: return "hipErrorInvalidImage";
    case invalidHandle: return "hipErrorInvalidHandle";
    case notFound: return "hipErrorNotFound";
    case notReady: return "hipErrorNotReady";
    case illegalAddress: return "hipErrorIllegalAddress";
    case launchFailure: return "hipErrorLaunchFailure";
    case captureUnsupported: return "hipErrorStreamCaptureUnsupported";
    case captureInvalidated: return "hipErrorStreamCaptureInvalidated";
    case captureUnmatched: return "hipErrorStreamCaptureUnmatched";
  }
  return "hipErrorUnknown";
}

SOFT_API hipError_t hipGetDeviceCount(int* n) {
  ENTER(hipGetDeviceCount);
  *n = state.devices;
  return state.devices ? ok : noDevice;
}

SOFT_API hipError_t hipSetDevice(int i) {
  ENTER(hipSetDevice);
  if (i < 0 || i >= state.devices) return invalidDevice;
  state.current = i;
  return ok;
}

SOFT_API hipError_t hipDeviceGetName(char* name, int n, int i) {
  ENTER(hipDeviceGetName);
  if (i < 0 || i >= state.devices) return invalidDevice;
  snprintf(name, size_t(n), "Software HIP device %d (warps of %d)", i, state.warp);
  return ok;
}

SOFT_API hipError_t hipDeviceGetPCIBusId(char* name, int n, int i) {
  ENTER(hipDeviceGetPCIBusId);
  snprintf(name, size_t(n), "0000:%02x:00.0", i + 1);
  return ok;
}

SOFT_API hipError_t hipDeviceTotalMem(size_t* n, int) {
  ENTER(hipDeviceTotalMem);
  *n = state.memory;
  return ok;
}

// Numbers of hipDeviceAttribute_t.
SOFT_API hipError_t hipDeviceGetAttribute(int* value, int attribute, int) {
  ENTER(hipDeviceGetAttribute);
  switch (attribute) {
    case 16: *value = 0; return ok;            // integrated
    case 19: *value = 1 << 20; return ok;      // L2
    case 23: *value = 0; return ok;            // capability
    case 56: *value = 1024; return ok;         // threads per block
    case 61: *value = 0; return ok;
    case 63: *value = 2; return ok;            // multiprocessors
    case 74: *value = 64 << 10; return ok;     // shared memory per block
    case 87: *value = state.warp; return ok;   // warp size
  }
  return invalidValue;
}

SOFT_API hipError_t hipGetDevicePropertiesR0600(void* properties, int i) {
  ENTER(hipGetDevicePropertiesR0600);
  if (i < 0 || i >= state.devices) return invalidDevice;
  char* p = static_cast<char*>(properties);
  memset(p, 0, 1472);
  hipDeviceGetName(p, 256, i);
  snprintf(p + 1160, 256, "gfx0%02d:sramecc+:xnack-", state.warp);
  return ok;
}

// ---- control -----------------------------------------------------------------------------------------------------

// softhip_reset forgets everything: allocations, streams, reports, injected faults. It returns what was still there.
SOFT_API int softhip_reset() {
  int left = int(state.allocations.size() + state.events.size());
  for (Stream* s : state.streams) {
    left += s && s->id != 0;
    delete s;
  }
  state = State{};
  return left;
}

SOFT_API void softhip_configure(int devices, int warp, uint64_t memory, uint64_t seed, uint32_t per_poll) {
  state.devices = devices;
  state.warp = warp;
  state.memory = memory;
  state.seed = seed;
  state.per_poll = per_poll;
}

// softhip_fail makes the n-th call from now of an entry point return a code.
SOFT_API void softhip_fail(const char* call, uint64_t n, int code) { state.failures[call][n] = code; }

// softhip_hang makes the n-th operation from now never complete: a launch of the kernel, or any operation for "".
SOFT_API void softhip_hang(const char* kernel, uint64_t n) {
  state.hang_kernel = kernel;
  state.hang_in = n;
}

// softhip_reports writes the reports, a line each, and returns how many there are.
SOFT_API int softhip_reports(char* buf, size_t n) {
  std::string all;
  for (auto& r : state.reports) all += r + "\n";
  if (n) snprintf(buf, n, "%s", all.c_str());
  return int(state.reports.size());
}

SOFT_API void softhip_clear_reports() { state.reports.clear(); }

// softhip_host_read and softhip_host_write say that the host touches pinned memory now.
SOFT_API void softhip_host_read(void* p, size_t n) { host_access(uintptr_t(p), uintptr_t(p) + n, false, "the host"); }
SOFT_API void softhip_host_write(void* p, size_t n) { host_access(uintptr_t(p), uintptr_t(p) + n, true, "the host"); }

// softhip_count tells how often something happened: "kernels", "polls", "allocations".
SOFT_API uint64_t softhip_count(const char* what) {
  if (!strcmp(what, "kernels")) return state.kernels;
  if (!strcmp(what, "polls")) return state.polls;
  if (!strcmp(what, "allocations")) return state.allocations.size();
  return 0;
}

// A program under test, which has no access to the calls above, is set up by its environment:
// SOFTHIP_DEVICES, SOFTHIP_WARP, SOFTHIP_MEMORY (bytes), SOFTHIP_SEED, SOFTHIP_HANG=kernel:n,
// SOFTHIP_FAIL=call:n:code,call:n:code…
static void read_environment() {
  auto number = [](const char* name, uint64_t otherwise) {
    const char* v = getenv(name);
    return v && *v ? strtoull(v, nullptr, 10) : otherwise;
  };
  state.devices = int(number("SOFTHIP_DEVICES", uint64_t(state.devices)));
  state.warp = number("SOFTHIP_WARP", uint64_t(state.warp)) == 64 ? 64 : 32;
  state.memory = number("SOFTHIP_MEMORY", state.memory);
  state.seed = number("SOFTHIP_SEED", state.seed);
  if (const char* v = getenv("SOFTHIP_HANG"); v && *v) {
    const char* colon = strchr(v, ':');
    state.hang_kernel = colon ? std::string(v, colon) : v;
    state.hang_in = colon ? strtoull(colon + 1, nullptr, 10) : 1;
  }
  if (const char* v = getenv("SOFTHIP_FAIL"); v && *v) {
    std::stringstream list(v);
    for (std::string item; std::getline(list, item, ',');) {
      char call[128];
      unsigned long long n = 1;
      int code = 1;
      if (sscanf(item.c_str(), "%127[^:]:%llu:%d", call, &n, &code) == 3) state.failures[call][n] = code;
    }
  }
}
