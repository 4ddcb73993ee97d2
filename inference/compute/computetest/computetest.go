// Package computetest holds a device to float64 references, operation by operation, over random shapes, types and
// strides. It knows nothing of any particular device.
package computetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// Options say how exact a device promises to be. Errors are root mean squares, relative to the size of a typical
// result. The zero value of a tolerance means the usual one.
type Options struct {
	Float     float64 // float32 arithmetic; 2e-6
	Half      float64 // products with F16 and BF16 weights, which may round activations alike; 2e-6
	Quantised float64 // products with quantised weights, which may round activations to 8 bits; 0.0075
	Cache     float64 // attention over a cache of a type other than F32, which may compute in half precision; 2e-6
	Seed      uint64  // of the random shapes and values
	Rounds    int     // random shapes for each operation and type; 1 where 0
	// Types are those of the weights; all of them where it is nil.
	Types []gguf.Type
}

func (o Options) withDefaults() Options {
	set := func(v *float64, to float64) {
		if *v == 0 {
			*v = to
		}
	}
	set(&o.Float, 2e-6)
	set(&o.Half, 2e-6)
	set(&o.Cache, 2e-6)
	set(&o.Quantised, 0.0075)
	o.Rounds = max(o.Rounds, 1)
	return o
}

// Run tests the devices that newDevice makes, one for each operation.
func Run(t *testing.T, newDevice func(t *testing.T) compute.Device, o Options) {
	for _, c := range cases(o) {
		t.Run(c.name, func(t *testing.T) {
			d := newDevice(t)
			b := newBench(t, d, c.name, o)
			for range b.options.Rounds {
				c.run(b)
			}
			b.close()
			if err := d.Close(); err != nil {
				t.Errorf("closing the device: %v", err)
			}
		})
	}
	t.Run("Errors", func(t *testing.T) { testErrors(t, newDevice(t)) })
}

// Same asserts that two devices compute the same results, bit for bit. The operations named in except are left out.
func Same(t *testing.T, a, b func(t *testing.T) compute.Device, o Options, except ...string) {
	for _, c := range cases(o) {
		if slices.Contains(except, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			var results [2][]result
			for i, newDevice := range []func(t *testing.T) compute.Device{a, b} {
				d := newDevice(t)
				h := newBench(t, d, c.name, o)
				c.run(h)
				h.close()
				if err := d.Close(); err != nil {
					t.Errorf("closing the device: %v", err)
				}
				results[i] = h.results
			}
			for i, x := range results[0] {
				y := results[1][i]
				for j := range x.values {
					if math.Float32bits(x.values[j]) != math.Float32bits(y.values[j]) {
						t.Errorf("%s: element %d is %g and %g", x.name, j, x.values[j], y.values[j])
						break
					}
				}
			}
		})
	}
}

// testCase is the test of one operation.
type testCase struct {
	name string
	run  func(b *bench)
}

func (o Options) types() []gguf.Type {
	if o.Types != nil {
		return o.Types
	}
	return weightTypes()
}

func cases(o Options) []testCase {
	list := []testCase{
		{"Copy", testCopy}, {"Embed", testEmbed}, {"Rows", testRows}, {"RMSNorm", testRMSNorm},
		{"LayerNorm", testLayerNorm}, {"Rope", testRope}, {"StoreKV", testStoreKV}, {"Attend", testAttend},
		{"AttendLong", testAttendLong}, {"GLU", testGLU}, {"Activate", testActivate}, {"Add", testAdd}, {"Mul", testMul},
		{"Scale", testScale}, {"SoftCap", testSoftCap}, {"TopK", testTopK}, {"Order", testOrder},
		{"AttendTemperature", testAttendTemperature}, {"AttendRing", testAttendRing}, {"LatentCache", testLatentCache}, {"GLUClamped", testGLUClamped},
		{"Route", testRoute}, {"Combine", testCombine}, {"Conv1D", testConv1D}, {"SelectiveScan", testSelectiveScan},
		{"DeltaScan", testDeltaScan},
	}
	for _, typ := range o.types() {
		list = append(list, testCase{"MatMul/" + typ.String(), func(b *bench) { testMatMul(b, typ) }})
	}
	for _, typ := range o.types() {
		list = append(list, testCase{"MatMulExperts/" + typ.String(), func(b *bench) { testMatMulExperts(b, typ) }})
	}
	return list
}

// bench is a device with a queue on which a test makes tensors. A failure to make one ends the test.
type bench struct {
	t       *testing.T
	device  compute.Device
	queue   compute.Queue
	rng     *rand.Rand
	options Options
	owned   []*compute.Tensor
	results []result
}

type result struct {
	name   string
	values []float32
}

func newBench(t *testing.T, d compute.Device, name string, o Options) *bench {
	t.Helper()
	q, err := d.NewQueue()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(14695981039346656037) // FNV-1a of the name, so that tests don't depend on each other
	for _, c := range []byte(name) {
		seed = (seed ^ uint64(c)) * 1099511628211
	}
	return &bench{t: t, device: d, queue: q, rng: rand.New(rand.NewPCG(seed, o.Seed)), options: o.withDefaults()}
}

// free releases the tensors made so far.
func (b *bench) free() {
	b.t.Helper()
	if err := b.queue.Sync(); err != nil {
		b.t.Fatal(err)
	}
	for _, t := range b.owned {
		b.device.Free(t)
	}
	b.owned = nil
}

func (b *bench) close() {
	b.t.Helper()
	b.free()
	if err := b.queue.Close(); err != nil {
		b.t.Errorf("closing the queue: %v", err)
	}
}

// between is a random number in [lo, hi].
func (b *bench) between(lo, hi int) int { return lo + b.rng.IntN(hi-lo+1) }

func (b *bench) pick(list ...int) int { return list[b.rng.IntN(len(list))] }

func (b *bench) coin() bool { return b.rng.IntN(2) == 0 }

// normal is n normally distributed values.
func (b *bench) normal(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(b.rng.NormFloat64())
	}
	return v
}

// empty makes a tensor, filled with NaN where it is of floats, so that what is not written shows.
func (b *bench) empty(label string, typ gguf.Type, shape ...int) *compute.Tensor {
	b.t.Helper()
	x, err := b.device.New(label, typ, shape...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.owned = append(b.owned, x)
	if typ == gguf.F32 {
		v := make([]float32, x.Len())
		for i := range v {
			v[i] = float32(math.NaN())
		}
		b.queue.Write(x, floatBytes(v))
	}
	return x
}

// floats makes a contiguous F32 tensor.
func (b *bench) floats(label string, v []float32, shape ...int) *compute.Tensor {
	b.t.Helper()
	x := b.empty(label, gguf.F32, shape...)
	b.queue.Write(x, floatBytes(v))
	return x
}

func (b *bench) ints(label string, v ...int32) *compute.Tensor {
	b.t.Helper()
	x := b.empty(label, gguf.I32, len(v))
	b.queue.Write(x, intBytes(v))
	return x
}

// strided makes an F32 view [rows, cols] of a wider tensor, at random, or a contiguous tensor.
func (b *bench) strided(label string, v []float32, rows, cols int) *compute.Tensor {
	b.t.Helper()
	if b.coin() {
		return b.floats(label, v, rows, cols)
	}
	left, right := b.pick(0, 8, 3), b.pick(1, 16)
	wide := left + cols + right
	all := make([]float32, rows*wide)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	for r := range rows {
		copy(all[r*wide+left:], v[r*cols:(r+1)*cols])
	}
	return b.floats(label, all, rows, wide).Slice(1, left, left+cols)
}

// output makes an F32 view to be written.
func (b *bench) output(label string, rows, cols int) *compute.Tensor {
	b.t.Helper()
	return b.strided(label, make([]float32, rows*cols), rows, cols)
}

// read returns the elements of any F32 view.
func (b *bench) read(x *compute.Tensor) []float32 {
	b.t.Helper()
	c := x
	if !x.Contiguous() {
		c = b.empty("copy of "+x.Label, x.Type, x.Shape()...)
		b.queue.Copy(c, x)
	}
	v := make([]float32, x.Len())
	b.queue.Read(floatBytes(v), c)
	if err := b.queue.Sync(); err != nil {
		b.t.Fatal(err)
	}
	return v
}

// readInts returns the elements of any I32 view.
func (b *bench) readInts(x *compute.Tensor) []int32 {
	b.t.Helper()
	c := x
	if !x.Contiguous() {
		c = b.empty("copy of "+x.Label, x.Type, x.Shape()...)
		b.queue.Copy(c, x)
	}
	v := make([]int32, x.Len())
	b.queue.Read(intBytes(v), c)
	if err := b.queue.Sync(); err != nil {
		b.t.Fatal(err)
	}
	return v
}

// check compares x with the reference; size is that of a typical result, 0 for the reference's root mean square.
func (b *bench) check(x *compute.Tensor, want []float64, size, tolerance float64, format string, args ...any) {
	b.t.Helper()
	name := fmt.Sprintf(format, args...)
	got := b.read(x)
	b.results = append(b.results, result{name, got})
	if len(got) != len(want) {
		b.t.Fatalf("%s: %d results, want %d", name, len(got), len(want))
	}
	if size == 0 {
		size = rms(want)
		if size == 0 {
			size = 1
		}
	}
	var sum, worst float64
	at := 0
	for i, w := range want {
		if math.IsNaN(float64(got[i])) != math.IsNaN(w) {
			b.t.Errorf("%s: element %d is %g, want %g", name, i, got[i], w)
			return
		}
		e := math.Abs(float64(got[i]) - w)
		sum += e * e
		if e > worst {
			worst, at = e, i
		}
	}
	e := math.Sqrt(sum/float64(len(want))) / size
	if !(e <= tolerance) || !(worst <= 40*tolerance*size*math.Max(1, math.Abs(want[at])/size)) {
		b.t.Errorf("%s: error %.3g, allowed %.3g; worst at %d: %g, want %g", name, e, tolerance, at, got[at], want[at])
	}
}

func rms(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum / float64(len(v)))
}

func floatBytes(v []float32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v)) }

func intBytes(v []int32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v)) }

func wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}
