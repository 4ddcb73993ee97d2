// Package gpu is the GPU device of package compute: AMD through HIP, NVIDIA through CUDA, both by way of package hip.
//
// A [Device] owns a GPU's stream, memory and compiled kernels; its queue turns operations into launches, and replays
// a captured graph where compute.Queue.Run sees a key again. Weights are split into planes on the way to the GPU
// (layout.go); docs/kernels.md lists the kernels.
package gpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"burble/gguf"
	"burble/hip"
	"burble/inference/compute"
)

// Options say how a device is made. CacheDir is needed.
type Options struct {
	// CacheDir keeps compiled kernels between runs.
	CacheDir string
	// Progress is told of the kernels that are compiled, while New and Load wait for them. It may be nil.
	Progress func(done, total int)
	// NoGraphs issues every pass anew instead of replaying captured ones.
	NoGraphs bool
	// Disabled names kernels that must not be used, as SelfTest reports them: "gemm", "attend_tile".
	Disabled []string
	// BLAS multiplies many rows with weights of F32, F16 and BF16 by hipBLAS or cuBLAS where that can be loaded, instead of by
	// Burble's own kernels. Library is its path; "" looks in the usual places.
	BLAS    bool
	Library string
	// ExactBytes is how large a weight of a type without kernels of its own may become to be kept as F32; larger ones
	// take half of that as F16 or BF16. 0 means 16 MiB.
	ExactBytes int64
}

// Device implements compute.Device. It is used from one goroutine, locked to its OS thread.
type Device struct {
	rt       *hip.Runtime
	dev      *hip.Device
	stream   *hip.Stream
	compiler *hip.Compiler
	options  Options
	info     hip.DeviceInfo
	warp     int
	modules  map[string]*module
	open     map[*storage]struct{}
	queue    *Queue
	disabled map[string]bool
	blas     *hip.BLAS // or nil
	blasErr  error     // why it could not be had
	closed   bool
}

// storage is the memory behind tensors.
type storage struct {
	d      *Device
	buffer *hip.Buffer
	label  string
	typ    gguf.Type
	layer  int    // from the label "blk.7.…"; -1 where it has none
	short  string // the label without the layer and without ".weight"
	// Of weights:
	format  *format // nil for activations and caches
	offsets [3]int64
}

// Owner returns the device that made the storage.
func (s *storage) Owner() compute.Device { return s.d }

// New makes the device from an open one of rt, and compiles the kernels that every model needs. It takes over dev: Close
// closes it, also after an error. The calling goroutine must be locked to its thread.
func New(ctx context.Context, rt *hip.Runtime, dev *hip.Device, o Options) (*Device, error) {
	if o.ExactBytes == 0 {
		o.ExactBytes = 16 << 20
	}
	d := &Device{rt: rt, dev: dev, options: o, info: dev.Info(), modules: map[string]*module{}, open: map[*storage]struct{}{},
		disabled: map[string]bool{}}
	for _, name := range o.Disabled {
		d.disabled[name] = true
	}
	d.warp = d.info.WarpSize
	err := d.start(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("gpu: %s: %w", d.info.Name, err), d.Close())
	}
	return d, nil
}

func (d *Device) start(ctx context.Context) error {
	if d.warp != 32 && d.warp != 64 {
		return fmt.Errorf("its warps have %d threads; 32 and 64 are supported", d.warp)
	}
	if d.info.Backend == hip.CUDA && d.info.Major*10+d.info.Minor < 61 {
		return fmt.Errorf("its compute capability %d.%d is below 6.1, which has no dot products of bytes", d.info.Major, d.info.Minor)
	}
	var err error
	if d.stream, err = d.dev.NewStream(); err != nil {
		return err
	}
	if d.compiler, err = d.rt.NewCompiler(d.options.CacheDir); err != nil {
		return err
	}
	if d.options.BLAS {
		d.blas, d.blasErr = d.stream.NewBLAS(d.options.Library)
	}
	return d.compile(ctx, baseModules())
}

// BLAS says whether the vendor's library is used, and why not where it was asked for.
func (d *Device) BLAS() (bool, error) { return d.blas != nil, d.blasErr }

// Name is the GPU's name and target.
func (d *Device) Name() string { return fmt.Sprintf("%s (%s)", d.info.Name, d.info.Target) }

// Info describes the GPU.
func (d *Device) Info() hip.DeviceInfo { return d.info }

// Stream is the device's stream, for reports and timing.
func (d *Device) Stream() *hip.Stream { return d.stream }

// Memory reports the GPU's memory now.
func (d *Device) Memory() compute.Memory {
	m := d.dev.Memory()
	return compute.Memory{Total: m.Total, Free: m.Free}
}

// alloc takes memory for a tensor.
func (d *Device) alloc(label string, bytes int64) (*storage, error) {
	if d.closed {
		return nil, fmt.Errorf("gpu: %s: %w", label, compute.ErrClosed)
	}
	b, err := d.dev.Alloc(label, max(bytes, 1))
	if oom := (*hip.OutOfMemory)(nil); errors.As(err, &oom) {
		return nil, &compute.OutOfMemory{Device: d.Name(), What: label, Need: oom.Need, Free: oom.Free}
	}
	if err != nil {
		return nil, err
	}
	s := &storage{d: d, buffer: b, label: label}
	s.layer, s.short = splitLabel(label)
	d.open[s] = struct{}{}
	return s, nil
}

// splitLabel reads a weight's name: "blk.7.attn_q.weight" is attn_q of layer 7. Other names are of no layer, -1.
func splitLabel(label string) (layer int, short string) {
	short = strings.TrimSuffix(label, ".weight")
	rest, ok := strings.CutPrefix(short, "blk.")
	number, name, ok2 := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil || layer < 0 {
		return -1, short
	}
	return layer, name
}

// New allocates a zeroed tensor.
func (d *Device) New(label string, typ gguf.Type, shape ...int) (*compute.Tensor, error) {
	elements := int64(1)
	for _, n := range shape {
		if n < 0 {
			return nil, fmt.Errorf("gpu: %s: shape %v", label, shape)
		}
		elements *= int64(n)
	}
	block := typ.BlockElements()
	if _, ok := kvCode(typ); block != 1 && (!ok || len(shape) == 0 || shape[len(shape)-1]%block != 0) {
		return nil, fmt.Errorf("gpu: %s: New makes tensors of plain numbers and of whole blocks of Q8_0 and Q4_0, not of %s %v", label, typ, shape)
	}
	if err := d.compileCache(typ); err != nil {
		return nil, err
	}
	bytes := elements / int64(block) * int64(typ.BlockBytes())
	s, err := d.alloc(label, bytes)
	if err != nil {
		return nil, err
	}
	s.typ = typ
	d.stream.Label(hip.Op{Layer: -1, Tensor: label, Name: "zero"})
	d.stream.Fill(s.buffer.Span(), 0)
	return compute.NewTensor(label, typ, s, shape...), nil
}

// Load uploads one weight and waits for it.
func (d *Device) Load(t *gguf.Tensor) (*compute.Tensor, error) {
	list, err := d.LoadAll(context.Background(), []*gguf.Tensor{t}, nil)
	if err != nil {
		for _, x := range list {
			d.Free(x)
		}
		return nil, err
	}
	return list[0], nil
}

// LoadAll loads weights together: it compiles the kernels that their types need, takes the memory, and uploads while
// several goroutines read the file. It implements compute.BulkLoader.
func (d *Device) LoadAll(ctx context.Context, weights []*gguf.Tensor, progress func(bytes int64)) ([]*compute.Tensor, error) {
	var names []string
	chosen := make([]*format, len(weights))
	var fileBytes, planeBytes int64
	for i, w := range weights {
		if len(w.Shape) == 0 || len(w.Shape) > compute.MaxDims {
			return nil, fmt.Errorf("gpu: loading %s: %d dimensions", w.Name, len(w.Shape))
		}
		if int64(len(w.Data)) < w.Bytes() {
			return nil, fmt.Errorf("gpu: loading %s: the file has %d bytes of its %d", w.Name, len(w.Data), w.Bytes())
		}
		f := formatFor(w.Type)
		if f.stored != w.Type && w.Type != gguf.I32 && w.Elements()*4 <= d.options.ExactBytes {
			f = &formats[0]
		}
		chosen[i] = f
		if len(w.Shape) == 3 {
			names = append(names, expertsModule(f))
		} else {
			names = append(names, moduleOf(f))
		}
		fileBytes += w.Bytes()
		planeBytes += w.Elements() / int64(f.elements) * int64(f.block)
	}
	if err := d.compile(ctx, names); err != nil {
		return nil, err
	}
	var loaded []*compute.Tensor
	var transfers []hip.Transfer
	for i, w := range weights {
		bytes, offsets := chosen[i].size(w.Elements())
		s, err := d.alloc(w.Name, bytes)
		if err != nil {
			return loaded, err
		}
		s.typ, s.format, s.offsets = w.Type, chosen[i], offsets
		loaded = append(loaded, compute.NewTensor(w.Name, w.Type, s, w.Shape...))
		transfers = append(transfers, chosen[i].transfers(w, s.buffer.Span())...)
	}
	var o hip.StagerOptions
	if planeBytes < 16<<20 {
		o = hip.StagerOptions{ChunkBytes: 256 << 10, Chunks: 4}
	}
	stager, err := d.stream.NewStager(o)
	if err != nil {
		return loaded, err
	}
	var arrived, told int64
	err = stager.Upload(ctx, transfers, func(n int64) {
		if arrived += n; progress == nil || planeBytes == 0 {
			return
		}
		// In bytes of the file, which is what the caller counts.
		at := int64(float64(fileBytes) * float64(arrived) / float64(planeBytes))
		progress(at - told)
		told = at
	})
	if closeErr := stager.Close(); err == nil {
		err = closeErr
	}
	if ctx.Err() != nil {
		return loaded, ctx.Err()
	}
	return loaded, err
}

// Free releases a tensor. What was issued may still use it.
func (d *Device) Free(t *compute.Tensor) {
	s, ok := t.Storage.(*storage)
	if !ok || s.d != d {
		return
	}
	if _, ok := d.open[s]; !ok {
		return
	}
	delete(d.open, s)
	if d.queue != nil {
		d.queue.forget(s)
	}
	if err := s.buffer.Free(); err != nil && d.queue != nil {
		d.queue.keep(fmt.Errorf("gpu: freeing %s: %w", s.label, err))
	}
}

// Close releases the device and names what was left open.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	var errs []error
	if d.queue != nil {
		errs = append(errs, errors.New("gpu: the queue was left open"), d.queue.Close())
	}
	d.closed = true
	var left []string
	for s := range d.open {
		left = append(left, s.label)
		errs = append(errs, s.buffer.Free())
	}
	clear(d.open)
	if len(left) > 0 {
		errs = append(errs, fmt.Errorf("gpu: closing %s: tensors were left open: %s", d.info.Name, strings.Join(left, ", ")))
	}
	if d.blas != nil {
		errs = append(errs, d.blas.Close())
	}
	if d.stream != nil {
		errs = append(errs, d.stream.Close())
	}
	for _, m := range d.modules {
		errs = append(errs, m.m.Close())
	}
	errs = append(errs, d.dev.Close())
	return errors.Join(errs...)
}

func floatBits(f float32) uint32 { return math.Float32bits(f) }

// Abandon gives the GPU up after a hang: nothing of it is called any more. Queue and device still need to be closed, which
// then waits for nothing.
func (d *Device) Abandon() { d.dev.Abandon() }
