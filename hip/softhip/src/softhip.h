// State of the software HIP device, shared by its parts: memory.cpp (allocations, race detection), queue.cpp (streams, events,
// graphs), kernel.cpp (modules, running kernels), rtc.cpp (the compiler). One thread at a time calls it, as
// package hip promises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#define SOFT_API extern "C" __attribute__((visibility("default")))

typedef int hipError_t;
enum : int {
  ok = 0, invalidValue = 1, outOfMemory = 2, notInitialized = 3, invalidConfiguration = 9, noDevice = 100, invalidDevice = 101,
  invalidImage = 200, invalidHandle = 400, notFound = 500, notReady = 600, illegalAddress = 700, launchFailure = 719,
  captureUnsupported = 900, captureInvalidated = 901, captureUnmatched = 903,
};

// Clock is a vector clock: for each stream, the number of its last operation that is known to come before.
using Clock = std::vector<uint64_t>;
void join(Clock& into, const Clock& from);
bool before(int stream, uint64_t at, const Clock& clock);

// Access is the last time that a stream read or wrote a range.
struct Access {
  int stream;
  uint64_t at;
  uintptr_t lo, hi;
  bool write;
  std::string what;
};

// Allocation is device or pinned memory, between guard pages, with canaries where it does not fill its pages.
struct Allocation {
  uintptr_t base, size;      // as the program sees it
  uintptr_t map, map_size;   // the pages that may be touched
  uintptr_t whole, whole_size;
  bool host;
  int device;
  std::vector<Access> accesses;
  std::vector<Access> pending;  // of operations that have not run, of host memory only
};

struct Stream;

// Marker is one recording of an event.
struct Marker {
  bool done = false;
  Clock clock;
  double time = 0;
};

struct Event {
  std::shared_ptr<Marker> last;
};

// Use is a range an operation reads or writes.
struct Use {
  uintptr_t lo, hi;
  bool write;
};

// Op is something on a stream. Graph nodes are Ops too, and are copied on replay.
struct Op {
  std::string name;
  std::vector<Use> uses;
  std::function<hipError_t()> run;
  std::shared_ptr<Marker> waits;   // it may not run before this
  std::shared_ptr<Marker> marks;   // it completes this
  uint64_t source_hash = 0;        // of an upload: what the host memory held when it was issued
  bool checks_source = false;
  bool hangs = false;
  bool poisoned = false;           // of a download: the destination was poisoned when it was issued
};

struct Stream {
  int id = 0;  // index into clocks; 0 is the default stream
  bool blocking = true;
  std::deque<Op> queue;
  Clock clock;
  struct Graph* capture = nullptr;
  bool capture_broken = false;
};

struct Graph {
  std::vector<Op> ops;
};

struct State {
  bool initialized = false;
  int devices = 1, current = 0, warp = 32;
  uint64_t memory = 8ull << 30;  // of each device
  std::map<int, uint64_t> used;
  uint64_t seed = 1;
  uint32_t per_poll = 256;       // the most operations that run while the host asks for an event
  std::map<uintptr_t, Allocation> allocations;  // by base
  std::vector<Stream*> streams;                 // by id; null when destroyed
  std::set<Event*> events;
  Clock host;
  std::vector<std::string> reports;
  hipError_t sticky = ok;  // a fault that the device does not recover from
  // Fault injection.
  std::map<std::string, std::map<uint64_t, hipError_t>> failures;  // call → n-th from now → code
  std::string hang_kernel;
  uint64_t hang_in = 0;  // counts down to the operation that never completes; 0 is none
  uint64_t kernels = 0, polls = 0;
};
extern State state;

// Call is the first statement of every entry point: counts down injected failures.
hipError_t enter(const char* name);
#define ENTER(name)                                          \
  do {                                                       \
    if (hipError_t injected = enter(#name)) return injected; \
  } while (0)

uint32_t rnd();
void report(const std::string& text);
std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));

// memory.cpp
Allocation* find_allocation(uintptr_t address);
void check_canaries(Allocation& a, const std::string& after);
void check_access(Allocation& a, const Access& x, const Clock& clock);
void host_access(uintptr_t lo, uintptr_t hi, bool write, const std::string& what);
std::string name_of(uintptr_t address);
uint64_t hash_bytes(const void* p, size_t n);

// queue.cpp
Stream* default_stream();
hipError_t enqueue(Stream* s, Op op);
bool step();  // runs one operation somewhere; false when none can run
void drain(bool blocking_only);
bool capturing_anywhere();
void break_captures();

// kernel.cpp
bool in_kernel();
