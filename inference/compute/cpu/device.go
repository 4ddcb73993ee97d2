// Package cpu computes on the host's processor.
//
// A queue checks every operation and turns it into an op, a plain struct of addresses, sizes and strides. An engine
// executes ops. There are two: the kernels in C (kernels_*.c), which collect ops and run them in one call on a pool
// of threads, and their plain-Go versions (go_*.go), which serve as oracle, and where there is no C compiler.
package cpu

import (
	"errors"
	"fmt"
	"runtime"
	"sort"
	"strings"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// Options of [New]. The zero value is the best for a desktop.
type Options struct {
	// Threads that compute, the caller's included; 0 for one per physical core.
	Threads int
	// FloatActivations multiplies quantised weights by activations of full precision. It is slow, and for comparing
	// results: otherwise activations are rounded to 8 bits, in blocks of 32 with a scale each.
	FloatActivations bool
	// Kernels forces a set of kernels, one of [Levels]; "" for the best.
	Kernels string
}

// Device is the host's processor. It implements [compute.Device].
type Device struct {
	options Options
	level   string
	threads int
	live    map[*storage]struct{}
	queues  int
	freed   int // counts what was freed, whose addresses may come again
	closed  bool
}

var _ compute.Device = (*Device)(nil)

// New makes a device. It fails when Options.Kernels names a level that this processor or build lacks.
func New(o Options) (*Device, error) {
	levels := Levels()
	level := levels[0]
	if o.Kernels != "" {
		level = o.Kernels
		if !contains(levels, level) {
			return nil, fmt.Errorf("cpu: no %q kernels here; there are: %s", o.Kernels, strings.Join(levels, ", "))
		}
	}
	if o.Threads < 0 || o.Threads > maxThreads {
		return nil, fmt.Errorf("cpu: %d threads; use 1 to %d, or 0 for one per core", o.Threads, maxThreads)
	}
	threads := o.Threads
	if threads == 0 {
		threads = min(physicalCores(), maxThreads)
	}
	return &Device{options: o, level: level, threads: threads, live: map[*storage]struct{}{}}, nil
}

// maxThreads bounds Options.Threads. Memory bandwidth is used up long before.
const maxThreads = 256

// Name is such as "CPU (AVX512-VNNI, 2 threads)".
func (d *Device) Name() string {
	s := "s"
	if d.threads == 1 {
		s = ""
	}
	return fmt.Sprintf("CPU (%s, %d thread%s)", levelTitle(d.level), d.threads, s)
}

// Threads is the number of threads that compute.
func (d *Device) Threads() int { return d.threads }

// Level is the name of the set of kernels in use, one of [Levels].
func (d *Device) Level() string { return d.level }

// Memory reports the machine's memory.
func (d *Device) Memory() compute.Memory { return systemMemory() }

// Untouched is how much of the memory that was made by New takes none yet, in bytes, because nothing has been written there: most
// of a KV cache, and buffers for passes longer than there were.
func (d *Device) Untouched() int64 {
	n := int64(0)
	for s := range d.live {
		if s.owned {
			n += int64(len(s.data)) - residentBytes(s.data)
		}
	}
	return n
}

// storage is memory behind tensors: a mapping of our own, or a view of a file's.
type storage struct {
	device *Device
	label  string
	data   []byte
	owned  bool
	pin    runtime.Pinner // of a weight that lies in Go's heap, as in tests
}

// Owner returns the device that made the storage.
func (s *storage) Owner() compute.Device { return s.device }

// Load makes a view of the weight's data, which stays where it is.
func (d *Device) Load(t *gguf.Tensor) (*compute.Tensor, error) {
	if d.closed {
		return nil, fmt.Errorf("cpu: load %s: %w", t.Name, compute.ErrClosed)
	}
	if len(t.Shape) == 0 || len(t.Shape) > compute.MaxDims {
		return nil, fmt.Errorf("cpu: load %s: %d dimensions; 1 to %d are supported", t.Name, len(t.Shape), compute.MaxDims)
	}
	if !t.Type.Valid() {
		return nil, fmt.Errorf("cpu: load %s: unknown %s", t.Name, t.Type)
	}
	cols := t.Shape[len(t.Shape)-1]
	if cols%t.Type.BlockElements() != 0 {
		return nil, fmt.Errorf("cpu: load %s: rows of %d are not whole blocks of %s", t.Name, cols, t.Type)
	}
	if t.Elements() == 0 || int64(len(t.Data)) < t.Bytes() {
		return nil, fmt.Errorf("cpu: load %s: %d bytes of data, %d are needed", t.Name, len(t.Data), t.Bytes())
	}
	s := &storage{device: d, label: t.Name, data: t.Data[:t.Bytes()]}
	s.pin.Pin(unsafe.SliceData(s.data))
	d.live[s] = struct{}{}
	return compute.NewTensor(t.Name, t.Type, s, t.Shape...), nil
}

// New allocates a zeroed tensor.
func (d *Device) New(label string, typ gguf.Type, shape ...int) (*compute.Tensor, error) {
	if d.closed {
		return nil, fmt.Errorf("cpu: allocate %s: %w", label, compute.ErrClosed)
	}
	if !typ.Valid() || len(shape) == 0 || len(shape) > compute.MaxDims {
		return nil, fmt.Errorf("cpu: allocate %s: not a tensor: %s %v", label, typ, shape)
	}
	elements := int64(1)
	for _, n := range shape {
		if n <= 0 || elements > (1<<46)/int64(n) {
			return nil, fmt.Errorf("cpu: allocate %s: bad shape %v", label, shape)
		}
		elements *= int64(n)
	}
	if shape[len(shape)-1]%typ.BlockElements() != 0 {
		return nil, fmt.Errorf("cpu: allocate %s: rows of %v are not whole blocks of %s", label, shape, typ)
	}
	size := elements / int64(typ.BlockElements()) * int64(typ.BlockBytes())
	data, err := allocate(int(size))
	if err != nil {
		return nil, &compute.OutOfMemory{Device: d.Name(), What: label, Need: size, Free: d.Memory().Free}
	}
	s := &storage{device: d, label: label, data: data, owned: true}
	d.live[s] = struct{}{}
	return compute.NewTensor(label, typ, s, shape...), nil
}

// Free releases a tensor made by Load or New.
func (d *Device) Free(t *compute.Tensor) {
	if t == nil {
		return
	}
	s, ok := t.Storage.(*storage)
	if !ok || s.device != d || s.data == nil {
		return
	}
	d.drop(s)
}

func (d *Device) drop(s *storage) {
	delete(d.live, s)
	d.freed++
	s.pin.Unpin()
	if s.owned {
		_ = release(s.data) // of a mapping of our own: can't fail
	}
	s.data = nil
}

// Close releases what is left, and names it.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	var open []string
	for s := range d.live {
		open = append(open, s.label)
		d.drop(s)
	}
	sort.Strings(open)
	if d.queues > 0 {
		open = append(open, fmt.Sprintf("%d queue(s)", d.queues))
	}
	if len(open) == 0 {
		return nil
	}
	n := len(open)
	if n > 8 {
		open = append(open[:8], "…")
	}
	return errors.New("cpu: closed with " + fmt.Sprint(n) + " still open: " + strings.Join(open, ", "))
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
