package hip

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// rtc is the table of the run-time compilers' entry points: hiprtc mirrors NVRTC call for call.
type rtc struct {
	backend Backend
	path    string
	lib     uintptr

	create, compileProgram, destroy, codeSize, code, logSize, log, versionOf uintptr
}

func (c *rtc) entries() []entry {
	if c.backend == CUDA {
		return []entry{
			{name: "nvrtcCreateProgram", to: &c.create},
			{name: "nvrtcCompileProgram", to: &c.compileProgram},
			{name: "nvrtcDestroyProgram", to: &c.destroy},
			{name: "nvrtcGetCUBINSize", to: &c.codeSize},
			{name: "nvrtcGetCUBIN", to: &c.code},
			{name: "nvrtcGetProgramLogSize", to: &c.logSize},
			{name: "nvrtcGetProgramLog", to: &c.log},
			{name: "nvrtcVersion", to: &c.versionOf},
		}
	}
	return []entry{
		{name: "hiprtcCreateProgram", to: &c.create},
		{name: "hiprtcCompileProgram", to: &c.compileProgram},
		{name: "hiprtcDestroyProgram", to: &c.destroy},
		{name: "hiprtcGetCodeSize", to: &c.codeSize},
		{name: "hiprtcGetCode", to: &c.code},
		{name: "hiprtcGetProgramLogSize", to: &c.logSize},
		{name: "hiprtcGetProgramLog", to: &c.log},
		{name: "hiprtcVersion", to: &c.versionOf},
	}
}

// loadCompiler loads the first of the libraries that is there and has the entry points.
func loadCompiler(b Backend, libraries []string) (*rtc, error) {
	var tried []string
	for _, name := range libraries {
		lib, err := openLibrary(name)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		c := &rtc{backend: b, path: name, lib: lib}
		if err := (&driver{lib: lib, path: name}).bind(c.entries()); err != nil {
			tried = append(tried, err.Error())
			continue
		}
		return c, nil
	}
	what := "hiprtc, the HIP run-time compiler (Debian and Ubuntu: libhiprtc or rocm-hip-runtime)"
	if b == CUDA {
		what = "NVRTC, the CUDA run-time compiler (part of the CUDA toolkit; as a package: cuda-nvrtc)"
	}
	return nil, fmt.Errorf("hip: install %s. Looked for: %s", what, strings.Join(tried, "; "))
}

func (c *rtc) version() string {
	var major, minor int32
	if call(c.versionOf, uintptr(unsafe.Pointer(&major)), uintptr(unsafe.Pointer(&minor))) != statusOK {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", major, minor)
}

// compile compiles in this process.
func (c *rtc) compile(target string, src Source) ([]byte, error) {
	arch := "--offload-arch="
	if c.backend == CUDA {
		arch = "--gpu-architecture="
	}
	options := append([]string{arch + target, "-std=c++17"}, src.Options...)
	// The compiler gets arrays of strings, so addresses within Go memory: pinned until it is done.
	var pins runtime.Pinner
	defer pins.Unpin()
	text := func(s string) uintptr {
		b := cString(s)
		pins.Pin(&b[0])
		return uintptr(unsafe.Pointer(&b[0]))
	}
	array := func(list []uintptr) uintptr {
		if len(list) == 0 {
			return 0
		}
		pins.Pin(&list[0])
		return uintptr(unsafe.Pointer(&list[0]))
	}
	var names, texts, opts []uintptr
	for name, body := range src.Headers {
		names, texts = append(names, text(name)), append(texts, text(body))
	}
	for _, o := range options {
		opts = append(opts, text(o))
	}
	var program uintptr
	st := call(c.create, uintptr(unsafe.Pointer(&program)), text(src.Text), text(src.Name), uintptr(len(names)), array(texts), array(names))
	if st != statusOK {
		return nil, fmt.Errorf("%s: creating the program failed with %d", c.path, st)
	}
	defer call(c.destroy, uintptr(unsafe.Pointer(&program)))
	st = call(c.compileProgram, program, uintptr(len(opts)), array(opts))
	if st != statusOK {
		return nil, fmt.Errorf("%s (error %d, %s, options %s)", c.readLog(program), st, c.path, strings.Join(options, " "))
	}
	var size uintptr
	if st := call(c.codeSize, program, uintptr(unsafe.Pointer(&size))); st != statusOK {
		return nil, fmt.Errorf("%s: asking for the code's size failed with %d", c.path, st)
	}
	if size == 0 {
		return nil, errors.New("the compiler made no code: the target must be a real architecture")
	}
	code := make([]byte, size)
	if st := call(c.code, program, uintptr(unsafe.Pointer(&code[0]))); st != statusOK {
		return nil, fmt.Errorf("%s: fetching the code failed with %d", c.path, st)
	}
	return code, nil
}

func (c *rtc) readLog(program uintptr) string {
	var size uintptr
	if call(c.logSize, program, uintptr(unsafe.Pointer(&size))) != statusOK || size == 0 {
		return "the compiler gave no message"
	}
	log := make([]byte, size)
	if call(c.log, program, uintptr(unsafe.Pointer(&log[0]))) != statusOK {
		return "the compiler gave no message"
	}
	return strings.TrimSpace(textOf(log))
}
