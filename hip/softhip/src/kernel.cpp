// Modules and kernels of the software device: a code object is a shared library that rtc.cpp compiled.
#include "softhip.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

// As in device.h.
struct soft_env {
  unsigned char* stacks;
  uint32_t seed;
  uint32_t block[3], thread[3];
  const char* failure;
};
struct soft_kernel_info {
  void (*call)(void**);
  uint32_t count;
  const uint32_t* sizes;
  const unsigned char* kinds;
};
static constexpr size_t stacks_bytes = 1024 * (64 << 10);
enum : unsigned char { by_value = 0, reads = 1, writes = 2 };

typedef bool (*run_fn)(void (*)(void**), void**, const uint32_t*, const uint32_t*, uint32_t, soft_env*);

struct Module {
  void* lib;
  run_fn run;
  std::map<std::string, struct Function*> functions;
};
struct Function {
  std::string name;
  const soft_kernel_info* info;
  Module* module;
};

SOFT_API hipError_t hipModuleLoadData(void** out, const void* image) {
  ENTER(hipModuleLoadData);
  if (capturing_anywhere()) return break_captures(), captureUnsupported;
  // The image does not say how long it is; rtc.cpp puts that in front.
  uint64_t head[2];
  memcpy(head, image, sizeof head);
  if (head[0] != 0x454c55444f4d5453ull) return invalidImage;
  char path[] = "/tmp/softhip-module-XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0) return invalidImage;
  const char* p = static_cast<const char*>(image) + sizeof head;
  for (size_t left = head[1]; left > 0;) {
    const ssize_t n = write(fd, p, left);
    if (n <= 0) break;
    p += n;
    left -= size_t(n);
  }
  close(fd);
  void* lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!lib) report(text("a module could not be loaded: %s", dlerror()));
  unlink(path);
  if (!lib) return invalidImage;
  auto run = reinterpret_cast<run_fn>(dlsym(lib, "soft_run"));
  if (!run) return dlclose(lib), invalidImage;
  *out = new Module{lib, run, {}};
  return ok;
}

SOFT_API hipError_t hipModuleUnload(void* handle) {
  ENTER(hipModuleUnload);
  Module* m = static_cast<Module*>(handle);
  for (Stream* s : state.streams)
    for (size_t i = 0; s && i < s->queue.size(); i++)
      if (s->queue[i].name.rfind("kernel ", 0) == 0 && m->functions.count(s->queue[i].name.substr(7))) {
        report(text("a module was unloaded while %s of it was pending", s->queue[i].name.c_str()));
        return invalidHandle;
      }
  for (auto& [name, f] : m->functions) delete f;
  dlclose(m->lib);
  delete m;
  return ok;
}

SOFT_API hipError_t hipModuleGetFunction(void** out, void* handle, const char* name) {
  ENTER(hipModuleGetFunction);
  Module* m = static_cast<Module*>(handle);
  Function*& f = m->functions[name];
  if (!f) {
    typedef const soft_kernel_info* (*info_fn)();
    auto info = reinterpret_cast<info_fn>(dlsym(m->lib, (std::string("soft_info_") + name).c_str()));
    if (!info) return m->functions.erase(name), notFound;
    f = new Function{name, info(), m};
  }
  *out = f;
  return ok;
}

SOFT_API hipError_t hipFuncGetAttribute(int* value, int attribute, void*) {
  ENTER(hipFuncGetAttribute);
  *value = attribute == 0 ? 1024 : 0;
  return ok;
}

// ---- running -----------------------------------------------------------------------------------------------------

static soft_env env;
static sigjmp_buf escape;
static volatile sig_atomic_t running;
static volatile uintptr_t fault_address;
static struct sigaction old_segv, old_bus;

bool in_kernel() { return running; }

// A fault in a kernel ends the kernel. Any other is passed on to whoever handled faults before: Go's runtime.
static void on_fault(int signal, siginfo_t* info, void* context) {
  if (running) {
    fault_address = uintptr_t(info->si_addr);
    siglongjmp(escape, 1);
  }
  const struct sigaction& old = signal == SIGBUS ? old_bus : old_segv;
  if (old.sa_flags & SA_SIGINFO) old.sa_sigaction(signal, info, context);
  else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) old.sa_handler(signal);
  else abort();
}

static hipError_t run_kernel(Function* f, const uint32_t* grid, const uint32_t* block, uint32_t shared, void** params) {
  if (!env.stacks) {
    void* p = mmap(nullptr, stacks_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return outOfMemory;
    madvise(p, stacks_bytes, MADV_HUGEPAGE);  // switching between threads would miss the TLB each time
    env.stacks = static_cast<unsigned char*>(p);
  }
  state.kernels++;
  env.seed = rnd();
  env.failure = nullptr;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &old_segv);
  sigaction(SIGBUS, &action, &old_bus);
  bool finished = false, faulted = false;
  if (sigsetjmp(escape, 1) == 0) {
    running = 1;
    finished = f->module->run(f->info->call, params, grid, block, shared, &env);
  } else {
    faulted = true;
  }
  running = 0;
  sigaction(SIGSEGV, &old_segv, nullptr);
  sigaction(SIGBUS, &old_bus, nullptr);
  const std::string where = text("kernel %s, block (%u,%u,%u), thread (%u,%u,%u)", f->name.c_str(), env.block[0], env.block[1],
                                 env.block[2], env.thread[0], env.thread[1], env.thread[2]);
  if (faulted) {
    report(text("out of bounds: %s touched %s", where.c_str(), name_of(fault_address).c_str()));
    return illegalAddress;
  }
  if (!finished) {
    report(text("%s: %s", where.c_str(), env.failure ? env.failure : "it was given up"));
    return launchFailure;
  }
  return ok;
}

SOFT_API hipError_t hipModuleLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                                          unsigned bz, unsigned shared, void* stream, void** params, void** extra) {
  ENTER(hipModuleLaunchKernel);
  Function* f = static_cast<Function*>(function);
  if (!f || extra) return invalidValue;
  const uint64_t threads = uint64_t(bx) * by * bz;
  if (!gx || !gy || !gz || !threads || threads > 1024 || shared > (64 << 10) || gy > 65535 || gz > 65535) return invalidConfiguration;
  Op op;
  op.name = "kernel " + f->name;
  // The arguments are copied now and used later.
  struct Launch {
    std::vector<std::vector<unsigned char>> values;
    std::vector<void*> params;
  };
  auto l = std::make_shared<Launch>();
  for (uint32_t i = 0; i < f->info->count; i++) {
    const uint32_t n = f->info->sizes[i];
    const auto* p = static_cast<unsigned char*>(params[i]);
    l->values.emplace_back(p, p + n);
    auto use = [&](uintptr_t address, bool write, bool must) {
      if (!address) return;
      Allocation* a = find_allocation(address);
      if (a) op.uses.push_back({address, a->base + a->size, write});
      else if (must) report(text("kernel %s: argument %u is %s", f->name.c_str(), i, name_of(address).c_str()));
    };
    const unsigned char kind = f->info->kinds[i];
    uintptr_t address;
    if (kind != by_value) {
      memcpy(&address, p, sizeof address);
      use(address, kind == writes, true);
    } else {
      // A struct may hold pointers; what looks like one counts as written through.
      for (uint32_t at = 0; n > 8 && at + 8 <= n; at += 8) {
        memcpy(&address, p + at, sizeof address);
        use(address, true, false);
      }
    }
  }
  for (auto& v : l->values) l->params.push_back(v.data());
  const std::vector<Use> uses = op.uses;
  op.run = [=]() -> hipError_t {
    const uint32_t grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
    hipError_t e = run_kernel(f, grid, block, shared, l->params.data());
    for (const Use& u : uses)
      if (Allocation* a = find_allocation(u.lo)) check_canaries(*a, "after kernel " + f->name);
    return e;
  };
  return enqueue(stream ? static_cast<Stream*>(stream) : default_stream(), std::move(op));
}
