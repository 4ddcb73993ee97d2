// Package softhip is a HIP device in software, for tests: a shared library with HIP's and hiprtc's entry points that runs
// kernels on the CPU and watches what is done with them. Package hip loads it like AMD's runtime.
//
// It finds what a GPU hides: operations that nothing orders (vector clocks for each allocation), memory read before it is
// written (fresh memory is NaN), accesses out of bounds (guard pages and canaries), barriers that not all threads reach.
// Streams are lazy queues run in an order drawn from a seed. It can also fail on purpose: out of memory at the
// n-th allocation, an error from any call, an operation that never completes.
//
// It needs Linux and a C++ compiler: clang++, or g++ from version 13. Kernels are compiled for the host; device.h in src
// says what they find there.
package softhip

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

//go:embed src
var sources embed.FS

// ErrUnsupported means that this machine can't build the device.
var ErrUnsupported = errors.New("softhip: the software device needs Linux and clang++ or g++ 13")

// compilers are tried in this order.
var compilers = []string{"clang++-19", "clang++", "clang++-20", "clang++-18", "clang++-17", "g++"}

// Build compiles the device, once for each version of its source, and returns the path of the library. The files stay in
// the system's folder for temporary files.
func Build() (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return "", ErrUnsupported
	}
	files, digest, err := readSources()
	if err != nil {
		return "", err
	}
	for _, name := range compilers {
		compiler, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		// The folder's name holds all that the library depends on.
		h := sha256.Sum256(fmt.Appendln(nil, digest, compiler, os.Getuid()))
		dir := filepath.Join(os.TempDir(), "burble-softhip-"+hex.EncodeToString(h[:8]))
		lib := filepath.Join(dir, "libsofthip.so")
		if _, err := os.Stat(lib); err == nil {
			return lib, nil
		}
		if understandsHalf(compiler) {
			return lib, build(dir, compiler, files)
		}
	}
	return "", ErrUnsupported
}

// readSources returns the C++ files by name, and a hash of them.
func readSources() (map[string][]byte, string, error) {
	entries, err := sources.ReadDir("src")
	if err != nil {
		return nil, "", err
	}
	h := sha256.New()
	files := map[string][]byte{}
	for _, e := range entries { // sorted
		b, err := sources.ReadFile("src/" + e.Name())
		if err != nil {
			return nil, "", err
		}
		files[e.Name()] = b
		fmt.Fprintln(h, e.Name(), len(b))
		h.Write(b)
	}
	return files, hex.EncodeToString(h.Sum(nil)), nil
}

// build compiles the library into dir.
func build(dir, compiler string, files map[string][]byte) error {
	// Several test programs may build at once: each in a folder of its own, and the last to rename wins.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("softhip: %w", err)
	}
	work, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return fmt.Errorf("softhip: %w", err)
	}
	defer os.RemoveAll(work)
	args := []string{"-std=c++17", "-O2", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-DSOFTHIP_CXX=\"" + compiler + "\"",
		"-DSOFTHIP_DEVICE_H=\"" + filepath.Join(dir, "device.h") + "\"", "-o", filepath.Join(work, "libsofthip.so")}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(work, name), b, 0o600); err != nil {
			return fmt.Errorf("softhip: %w", err)
		}
		if strings.HasSuffix(name, ".cpp") {
			args = append(args, filepath.Join(work, name))
		}
	}
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("softhip: %s: %w\n%s", compiler, err, out)
	}
	for _, name := range []string{"device.h", "libsofthip.so"} {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("softhip: %w", err)
		}
	}
	return nil
}

// understandsHalf says whether a compiler has _Float16 in C++.
func understandsHalf(compiler string) bool {
	cmd := exec.Command(compiler, "-std=c++17", "-x", "c++", "-fsyntax-only", "-")
	cmd.Stdin = strings.NewReader("_Float16 half = 1;")
	return cmd.Run() == nil
}

// Config sets up the device. Zero fields take the defaults.
type Config struct {
	Devices int    // 1; negative for none
	Warp    int    // 32 or 64; 32
	Memory  int64  // of each device; 8 GiB
	Seed    uint64 // of the order in which streams run; 1
	PerPoll int    // the most operations that run each time the host asks whether an event has come; 256
}

// Device controls the software device of this process. There is one: tests that use it do not run in parallel.
type Device struct {
	Library string // path for hip.Options.Driver
	t       testing.TB
	fn      map[string]uintptr
	hung    bool
}

// New builds and sets up the device for a test, and skips the test where it can't be built. When the test ends,
// reports that were not taken with Reports fail it, and so does memory that is still allocated, unless Hang was used.
func New(t testing.TB, c Config) *Device {
	t.Helper()
	lib, err := Build()
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	handle, err := openLibrary(lib)
	if err != nil {
		t.Fatal(err)
	}
	d := &Device{Library: lib, t: t, fn: map[string]uintptr{}}
	for _, name := range []string{"softhip_reset", "softhip_configure", "softhip_fail", "softhip_hang", "softhip_reports",
		"softhip_clear_reports", "softhip_host_read", "softhip_host_write", "softhip_count", "hipMemcpy", "hipMemset",
		"hipDeviceSynchronize"} {
		if d.fn[name], err = lookUp(handle, name); err != nil {
			t.Fatal(err)
		}
	}
	if c.Devices == 0 {
		c.Devices = 1
	}
	if c.Warp == 0 {
		c.Warp = 32
	}
	if c.Memory == 0 {
		c.Memory = 8 << 30
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.PerPoll == 0 {
		c.PerPoll = 256
	}
	d.call("softhip_reset")
	d.call("softhip_configure", uintptr(max(c.Devices, 0)), uintptr(c.Warp), uintptr(c.Memory), uintptr(c.Seed), uintptr(c.PerPoll))
	t.Cleanup(func() {
		for _, r := range d.Reports() {
			t.Errorf("software device: %s", r)
		}
		if left := int32(d.call("softhip_reset")); left != 0 && !d.hung {
			t.Errorf("software device: %d allocations, events and streams were never released", left)
		}
	})
	return d
}

//go:uintptrescapes
func (d *Device) call(name string, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(d.fn[name], args...)
	return r
}

// Fail makes the n-th call from now of an entry point, such as "hipMalloc", return a code.
func (d *Device) Fail(entryPoint string, n, code int) {
	name := append([]byte(entryPoint), 0)
	d.call("softhip_fail", uintptr(unsafe.Pointer(&name[0])), uintptr(n), uintptr(code))
}

// Hang makes the n-th launch of a kernel from now never complete, or the n-th operation of any kind if kernel is "".
func (d *Device) Hang(kernel string, n int) {
	d.hung = true
	name := append([]byte(kernel), 0)
	d.call("softhip_hang", uintptr(unsafe.Pointer(&name[0])), uintptr(n))
}

// Reports takes what the device has found wrong since the last call.
func (d *Device) Reports() []string {
	buf := make([]byte, 64<<10)
	n := int(d.call("softhip_reports", uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf))))
	d.call("softhip_clear_reports")
	if n == 0 {
		return nil
	}
	text, _, _ := strings.Cut(string(buf), "\x00")
	return strings.Split(strings.TrimSpace(text), "\n")
}

// HostRead says that the host reads pinned memory now; HostWrite that it writes it.
func (d *Device) HostRead(p []byte) {
	d.call("softhip_host_read", uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
}

// HostWrite is described at HostRead.
func (d *Device) HostWrite(p []byte) {
	d.call("softhip_host_write", uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
}

// DefaultCopy is hipMemcpy on the default stream, which package hip does not bind, for planting a bug.
func (d *Device) DefaultCopy(dst, src uintptr, n int) int {
	return int(int32(d.call("hipMemcpy", dst, src, uintptr(n), 4)))
}

// DefaultFill is hipMemset on the default stream.
func (d *Device) DefaultFill(dst uintptr, value byte, n int) int {
	return int(int32(d.call("hipMemset", dst, uintptr(value), uintptr(n))))
}

// Kernels is how many kernels have run.
func (d *Device) Kernels() int {
	name := []byte("kernels\x00")
	return int(d.call("softhip_count", uintptr(unsafe.Pointer(&name[0]))))
}
