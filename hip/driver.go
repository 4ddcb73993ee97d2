package hip

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Backend says which driver is behind a Runtime.
type Backend uint8

const (
	// HIP is AMD's runtime, or the software device that tests load in its place.
	HIP Backend = iota
	// CUDA is NVIDIA's driver, which mirrors HIP call for call.
	CUDA
)

func (b Backend) String() string {
	if b == CUDA {
		return "CUDA"
	}
	return "HIP"
}

// status is what every entry point returns. HIP and CUDA share the numbers below.
type status int32

const (
	statusOK          status = 0
	statusOutOfMemory status = 2
	statusNoDevice    status = 100
	// ROCm 5's hipInit says this where there is no GPU.
	statusInvalidDevice status = 101
	statusNotReady      status = 600
)

// driver is the table of entry points that both backends fill: bind_hip.go and bind_cuda.go. The calls that
// act on a stream have one signature in both and are called straight through their address. Where the two differ,
// the difference lives in the adapters at the end.
//
// There is no entry for a call that could use the default stream: no hipMemcpy, hipMemset, hipDeviceSynchronize,
// hipStreamSynchronize, nor the per-thread default stream. TestBoundSymbols holds the list to that.
type driver struct {
	backend Backend
	path    string // what was loaded
	rtcPath string // compiler library, or empty
	lib     uintptr

	// Operations on a stream. (arguments..., stream)
	launch        uintptr // function, grid xyz, block xyz, shared bytes, stream, params, extra
	copyHtoD      uintptr // dst, src, bytes, stream
	copyDtoH      uintptr
	copyDtoD      uintptr
	fill8         uintptr // dst, value, count, stream
	fill32        uintptr
	streamWrite32 uintptr // stream, address, value, flags; 0 where there is none
	streamWait    uintptr // stream, event, flags
	eventRecord   uintptr // event, stream
	eventQuery    uintptr // event
	graphLaunch   uintptr // exec, stream
	beginCapture  uintptr // stream, mode
	endCapture    uintptr // stream, *graph

	graphInstantiate uintptr // *exec, graph, flags
	graphNodes       uintptr // graph, nodes, *count
	graphDestroy     uintptr
	graphExecDestroy uintptr

	initialise      uintptr // flags
	driverVersion   uintptr // *version
	runtimeVersion  uintptr // *version; CUDA's driver has none
	deviceCount     uintptr // *count
	deviceName      uintptr // buffer, length, device
	deviceAttribute uintptr // *value, attribute, device
	devicePCI       uintptr // buffer, length, device
	deviceMemory    uintptr // *bytes, device
	memoryInfo      uintptr // *free, *total, of the current device
	alloc           uintptr // *address, bytes
	free            uintptr // address
	hostAlloc       uintptr // *address, bytes, flags
	hostFree        uintptr // address
	hostDevice      uintptr // *device address, host address, 0
	streamCreate    uintptr // *stream, flags
	streamDestroy   uintptr
	eventCreate     uintptr // *event, flags
	eventDestroy    uintptr
	eventElapsed    uintptr // *float milliseconds, start, end
	moduleLoad      uintptr // *module, image
	moduleUnload    uintptr
	moduleFunction  uintptr // *function, module, name
	functionInfo    uintptr // *value, attribute, function
	errorName       uintptr // HIP: code → text; CUDA: code, *text

	// HIP only.
	setDevice       uintptr
	propertiesR0600 uintptr // properties structs of ROCm 6 and later, of 5.7's new name, and of the rest
	propertiesR0000 uintptr
	properties      uintptr
	// CUDA only.
	launchEx       uintptr // *launchConfig, function, params, extra; 0 where there is none
	primaryRetain  uintptr // *context, device
	primaryRelease uintptr // device
	setCurrent     uintptr // context
	functionSet    uintptr // function, attribute, value

	attributes deviceAttributes
	names      map[uintptr]string // of the entry points, for errors
}

// deviceAttributes are the numbers that the two drivers give the attributes Burble reads.
type deviceAttributes struct {
	integrated, multiprocessors, warpSize, sharedPerBlock, sharedOptIn, threadsPerBlock, l2Bytes, major, minor int
}

// entry is one symbol and where its address goes.
type entry struct {
	name     string
	to       *uintptr
	optional bool
}

// bind fills the table from an open library. It fails on the first missing entry point that is not optional.
func (d *driver) bind(entries []entry) error {
	d.names = map[uintptr]string{}
	for _, e := range entries {
		p := symbol(d.lib, e.name)
		if p == 0 && !e.optional {
			return fmt.Errorf("%s has no %s: the driver is too old or broken", d.path, e.name)
		}
		if p != 0 {
			*e.to = p
			d.names[p] = e.name
		}
	}
	return nil
}

// call calls an entry point. Go memory is passed as uintptr(unsafe.Pointer(&x)), written out in the call itself: only
// then does the directive below see it, and keep x alive and off the stack, which moves.
//
//go:uintptrescapes
func call(fn uintptr, args ...uintptr) status {
	r, _, _ := purego.SyscallN(fn, args...)
	return status(int32(r))
}

// check turns the status that an entry point returned into an error.
func (d *driver) check(s status, fn uintptr) error {
	if s == statusOK {
		return nil
	}
	return &Error{Call: d.names[fn], Code: int(s), Name: d.statusName(s)}
}

func (d *driver) statusName(s status) string {
	if d.errorName == 0 {
		return ""
	}
	if d.backend == CUDA {
		var text uintptr
		if call(d.errorName, uintptr(s), uintptr(unsafe.Pointer(&text))) != statusOK || text == 0 {
			return ""
		}
		return goString(text)
	}
	r, _, _ := purego.SyscallN(d.errorName, uintptr(s))
	return goString(r)
}

// pointer makes a Go pointer of an address of C memory.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// cString is s with a terminating zero.
func cString(s string) []byte { return append([]byte(s), 0) }

// goString copies a C string, at most 4096 bytes of it.
func goString(address uintptr) string {
	if address == 0 {
		return ""
	}
	n := 0
	for n < 4096 && *(*byte)(unsafe.Add(pointer(address), n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(pointer(address)), n))
}

// textOf is the string in a zero-terminated buffer.
func textOf(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
