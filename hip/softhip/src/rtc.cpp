// hiprtc of the software device: kernels are preprocessed, their HIP keywords turned into host C++, and compiled by the
// host's compiler into a shared library.
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "softhip.h"

// Both are given when the device is built.
#ifndef SOFTHIP_CXX
#error "define SOFTHIP_CXX, the compiler for kernels"
#endif
#ifndef SOFTHIP_DEVICE_H
#error "define SOFTHIP_DEVICE_H, the path of device.h"
#endif

struct Program {
  std::string source, name, log, code;
  std::vector<std::pair<std::string, std::string>> headers;
};

enum : int { rtcOk = 0, rtcInvalidInput = 3, rtcCompilation = 6 };

static bool write_file(const std::string& path, const std::string& body) {
  std::ofstream f(path, std::ios::binary);
  f << body;
  return bool(f.flush());
}

static std::string read_file(const std::string& path) {
  std::ifstream f(path, std::ios::binary);
  std::stringstream s;
  s << f.rdbuf();
  return s.str();
}

// run runs a program without a shell; its output goes to a file.
static int run(const std::vector<std::string>& args, const std::string& output) {
  std::vector<char*> argv;
  for (auto& a : args) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return -1;
  if (pid == 0) {
    FILE* f = freopen(output.c_str(), "w", stderr);
    if (f) execvp(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  if (waitpid(pid, &status, 0) < 0) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool word_char(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// find_word finds a whole word.
static size_t find_word(const std::string& s, const std::string& w, size_t from) {
  for (size_t at = s.find(w, from); at != std::string::npos; at = s.find(w, at + 1))
    if ((at == 0 || !word_char(s[at - 1])) && !(at + w.size() < s.size() && word_char(s[at + w.size()]))) return at;
  return std::string::npos;
}

static std::string trim(const std::string& s) {
  size_t a = s.find_first_not_of(" \t\n"), b = s.find_last_not_of(" \t\n");
  return a == std::string::npos ? "" : s.substr(a, b - a + 1);
}

// skip_attribute steps over "__attribute__((...))" at from.
static size_t skip_attribute(const std::string& s, size_t from) {
  static const std::string word = "__attribute__";
  if (s.compare(from, word.size(), word) != 0) return from;
  size_t at = s.find('(', from);
  for (int depth = 0; at < s.size(); at++) {
    depth += (s[at] == '(') - (s[at] == ')');
    if (depth == 0) return at + 1;
  }
  return from;
}

// rewrite turns the markers that device.h leaves for HIP's keywords into C++:
//   extern __soft_shared__ T name[];  → T* name = reinterpret_cast<T*>(soft_dynamic)
//   __soft_shared__ T name[n];        → a static in the section that is poisoned before each launch
//   __soft_global__ void name(...)    → a function, and its name for the table of kernels
static std::string rewrite(std::string s, std::vector<std::string>& kernels) {
  static const std::string shared = "__soft_shared__", global = "__soft_global__";
  for (size_t at = 0; (at = find_word(s, shared, at)) != std::string::npos;) {
    size_t start = at;
    while (start > 0 && isspace(static_cast<unsigned char>(s[start - 1]))) start--;
    const bool is_extern = start >= 6 && s.compare(start - 6, 6, "extern") == 0;
    const size_t end = s.find(';', at);
    const size_t open = s.rfind('[', end);
    if (is_extern && open != std::string::npos && open > at) {
      std::string decl = s.substr(at + shared.size(), open - at - shared.size());
      decl = trim(decl);
      for (size_t a; (a = decl.find("__attribute__")) != std::string::npos;) decl.erase(a, skip_attribute(decl, a) - a);
      decl = trim(decl);
      size_t name = decl.size();
      while (name > 0 && word_char(decl[name - 1])) name--;
      const std::string type = trim(decl.substr(0, name));
      const std::string with = type + "* " + decl.substr(name) + " = reinterpret_cast<" + type + "*>(soft_dynamic)";
      s.replace(start - 6, end - (start - 6), with);
      at = start;
    } else {
      // "static __shared__" is as good as "__shared__".
      const bool is_static = start >= 6 && s.compare(start - 6, 6, "static") == 0;
      s.replace(at, shared.size(), std::string(is_static ? "" : "static ") + "__attribute__((section(\"softshared\")))");
    }
  }
  for (size_t at = 0; (at = find_word(s, global, at)) != std::string::npos;) {
    s.replace(at, global.size(), std::string(global.size(), ' '));
    const size_t paren = [&] {
      for (size_t p = at; p < s.size(); p++) {
        if (s.compare(p, 13, "__attribute__") == 0) p = skip_attribute(s, p) - 1;
        else if (s[p] == '(') return p;
      }
      return std::string::npos;
    }();
    if (paren == std::string::npos) break;
    size_t stop = paren;
    while (stop > 0 && isspace(static_cast<unsigned char>(s[stop - 1]))) stop--;
    size_t name = stop;
    while (name > 0 && word_char(s[name - 1])) name--;
    const std::string k = s.substr(name, stop - name);
    bool known = false;
    for (auto& other : kernels) known |= other == k;
    if (!known) kernels.push_back(k);
  }
  return s;
}

static int compile(Program* p, int count, const char** options) {
  char dir[] = "/tmp/softhip-rtc-XXXXXX";
  if (!mkdtemp(dir)) return p->log = "no temporary folder", rtcCompilation;
  const std::string base = dir;
  struct Cleanup {
    std::string dir;
    ~Cleanup() {
      const std::vector<std::string> args = {"rm", "-rf", dir};
      run(args, "/dev/null");
    }
  } cleanup{base};
  std::string warp = "32", level = "-O2", standard = "-std=c++17";
  std::vector<std::string> defines;
  for (int i = 0; i < count; i++) {
    const std::string o = options[i];
    if (o.rfind("--offload-arch=gfx064", 0) == 0) warp = "64";
    else if (o.rfind("-D", 0) == 0 || o.rfind("-U", 0) == 0 || o.rfind("-f", 0) == 0) defines.push_back(o);
    else if (o.rfind("-std=", 0) == 0) standard = o;
    else if (o == "-O0" || o == "-O1") level = o;
  }
  for (auto& [name, body] : p->headers) write_file(base + "/" + name, body);
  const std::string source = base + "/kernel.hip", expanded = base + "/kernel.ii", library = base + "/kernel.so", log = base + "/log";
  write_file(source, "#line 1 \"" + p->name + "\"\n" + p->source);
  std::vector<std::string> common = {SOFTHIP_CXX, standard, "-w", "-fPIC", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti",
                                     "-fno-strict-aliasing", "-fno-stack-protector"};
#if defined(__x86_64__)
  // Kernels are compiled where they run. F16C spares a library call for every half.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    for (const char* f : {"-mavx2", "-mfma", "-mf16c"}) common.push_back(f);
#endif
  std::vector<std::string> args = common;
  for (auto& d : defines) args.push_back(d);
  for (const std::string& a : std::vector<std::string>{"-DBURBLE_SOFT=1", "-DBURBLE_WARP=" + warp, "-I", base, "-include", SOFTHIP_DEVICE_H,
                                                       "-x", "c++", "-E", source, "-o", expanded})
    args.push_back(a);
  if (run(args, log) != 0) return p->log = read_file(log), rtcCompilation;
  std::vector<std::string> kernels;
  std::string body = rewrite(read_file(expanded), kernels);
  body += "\n";
  for (auto& k : kernels)
    body += "extern \"C\" __attribute__((visibility(\"default\"))) const soft_kernel_info* soft_info_" + k +
            "() { return &soft_thunk<&" + k + ">::info; }\n";
  write_file(expanded, body);
  args = common;
  for (auto& d : defines)
    if (d.rfind("-f", 0) == 0) args.push_back(d);
  for (const std::string& a : std::vector<std::string>{level, "-x", "c++-cpp-output", "-shared", expanded, "-o", library, "-lm"}) args.push_back(a);
  if (run(args, log) != 0) return p->log = read_file(log), rtcCompilation;
  const std::string code = read_file(library);
  const uint64_t head[2] = {0x454c55444f4d5453ull, code.size()};
  p->code.assign(reinterpret_cast<const char*>(head), sizeof head);
  p->code += code;
  return rtcOk;
}

SOFT_API int hiprtcVersion(int* major, int* minor) { return *major = 6, *minor = 3, rtcOk; }

SOFT_API int hiprtcCreateProgram(void** out, const char* source, const char* name, int n, const char** headers, const char** names) {
  Program* p = new Program{source, name ? name : "kernel", "", "", {}};
  for (int i = 0; i < n; i++) p->headers.emplace_back(names[i], headers[i]);
  *out = p;
  return rtcOk;
}

SOFT_API int hiprtcDestroyProgram(void** program) {
  delete static_cast<Program*>(*program);
  *program = nullptr;
  return rtcOk;
}

SOFT_API int hiprtcCompileProgram(void* program, int n, const char** options) { return compile(static_cast<Program*>(program), n, options); }

SOFT_API int hiprtcGetProgramLogSize(void* program, size_t* n) { return *n = static_cast<Program*>(program)->log.size() + 1, rtcOk; }

SOFT_API int hiprtcGetProgramLog(void* program, char* out) {
  const std::string& log = static_cast<Program*>(program)->log;
  memcpy(out, log.c_str(), log.size() + 1);
  return rtcOk;
}

SOFT_API int hiprtcGetCodeSize(void* program, size_t* n) { return *n = static_cast<Program*>(program)->code.size(), rtcOk; }

SOFT_API int hiprtcGetCode(void* program, char* out) {
  const std::string& code = static_cast<Program*>(program)->code;
  memcpy(out, code.data(), code.size());
  return rtcOk;
}
