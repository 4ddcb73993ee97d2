// Device and pinned memory of the software device: guard pages, canaries, poison, and the detection of unordered accesses.
#include "softhip.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>

State state;

std::string text(const char* format, ...) {
  char buf[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(buf, sizeof buf, format, args);
  va_end(args);
  return buf;
}

void report(const std::string& t) {
  if (state.reports.size() < 100) state.reports.push_back(t);
}

uint32_t rnd() {  // splitmix64
  uint64_t z = state.seed += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return uint32_t((z ^ z >> 31) >> 16);
}

hipError_t enter(const char* name) {
  if (state.failures.empty()) return ok;
  auto f = state.failures.find(name);
  if (f == state.failures.end()) return ok;
  std::map<uint64_t, hipError_t> later;
  hipError_t now = ok;
  for (auto& [n, code] : f->second) {
    if (n <= 1) now = code;
    else later[n - 1] = code;
  }
  if (later.empty()) state.failures.erase(f);
  else f->second = later;
  return now;
}

// ---- clocks ------------------------------------------------------------------------------------------------------

void join(Clock& into, const Clock& from) {
  if (into.size() < from.size()) into.resize(from.size());
  for (size_t i = 0; i < from.size(); i++) into[i] = std::max(into[i], from[i]);
}

bool before(int stream, uint64_t at, const Clock& clock) { return size_t(stream) < clock.size() && at <= clock[stream]; }

// ---- allocations -------------------------------------------------------------------------------------------------

static constexpr unsigned char canary = 0xa5;
static constexpr unsigned char poison = 0xff;  // NaN in F32, F16 and BF16
static constexpr uintptr_t align_to = 256;

static uintptr_t page() {
  static const uintptr_t n = uintptr_t(sysconf(_SC_PAGESIZE));
  return n;
}

static Allocation* allocate(uint64_t n, bool host) {
  const uintptr_t room = (n + align_to - 1) / align_to * align_to;
  const uintptr_t mapped = (room + page() - 1) / page() * page();
  const uintptr_t whole = mapped + 2 * page();
  void* p = mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  Allocation a{};
  a.whole = uintptr_t(p);
  a.whole_size = whole;
  a.map = a.whole + page();
  a.map_size = mapped;
  if (mprotect(reinterpret_cast<void*>(a.map), mapped, PROT_READ | PROT_WRITE) != 0) {
    munmap(p, whole);
    return nullptr;
  }
  a.base = a.map + mapped - room;  // the end meets the guard page
  a.size = n;
  a.host = host;
  a.device = state.current;
  memset(reinterpret_cast<void*>(a.map), canary, a.base - a.map);
  memset(reinterpret_cast<void*>(a.base + n), canary, room - n);
  // Pinned memory is poisoned too. Large weights are not read before they are written by anything but a bug, and
  // filling them costs as much as uploading them, which CI can afford.
  memset(reinterpret_cast<void*>(a.base), poison, n);
  return &(state.allocations[a.base] = std::move(a));
}

static void release(Allocation& a) {
  check_canaries(a, "when it was freed");
  munmap(reinterpret_cast<void*>(a.whole), a.whole_size);
  if (!a.host) state.used[a.device] -= a.size;
  state.allocations.erase(a.base);
}

Allocation* find_allocation(uintptr_t address) {
  auto i = state.allocations.upper_bound(address);
  if (i == state.allocations.begin()) return nullptr;
  --i;
  Allocation& a = i->second;
  return address < a.base + std::max<uintptr_t>(a.size, 1) ? &a : nullptr;
}

std::string name_of(uintptr_t address) {
  for (auto& [base, a] : state.allocations) {
    if (address < a.whole || address >= a.whole + a.whole_size) continue;
    const char* kind = a.host ? "pinned" : "device";
    if (address >= a.base + a.size)
      return text("%llu bytes beyond the end of %s memory of %llu bytes", (unsigned long long)(address - a.base - a.size), kind,
                  (unsigned long long)a.size);
    if (address < a.base)
      return text("%llu bytes before the start of %s memory of %llu bytes", (unsigned long long)(a.base - address), kind,
                  (unsigned long long)a.size);
    return text("offset %llu of %s memory of %llu bytes", (unsigned long long)(address - a.base), kind, (unsigned long long)a.size);
  }
  return text("address %#llx, which belongs to no allocation", (unsigned long long)address);
}

void check_canaries(Allocation& a, const std::string& after) {
  auto damaged = [](uintptr_t lo, uintptr_t hi) -> uintptr_t {
    for (uintptr_t p = lo; p < hi; p++)
      if (*reinterpret_cast<unsigned char*>(p) != canary) return p;
    return 0;
  };
  uintptr_t p = damaged(a.map, a.base);
  if (!p) p = damaged(a.base + a.size, a.map + a.map_size);
  if (!p) return;
  report(text("out of bounds: something was written %s; found %s", name_of(p).c_str(), after.c_str()));
  memset(reinterpret_cast<void*>(a.map), canary, a.base - a.map);
  memset(reinterpret_cast<void*>(a.base + a.size), canary, a.map + a.map_size - a.base - a.size);
}

uint64_t hash_bytes(const void* p, size_t n) {
  uint64_t h = 0x9e3779b97f4a7c15ull ^ n, w = 0;
  const char* c = static_cast<const char*>(p);
  for (; n >= 8; n -= 8, c += 8) {
    memcpy(&w, c, 8);
    h = (h ^ w) * 0xff51afd7ed558ccdull;
    h ^= h >> 29;
  }
  w = 0;
  memcpy(&w, c, n);
  return (h ^ w) * 0xff51afd7ed558ccdull;
}

// ---- races -------------------------------------------------------------------------------------------------------

// check_access reports every earlier access that conflicts with x and is not ordered before clock, then remembers x.
void check_access(Allocation& a, const Access& x, const Clock& clock) {
  bool known = false;
  for (Access& o : a.accesses) {
    if (o.hi <= x.lo || x.hi <= o.lo) continue;
    if (o.stream != x.stream && (o.write || x.write) && !before(o.stream, o.at, clock))
      report(text("race: %s %s and %s %s the same memory, and nothing orders them (%s)", o.what.c_str(), o.write ? "writes" : "reads",
                  x.what.c_str(), x.write ? "writes" : "reads", name_of(std::max(o.lo, x.lo)).c_str()));
    if (o.stream == x.stream && o.lo == x.lo && o.hi == x.hi && o.write == x.write) {
      o.at = x.at;
      o.what = x.what;
      known = true;
    }
  }
  if (known || x.stream < 0) return;
  // What the host knows to be over is ordered before everything that is issued from now on.
  if (a.accesses.size() >= 64) {
    auto& v = a.accesses;
    v.erase(std::remove_if(v.begin(), v.end(), [](const Access& o) { return before(o.stream, o.at, state.host); }), v.end());
  }
  a.accesses.push_back(x);
}

// host_access checks a read or write by the host, now.
void host_access(uintptr_t lo, uintptr_t hi, bool write, const std::string& what) {
  if (Allocation* a = find_allocation(lo)) check_access(*a, Access{-1, 0, lo, hi, write, what}, state.host);
}

// ---- entry points ------------------------------------------------------------------------------------------------

// A call that HIP does not allow during a capture ends the capture.
static hipError_t not_while_capturing() {
  if (!capturing_anywhere()) return ok;
  break_captures();
  return captureUnsupported;
}

SOFT_API hipError_t hipMalloc(void** out, size_t n) {
  ENTER(hipMalloc);
  if (hipError_t e = not_while_capturing()) return e;
  if (state.sticky) return state.sticky;
  if (state.used[state.current] + n > state.memory) return outOfMemory;
  Allocation* a = allocate(n, false);
  if (!a) return outOfMemory;
  state.used[state.current] += n;
  *out = reinterpret_cast<void*>(a->base);
  return ok;
}

SOFT_API hipError_t hipFree(void* p) {
  ENTER(hipFree);
  if (hipError_t e = not_while_capturing()) return e;
  if (!p) return ok;
  Allocation* a = find_allocation(uintptr_t(p));
  if (!a || a->base != uintptr_t(p) || a->host) return invalidValue;
  drain(false);  // as hipFree does
  release(*a);
  return ok;
}

SOFT_API hipError_t hipHostMalloc(void** out, size_t n, unsigned) {
  ENTER(hipHostMalloc);
  if (hipError_t e = not_while_capturing()) return e;
  Allocation* a = allocate(n, true);
  if (!a) return outOfMemory;
  *out = reinterpret_cast<void*>(a->base);
  return ok;
}

SOFT_API hipError_t hipHostFree(void* p) {
  ENTER(hipHostFree);
  if (hipError_t e = not_while_capturing()) return e;
  Allocation* a = find_allocation(uintptr_t(p));
  if (!a || a->base != uintptr_t(p) || !a->host) return invalidValue;
  if (!a->pending.empty()) report(text("pinned memory was freed while %s was pending", a->pending[0].what.c_str()));
  drain(false);
  release(*a);
  return ok;
}

SOFT_API hipError_t hipHostGetDevicePointer(void** out, void* host, unsigned) {
  ENTER(hipHostGetDevicePointer);
  *out = host;
  return ok;
}

SOFT_API hipError_t hipMemGetInfo(size_t* free, size_t* total) {
  ENTER(hipMemGetInfo);
  *total = state.memory;
  *free = state.memory - state.used[state.current];
  return ok;
}
