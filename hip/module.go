package hip

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"unsafe"
)

// Module is compiled code on the device.
type Module struct {
	d      *Device
	label  string
	handle uintptr
	code   []byte // kept: some drivers read it lazily
}

// Function is a kernel of a Module, valid as long as it.
type Function struct {
	name   string
	handle uintptr
	shared uint32 // dynamic shared memory it was allowed
	early  bool   // see StartsEarly
	d      *Device
}

// LoadModule loads a code object (HIP) or cubin (CUDA) as [Compiler] makes them. The label names it in errors.
func (d *Device) LoadModule(label string, code []byte) (*Module, error) {
	if err := d.usable(); err != nil {
		return nil, fmt.Errorf("loading kernels %s: %w", label, err)
	}
	if d.capturing() {
		return nil, fmt.Errorf("loading kernels %s: %w", label, ErrCapturing)
	}
	if len(code) == 0 {
		return nil, fmt.Errorf("hip: loading kernels %s: no code", label)
	}
	m := &Module{d: d, label: label, code: code}
	if err := d.drv.check(call(d.drv.moduleLoad, uintptr(unsafe.Pointer(&m.handle)), uintptr(unsafe.Pointer(&code[0]))), d.drv.moduleLoad); err != nil {
		return nil, fmt.Errorf("loading kernels %s for %s: %w", label, d.info.Target, err)
	}
	d.modules[m] = struct{}{}
	return m, nil
}

// Function finds a kernel by its unmangled (extern "C") name.
func (m *Module) Function(name string) (*Function, error) {
	if m.handle == 0 {
		return nil, ErrClosed
	}
	if err := m.d.usable(); err != nil {
		return nil, err
	}
	f := &Function{name: name, d: m.d, shared: 48 << 10}
	n := cString(name)
	s := call(m.d.drv.moduleFunction, uintptr(unsafe.Pointer(&f.handle)), m.handle, uintptr(unsafe.Pointer(&n[0])))
	if err := m.d.drv.check(s, m.d.drv.moduleFunction); err != nil {
		return nil, fmt.Errorf("kernel %s of %s: %w", name, m.label, err)
	}
	return f, nil
}

// Name is the kernel's name.
func (f *Function) Name() string { return f.name }

// FunctionInfo is what the compiler made of a kernel.
type FunctionInfo struct {
	ThreadsPerBlock int // the most a block can have
	SharedBytes     int // static shared memory
	LocalBytes      int // per thread: spilled registers and arrays
	Registers       int // per thread
}

// Info asks the driver for the kernel's resources. Drivers that can't say give zeros.
func (f *Function) Info() FunctionInfo {
	get := func(attribute uintptr) int {
		var v int32
		fn := f.d.drv.functionInfo
		if fn == 0 || f.d.usable() != nil || call(fn, uintptr(unsafe.Pointer(&v)), attribute, f.handle) != statusOK {
			return 0
		}
		return int(v)
	}
	return FunctionInfo{ThreadsPerBlock: get(0), SharedBytes: get(1), LocalBytes: get(3), Registers: get(4)}
}

// AllowShared lets launches use up to n bytes of dynamic shared memory. It is needed above 48 KiB, which CUDA grants
// only when asked, up to [DeviceInfo].SharedPerBlock; HIP has no such step.
func (f *Function) AllowShared(n int) error {
	if n > f.d.info.SharedPerBlock {
		return fmt.Errorf("hip: kernel %s wants %d bytes of shared memory, a block of %s has %d", f.name, n, f.d.info.Name,
			f.d.info.SharedPerBlock)
	}
	if f.d.drv.functionSet == 0 || n <= int(f.shared) {
		return nil
	}
	if err := f.d.usable(); err != nil {
		return err
	}
	const maxDynamicShared = 8
	if err := f.d.drv.check(call(f.d.drv.functionSet, f.handle, maxDynamicShared, uintptr(n)), f.d.drv.functionSet); err != nil {
		return fmt.Errorf("kernel %s: %w", f.name, err)
	}
	f.shared = uint32(n)
	return nil
}

// StartsEarly says that the kernel waits for its predecessor on the stream by itself (griddepcontrol.wait, in every thread that
// reads or writes what another kernel does), so that its blocks may be started before the predecessor's end. Only GPUs
// and drivers that can do it take notice: NVIDIA's from compute capability 9.0, with CUDA 12.4, from which on captures keep it.
func (f *Function) StartsEarly() {
	r := f.d.r
	f.early = f.d.drv.launchEx != 0 && f.d.info.Major >= 9 && r.version >= 12040 && !r.opts.NoEarlyStart
}

// launchConfig is CUlaunchConfig of cuda.h, followed by the one attribute it points to.
type launchConfig struct {
	grid, block [3]uint32
	shared, _   uint32
	stream      uintptr
	attributes  uintptr
	count, _    uint32
	attribute   struct { // CUlaunchAttribute
		id    uint32
		_     uint32
		value [64]byte
	}
}

// programmaticStreamSerialization is CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION.
const programmaticStreamSerialization = 6

// launchEarly launches with leave to start before the end of what was issued last.
func (s *Stream) launchEarly(f *Function, grid, block Dim, shared uint32, a *Args) status {
	l := &s.early
	l.grid, l.block = [3]uint32{grid.X, grid.Y, grid.Z}, [3]uint32{block.X, block.Y, block.Z}
	l.shared, l.stream = shared, s.handle
	// A Stream is on the heap and does not move.
	l.attributes, l.count = uintptr(unsafe.Pointer(&l.attribute)), 1
	l.attribute.id, l.attribute.value[0] = programmaticStreamSerialization, 1
	c := &s.scratch
	c[0], c[1] = uintptr(unsafe.Pointer(l)), f.handle
	c[2], c[3] = uintptr(unsafe.Pointer(&a.params[0])), 0
	return call(s.drv.launchEx, c[:4]...)
}

// Close unloads the module, after waiting for what was issued.
func (m *Module) Close() error {
	if m.handle == 0 {
		return nil
	}
	h := m.handle
	m.handle, m.code = 0, nil
	delete(m.d.modules, m)
	if m.d.closed || m.d.abandoned {
		return nil
	}
	if err := m.d.activate(); err != nil {
		return err
	}
	if err := m.d.settle(); err != nil {
		return err
	}
	return m.d.drv.check(call(m.d.drv.moduleUnload, h), m.d.drv.moduleUnload)
}

// Dim is the size of a grid (in blocks) or of a block (in threads). Zero counts as one.
type Dim struct{ X, Y, Z uint32 }

func (d Dim) or1() Dim { return Dim{max(d.X, 1), max(d.Y, 1), max(d.Z, 1)} }

const (
	maxArgs     = 64
	maxArgBytes = 2048
)

// Args packs the arguments of a launch, in the order of the kernel's parameters. A launch copies them, so that
// [Stream.Args] hands out the same Args each time, emptied, and nothing is allocated.
//
//	s.Launch(f, hip.Dim{X: blocks}, hip.Dim{X: 256}, 0, s.Args().Span(out).Span(x).I32(n).F32(eps))
type Args struct {
	params [maxArgs]uintptr // addresses of the values in data, as both drivers take them
	data   [maxArgBytes / 8]uint64
	n      int // arguments
	size   int // bytes of data used
	full   bool
}

func (a *Args) reset() *Args {
	a.n, a.size, a.full = 0, 0, false
	return a
}

// place reserves n bytes, aligned to align, for the next argument.
func (a *Args) place(n, align int) unsafe.Pointer {
	at := (a.size + align - 1) / align * align
	if a.n == maxArgs || at+n > maxArgBytes {
		a.full = true
		return unsafe.Pointer(&a.data[0])
	}
	p := unsafe.Add(unsafe.Pointer(&a.data[0]), at)
	// The only Args are part of a Stream, which is on the heap and does not move.
	a.params[a.n] = uintptr(p)
	a.n++
	a.size = at + n
	return p
}

// Span appends a device pointer; the zero Span is a null pointer.
func (a *Args) Span(s Span) *Args {
	*(*uintptr)(a.place(8, 8)) = s.address
	return a
}

// I32 appends an int.
func (a *Args) I32(v int) *Args {
	*(*int32)(a.place(4, 4)) = int32(v)
	return a
}

// U32 appends an unsigned int.
func (a *Args) U32(v uint32) *Args {
	*(*uint32)(a.place(4, 4)) = v
	return a
}

// I64 appends a 64-bit int.
func (a *Args) I64(v int64) *Args {
	*(*int64)(a.place(8, 8)) = v
	return a
}

// F32 appends a float.
func (a *Args) F32(v float32) *Args {
	*(*uint32)(a.place(4, 4)) = math.Float32bits(v)
	return a
}

// Bytes appends a struct passed by value, laid out as C++ lays it out, with the alignment it has there.
func (a *Args) Bytes(v []byte, align int) *Args {
	if align < 1 || align > 16 || len(v) == 0 || len(v) > maxArgBytes {
		a.full = true
		return a
	}
	p := a.place(len(v), align)
	copy(unsafe.Slice((*byte)(p), len(v)), v)
	return a
}

var errArgs = errors.New("hip: a launch has more arguments than fit")

// Launch runs a kernel: grid blocks of block threads, with shared bytes of dynamic shared memory.
func (s *Stream) Launch(f *Function, grid, block Dim, shared uint32, a *Args) {
	if !s.begin() {
		return
	}
	if a.full {
		s.fail(errArgs, record{op: s.op, kind: opLaunch, kernel: f.name})
		return
	}
	grid, block = grid.or1(), block.or1()
	if f.early {
		st := s.launchEarly(f, grid, block, shared, a)
		runtime.KeepAlive(a)
		s.issued(st, s.drv.launchEx, record{op: s.op, kind: opLaunch, kernel: f.name, grid: grid, block: block})
		return
	}
	c := &s.scratch
	c[0] = f.handle
	c[1], c[2], c[3] = uintptr(grid.X), uintptr(grid.Y), uintptr(grid.Z)
	c[4], c[5], c[6] = uintptr(block.X), uintptr(block.Y), uintptr(block.Z)
	c[7] = uintptr(shared)
	c[8] = s.handle
	c[9] = uintptr(unsafe.Pointer(&a.params[0]))
	c[10] = 0
	st := call(s.drv.launch, c[:11]...)
	runtime.KeepAlive(a)
	s.issued(st, s.drv.launch, record{op: s.op, kind: opLaunch, kernel: f.name, grid: grid, block: block})
}
