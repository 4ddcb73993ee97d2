package model

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"burble/gguf"
	"burble/inference/compute"
)

// Placement says which device runs which blocks: Devices[i] runs the blocks from Until[i-1] (0 for the first) up to,
// but not including, Until[i]. The first device also embeds the tokens, the last one computes the logits.
type Placement struct {
	Devices []compute.Device
	Until   []int
	// The experts of blocks [0, HostExperts) are on Host, one of Devices or a further one: they take most of the memory,
	// and a token reads few of them.
	Host        compute.Device
	HostExperts int
}

// all are the devices of p: those that run blocks, and Host where it is another.
func (p Placement) all() []compute.Device {
	if p.HostExperts > 0 && !slices.Contains(p.Devices, p.Host) {
		return append(slices.Clone(p.Devices), p.Host)
	}
	return p.Devices
}

// OnOne places a whole model on one device.
func OnOne(d compute.Device, layers int) Placement {
	return Placement{Devices: []compute.Device{d}, Until: []int{layers}}
}

// check reports whether p covers the layers exactly once, in order.
func (p Placement) check(layers int) error {
	last := 0
	for _, u := range p.Until {
		if u < last {
			return fmt.Errorf("placement %v does not ascend", p.Until)
		}
		last = u
	}
	if len(p.Devices) == 0 || len(p.Devices) != len(p.Until) || last != layers {
		return fmt.Errorf("placement %v on %d devices does not cover %d layers", p.Until, len(p.Devices), layers)
	}
	return nil
}

// Loader gives an architecture its weights. Binding comes first: the architecture names every tensor it needs with
// the shape it must have, and gets a tensor that is filled in afterwards. So a file that lacks a tensor is refused
// before anything is read, and a device can load everything in one go.
type Loader struct {
	Config
	file        *gguf.File
	hyper       *hyper
	place       Placement
	contextSize int // tokens the KV cache will hold
	wants       []want
	bound       map[string]*compute.Tensor  // by device and name, so that tied weights are loaded once
	tied        bool                        // the output projection is the token embedding
	scales      map[*compute.Tensor]float32 // see Pass.MatMul
	norms       normKind                    // of the residual stream
	err         error
}

// bind makes the network of f, with weights that are yet to be loaded.
func bind(f *gguf.File, arch string, place Placement, contextSize int) (*Loader, Network, error) {
	config, h, err := readConfig(f, arch)
	if err != nil {
		return nil, nil, err
	}
	l := &Loader{Config: config, file: f, hyper: h, place: place, contextSize: contextSize, bound: map[string]*compute.Tensor{}, scales: map[*compute.Tensor]float32{}}
	net := architectures[arch](l)
	return l, net, errors.Join(l.err, h.err)
}

// want is a tensor to be filled: from a tensor of the file, or from values.
type want struct {
	device int
	block  int // or outside
	expert bool
	label  string
	src    *gguf.Tensor
	values []float32
	shape  []int // of the values, or nil for a vector
	dst    *compute.Tensor
}

// outside is the block of what belongs to none.
const outside = -1

func (w *want) bytes() int64 {
	if w.src != nil {
		return w.src.Bytes()
	}
	return 4 * int64(len(w.values))
}

// Scope is a place in the model, such as block 7, with the device that runs it.
type Scope struct {
	l      *Loader
	device int
	block  int
	prefix string
	expert bool
}

// Input is the scope of the embedding.
func (l *Loader) Input() Scope { return Scope{l: l, block: outside} }

// Layer is the scope of block i: names get the prefix "blk.i.".
func (l *Loader) Layer(i int) Scope {
	d := 0
	for d < len(l.place.Until)-1 && i >= l.place.Until[d] {
		d++
	}
	return Scope{l: l, device: d, block: i, prefix: fmt.Sprintf("blk.%d.", i)}
}

// Experts is the scope of the block's experts, which may be on another device than the rest, see [Pass.AtExperts].
func (s Scope) Experts() Scope {
	if s.block < s.l.place.HostExperts {
		s.device = slices.Index(s.l.place.all(), s.l.place.Host)
	}
	s.expert = true
	return s
}

// Output is the scope of the final norm and the output projection.
func (l *Loader) Output() Scope {
	return Scope{l: l, device: len(l.place.Devices) - 1, block: outside}
}

func (l *Loader) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

// Has reports whether the file has a tensor of that name.
func (s Scope) Has(name string) bool {
	_, ok := s.l.file.Tensor(s.prefix + name)
	return ok
}

// Weight binds a matrix of any type and of the given shape, outermost first.
func (s Scope) Weight(name string, shape ...int) *compute.Tensor {
	t := s.find(name, shape)
	if t == nil {
		return &compute.Tensor{}
	}
	return s.scaled(s.add(want{label: t.Name, src: t}), name)
}

// WeightRows binds rows [lo, hi) of a matrix of the shape [rows, cols]: a part of a tensor that holds several.
func (s Scope) WeightRows(name string, lo, hi, rows, cols int) *compute.Tensor {
	t := s.find(name, []int{rows, cols})
	if t == nil {
		return &compute.Tensor{}
	}
	return s.scaled(s.add(want{label: fmt.Sprintf("%s[%d:%d]", t.Name, lo, hi), src: t.Rows(lo, hi)}), name)
}

// Vector binds an F32 vector of n elements, such as a norm's weight or a bias. Other types are converted.
func (s Scope) Vector(name string, n int) *compute.Tensor {
	t := s.find(name, []int{n})
	switch {
	case t == nil:
		return &compute.Tensor{}
	case t.Type == gguf.F32:
		return s.add(want{label: t.Name, src: t})
	}
	return s.add(want{label: t.Name, values: s.l.floats(t)})
}

// Floats reads a tensor of any type and of the given shape, for values that are computed from it. Of a file that was opened
// for its directory alone, they are zero.
func (s Scope) Floats(name string, shape ...int) []float32 {
	if t := s.find(name, shape); t != nil {
		return s.l.floats(t)
	}
	return make([]float32, 1) // not as many as asked for, which may be beyond reason: the file is refused
}

func (l *Loader) floats(t *gguf.Tensor) []float32 {
	values := make([]float32, t.Elements())
	if t.Data == nil {
		return values
	}
	if err := gguf.Dequantize(t.Type, values, t.Data); err != nil {
		l.fail("%s: %w", t.Name, err)
	}
	return values
}

// OptionalVector is Vector, or nil where the file has no such tensor.
func (s Scope) OptionalVector(name string, n int) *compute.Tensor {
	if !s.Has(name) {
		return nil
	}
	return s.Vector(name, n)
}

// Const binds values that are computed rather than read, of the given shape or else a vector. The label names them; equal
// labels on a device share.
func (s Scope) Const(label string, values []float32, shape ...int) *compute.Tensor {
	return s.add(want{label: label, values: values, shape: shape})
}

func (s Scope) find(name string, shape []int) *gguf.Tensor {
	t, ok := s.l.file.Tensor(s.prefix + name)
	if !ok {
		s.l.fail("the file has no tensor %s%s, which %s needs", s.prefix, name, s.l.Arch)
		return nil
	}
	if slices.Equal(t.Shape, shape) {
		return t
	}
	if !slices.Equal(withoutOnes(t.Shape), withoutOnes(shape)) {
		s.l.fail("%s is %v; by the file's metadata it should be %v", t.Name, t.Shape, shape)
		return nil
	}
	same := *t
	same.Shape = shape
	return &same
}

// withoutOnes leaves out the outermost dimensions that are 1: files differ in whether they have them.
func withoutOnes(shape []int) []int {
	for len(shape) > 1 && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

func (s Scope) add(w want) *compute.Tensor {
	w.device, w.block, w.expert = s.device, s.block, s.expert
	key := fmt.Sprintf("%d/%s", s.device, w.label)
	if t, ok := s.l.bound[key]; ok {
		return t
	}
	w.dst = &compute.Tensor{}
	s.l.bound[key] = w.dst
	s.l.wants = append(s.l.wants, w)
	return w.dst
}

// load fills everything that was bound. Progress counts bytes of the file.
func (l *Loader) load(ctx context.Context, queues []compute.Queue, progress func(done, total int64)) error {
	var done, total int64
	for _, w := range l.wants {
		if w.src != nil {
			total += w.src.Bytes()
		}
	}
	progress(0, total)
	for d, dev := range l.place.all() {
		var sources []*gguf.Tensor
		var targets []*compute.Tensor
		for _, w := range l.wants {
			switch {
			case w.device != d:
			case w.src != nil:
				sources, targets = append(sources, w.src), append(targets, w.dst)
			default:
				shape := w.shape
				if shape == nil {
					shape = []int{len(w.values)}
				}
				t, err := dev.New(w.label, gguf.F32, shape...)
				if err != nil {
					return fmt.Errorf("%s: %w", w.label, err)
				}
				*w.dst = *t
				queues[d].Write(t, floatBytes(w.values))
			}
		}
		loaded, err := compute.LoadAll(ctx, dev, sources, func(n int64) { done += n; progress(done, total) })
		for i, t := range loaded {
			*targets[i] = *t
		}
		if err != nil {
			return err
		}
		if err := queues[d].Sync(); err != nil {
			return fmt.Errorf("uploading constants: %w", err)
		}
	}
	return nil
}

func floatBytes(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
