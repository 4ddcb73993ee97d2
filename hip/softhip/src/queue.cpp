// Streams, events and graphs of the software device. An operation is checked for races when it is issued and runs later: streams
// are lazy queues, and whoever waits or asks runs a few operations, of streams chosen at random.
#include "softhip.h"

#include <algorithm>
#include <chrono>
#include <cstring>

static double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Stream* default_stream() {
  if (state.streams.empty()) state.streams.push_back(new Stream);
  return state.streams[0];
}

static Stream* stream_of(void* handle) { return handle ? static_cast<Stream*>(handle) : default_stream(); }

bool capturing_anywhere() {
  for (Stream* s : state.streams)
    if (s && s->capture) return true;
  return false;
}

void break_captures() {
  for (Stream* s : state.streams)
    if (s && s->capture) s->capture_broken = true;
}

static bool overlaps(const Access& a, const Use& u) { return a.lo < u.hi && u.lo < a.hi; }

hipError_t enqueue(Stream* s, Op op) {
  if (state.sticky) return state.sticky;
  if (s->capture) {
    if (s->capture_broken) return captureInvalidated;
    s->capture->ops.push_back(std::move(op));
    return ok;
  }
  // Ordered after: what this stream did, what the host has waited for, and for the default stream and those that
  // synchronise with it, each other's operations.
  if (s->clock.size() <= size_t(s->id)) s->clock.resize(s->id + 1);
  join(s->clock, state.host);
  if (op.waits) join(s->clock, op.waits->clock);
  for (Stream* o : state.streams)
    if (o && o != s && s->blocking && o->blocking && (s->id == 0 || o->id == 0)) join(s->clock, o->clock);
  const uint64_t at = ++s->clock[s->id];
  for (const Use& u : op.uses) {
    Allocation* a = find_allocation(u.lo);
    if (!a) continue;
    check_access(*a, Access{s->id, at, u.lo, u.hi, u.write, op.name}, s->clock);
    if (!a->host) continue;
    bool pending_write = false, pending_any = false;
    for (const Access& p : a->pending)
      if (overlaps(p, u)) pending_any = true, pending_write |= p.write;
    if (op.checks_source && !u.write && !pending_write)
      op.source_hash = hash_bytes(reinterpret_cast<void*>(u.lo), u.hi - u.lo);
    else if (!u.write)
      op.checks_source = false;
    // Whoever reads the destination of a download too early sees NaN.
    if (u.write && op.poisoned && !pending_any) memset(reinterpret_cast<void*>(u.lo), 0xff, u.hi - u.lo);
    else if (u.write) op.poisoned = false;
    a->pending.push_back(Access{s->id, at, u.lo, u.hi, u.write, op.name});
  }
  if (op.marks) op.marks->clock = s->clock;
  if (state.hang_in > 0 && !op.marks && !op.waits &&
      (state.hang_kernel.empty() || op.name == "kernel " + state.hang_kernel) && --state.hang_in == 0)
    op.hangs = true;
  s->queue.push_back(std::move(op));
  return ok;
}

static bool runnable(const Stream* s) {
  if (!s || s->queue.empty()) return false;
  const Op& op = s->queue.front();
  return !op.hangs && !(op.waits && !op.waits->done);
}

static void run_front(Stream* s) {
  Op op = std::move(s->queue.front());
  s->queue.pop_front();
  for (const Use& u : op.uses) {
    Allocation* a = find_allocation(u.lo);
    if (!a || !a->host) continue;
    void* p = reinterpret_cast<void*>(u.lo);
    if (op.checks_source && !u.write && hash_bytes(p, u.hi - u.lo) != op.source_hash)
      report(text("race: the host wrote to pinned memory while %s, which reads it, was pending", op.name.c_str()));
    if (op.poisoned && u.write) {
      auto* c = static_cast<unsigned char*>(p);
      if (std::any_of(c, c + (u.hi - u.lo), [](unsigned char x) { return x != 0xff; }))
        report(text("race: the host wrote to pinned memory while %s, which writes it, was pending", op.name.c_str()));
    }
    auto& v = a->pending;
    auto done = std::find_if(v.begin(), v.end(), [&](const Access& x) { return x.stream == s->id && x.lo == u.lo && x.hi == u.hi && x.write == u.write; });
    if (done != v.end()) v.erase(done);
  }
  if (op.run && !state.sticky) {
    hipError_t e = op.run();
    if (e) state.sticky = e;
  }
  if (op.marks) {
    op.marks->done = true;
    op.marks->time = now();
  }
}

bool step() {
  if (state.sticky) return false;
  Stream* ready[64];
  unsigned n = 0;
  for (Stream* s : state.streams)
    if (n < 64 && runnable(s)) ready[n++] = s;
  if (n == 0) return false;
  run_front(ready[n == 1 ? 0 : rnd() % n]);
  return true;
}

// drain runs what can run, of all streams or of those that synchronise with the default stream.
void drain(bool blocking_only) {
  for (bool ran = true; ran && !state.sticky;) {
    ran = false;
    for (Stream* s : state.streams)
      while (s && (!blocking_only || s->blocking) && runnable(s) && !state.sticky) run_front(s), ran = true;
  }
}

// ---- streams -----------------------------------------------------------------------------------------------------

SOFT_API hipError_t hipStreamCreateWithFlags(void** out, unsigned flags) {
  ENTER(hipStreamCreateWithFlags);
  default_stream();
  Stream* s = new Stream;
  s->id = int(state.streams.size());
  s->blocking = !(flags & 1);
  state.streams.push_back(s);
  *out = s;
  return ok;
}

SOFT_API hipError_t hipStreamDestroy(void* handle) {
  ENTER(hipStreamDestroy);
  Stream* s = static_cast<Stream*>(handle);
  if (!s || size_t(s->id) >= state.streams.size() || state.streams[s->id] != s) return invalidHandle;
  if (!s->queue.empty()) report(text("a stream was destroyed with %zu operations pending, the first %s", s->queue.size(), s->queue.front().name.c_str()));
  state.streams[s->id] = nullptr;
  delete s;
  return ok;
}

SOFT_API hipError_t hipStreamWaitEvent(void* stream, void* event, unsigned) {
  ENTER(hipStreamWaitEvent);
  Op op;
  op.name = "a wait for an event";
  op.waits = static_cast<Event*>(event)->last;
  return op.waits ? enqueue(stream_of(stream), std::move(op)) : ok;
}

static Op write_op(std::string name, void* dst, size_t n, std::function<hipError_t()> run) {
  Op op;
  op.name = std::move(name);
  op.uses = {{uintptr_t(dst), uintptr_t(dst) + n, true}};
  op.run = std::move(run);
  return op;
}

SOFT_API hipError_t hipStreamWriteValue32(void* stream, void* dst, uint32_t value, unsigned) {
  ENTER(hipStreamWriteValue32);
  if (stream_of(stream)->capture) return break_captures(), captureUnsupported;
  return enqueue(stream_of(stream), write_op("a write of a word", dst, 4, [=] { return memcpy(dst, &value, 4), ok; }));
}

// ---- copies ------------------------------------------------------------------------------------------------------

// whole says whether a range lies within one allocation; a range that lies in none is ordinary host memory.
static bool within(void* p, size_t n) {
  Allocation* a = find_allocation(uintptr_t(p));
  return a && uintptr_t(p) + n <= a->base + a->size;
}

static hipError_t copy_async(const char* what, void* dst, const void* src, size_t n, void* stream, bool to_device, bool to_host) {
  const bool dst_ok = within(dst, n), src_ok = within(const_cast<void*>(src), n);
  if (!dst_ok || !src_ok) {
    report(text("%s of %zu bytes: %s is %s", what, n, dst_ok ? "the source" : "the destination",
                name_of(uintptr_t(dst_ok ? src : dst) + (find_allocation(uintptr_t(dst_ok ? src : dst)) ? n : 0)).c_str()));
    return invalidValue;
  }
  Op op = write_op(text("%s of %zu bytes", what, n), dst, n, [=] { return memcpy(dst, src, n), ok; });
  op.uses.push_back({uintptr_t(src), uintptr_t(src) + n, false});
  op.checks_source = to_device;
  op.poisoned = to_host;
  return enqueue(stream_of(stream), std::move(op));
}

SOFT_API hipError_t hipMemcpyHtoDAsync(void* dst, void* src, size_t n, void* stream) {
  ENTER(hipMemcpyHtoDAsync);
  return copy_async("an upload", dst, src, n, stream, true, false);
}

SOFT_API hipError_t hipMemcpyDtoHAsync(void* dst, void* src, size_t n, void* stream) {
  ENTER(hipMemcpyDtoHAsync);
  return copy_async("a download", dst, src, n, stream, false, true);
}

SOFT_API hipError_t hipMemcpyDtoDAsync(void* dst, void* src, size_t n, void* stream) {
  ENTER(hipMemcpyDtoDAsync);
  return copy_async("a copy", dst, src, n, stream, false, false);
}

template <class T> static hipError_t fill_async(void* dst, T value, size_t count, void* stream) {
  const size_t n = count * sizeof(T);
  if (!within(dst, n)) {
    report(text("a fill of %zu bytes: the destination is %s", n, name_of(uintptr_t(dst) + n).c_str()));
    return invalidValue;
  }
  return enqueue(stream_of(stream), write_op(text("a fill of %zu bytes", n), dst, n, [=] {
                   T* p = static_cast<T*>(dst);
                   return std::fill(p, p + count, value), ok;
                 }));
}

SOFT_API hipError_t hipMemsetD8Async(void* dst, unsigned char value, size_t count, void* stream) {
  ENTER(hipMemsetD8Async);
  return fill_async<unsigned char>(dst, value, count, stream);
}

SOFT_API hipError_t hipMemsetD32Async(void* dst, int value, size_t count, void* stream) {
  ENTER(hipMemsetD32Async);
  return fill_async<int>(dst, value, count, stream);
}

// The default-stream calls that package hip does not bind. Tests plant bugs with them.

SOFT_API hipError_t hipMemcpy(void* dst, const void* src, size_t n, int) {
  ENTER(hipMemcpy);
  Stream* s = default_stream();
  drain(true);  // the default stream waits for the others, but not for those made non-blocking
  const std::string what = text("hipMemcpy on the default stream (%zu bytes)", n);
  Op op = write_op(what, dst, n, [=] { return memcpy(dst, src, n), ok; });
  op.uses.push_back({uintptr_t(src), uintptr_t(src) + n, false});
  if (hipError_t e = enqueue(s, std::move(op))) return e;
  run_front(s);
  join(state.host, s->clock);
  return state.sticky;
}

SOFT_API hipError_t hipMemset(void* dst, int value, size_t n) {
  ENTER(hipMemset);
  Stream* s = default_stream();
  drain(true);
  Op op = write_op(text("hipMemset on the default stream (%zu bytes)", n), dst, n, [=] { return memset(dst, value, n), ok; });
  if (hipError_t e = enqueue(s, std::move(op))) return e;
  run_front(s);
  return state.sticky;
}

SOFT_API hipError_t hipDeviceSynchronize() {
  ENTER(hipDeviceSynchronize);
  drain(false);
  for (Stream* s : state.streams)
    if (s) join(state.host, s->clock);
  return state.sticky;
}

// ---- events ------------------------------------------------------------------------------------------------------

SOFT_API hipError_t hipEventCreateWithFlags(void** out, unsigned) {
  ENTER(hipEventCreateWithFlags);
  Event* e = new Event;
  state.events.insert(e);
  *out = e;
  return ok;
}

SOFT_API hipError_t hipEventDestroy(void* handle) {
  ENTER(hipEventDestroy);
  Event* e = static_cast<Event*>(handle);
  if (state.events.erase(e) == 0) return invalidHandle;
  delete e;
  return ok;
}

SOFT_API hipError_t hipEventRecord(void* handle, void* stream) {
  ENTER(hipEventRecord);
  if (!state.events.count(static_cast<Event*>(handle))) return invalidHandle;
  Op op;
  op.name = "an event";
  op.marks = static_cast<Event*>(handle)->last = std::make_shared<Marker>();
  return enqueue(stream_of(stream), std::move(op));
}

SOFT_API hipError_t hipEventQuery(void* handle) {
  ENTER(hipEventQuery);
  Event* e = static_cast<Event*>(handle);
  if (!state.events.count(e)) return invalidHandle;
  state.polls++;
  if (!e->last) return ok;
  // Asking lets the device get on by some operations, now and then by none.
  const uint32_t r = rnd();
  for (uint32_t n = r % 8 == 0 ? 0 : 1 + r / 8 % state.per_poll; n > 0 && !e->last->done && step(); n--) {
  }
  if (state.sticky) return state.sticky;
  if (!e->last->done) return notReady;
  join(state.host, e->last->clock);
  return ok;
}

SOFT_API hipError_t hipEventElapsedTime(float* ms, void* start, void* end) {
  ENTER(hipEventElapsedTime);
  auto a = static_cast<Event*>(start)->last, b = static_cast<Event*>(end)->last;
  if (!a || !b) return invalidHandle;
  if (!a->done || !b->done) return notReady;
  *ms = float(b->time - a->time);
  return ok;
}

// ---- graphs ------------------------------------------------------------------------------------------------------

SOFT_API hipError_t hipStreamBeginCapture(void* stream, int) {
  ENTER(hipStreamBeginCapture);
  Stream* s = stream_of(stream);
  if (s->id == 0 || s->capture) return captureUnsupported;
  s->capture = new Graph;
  s->capture_broken = false;
  return ok;
}

SOFT_API hipError_t hipStreamEndCapture(void* stream, void** out) {
  Stream* s = stream_of(stream);
  if (!s->capture) return captureUnmatched;
  Graph* g = s->capture;
  s->capture = nullptr;
  *out = nullptr;
  hipError_t e = enter("hipStreamEndCapture");  // whatever goes wrong, the capture is over
  if (!e && s->capture_broken) e = captureInvalidated;
  if (e) {
    delete g;
    return e;
  }
  *out = g;
  return ok;
}

SOFT_API hipError_t hipGraphInstantiateWithFlags(void** exec, void* graph, unsigned long long) {
  ENTER(hipGraphInstantiateWithFlags);
  *exec = new Graph(*static_cast<Graph*>(graph));
  return ok;
}

SOFT_API hipError_t hipGraphGetNodes(void* graph, void**, size_t* count) {
  ENTER(hipGraphGetNodes);
  *count = static_cast<Graph*>(graph)->ops.size();
  return ok;
}

SOFT_API hipError_t hipGraphLaunch(void* exec, void* stream) {
  ENTER(hipGraphLaunch);
  for (const Op& op : static_cast<Graph*>(exec)->ops)
    if (hipError_t e = enqueue(stream_of(stream), op)) return e;
  return ok;
}

SOFT_API hipError_t hipGraphDestroy(void* graph) {
  ENTER(hipGraphDestroy);
  delete static_cast<Graph*>(graph);
  return ok;
}

SOFT_API hipError_t hipGraphExecDestroy(void* exec) {
  ENTER(hipGraphExecDestroy);
  delete static_cast<Graph*>(exec);
  return ok;
}
