package cpu

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// goEngine executes ops in plain Go, at once: the specification of the C kernels.
type goEngine struct {
	threads int
	scratch [][]float32 // of each thread
}

func newGoEngine(threads int) *goEngine {
	return &goEngine{threads: threads, scratch: make([][]float32, threads)}
}

func (e *goEngine) written()     {}
func (e *goEngine) wait() error  { return nil }
func (e *goEngine) close() error { return nil }

// parallel splits [0, n) among the threads.
func (e *goEngine) parallel(n int, f func(thread, lo, hi int)) {
	threads := min(e.threads, n)
	if threads <= 1 {
		f(0, 0, n)
		return
	}
	var wg sync.WaitGroup
	for t := 1; t < threads; t++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f(t, n*t/threads, n*(t+1)/threads)
		}()
	}
	f(0, 0, n/threads)
	wg.Wait()
}

// buffer is at least n floats of thread's own.
func (e *goEngine) buffer(thread, n int) []float32 {
	if len(e.scratch[thread]) < n {
		e.scratch[thread] = make([]float32, n)
	}
	return e.scratch[thread][:n]
}

func (e *goEngine) issue(o *op) {
	switch o.kind {
	case opCopy:
		for r := range o.out.rows() {
			copy(o.out.raw(r), o.a.raw(r))
		}
	case opEmbed, opRows:
		e.gather(o)
	case opMatMul:
		e.matMul(o)
	case opRMSNorm:
		e.eachRow(o, rmsNorm)
	case opLayerNorm:
		e.eachRow(o, layerNorm)
	case opRope:
		e.rope(o)
	case opStoreKV:
		e.storeKV(o)
	case opAttend:
		e.attend(o)
	case opGLU:
		if compute.Activation(o.mode) == compute.SwiGLUClamped {
			e.eachRow(o, swiGLUClamped)
			return
		}
		act := activations[o.mode]
		e.eachRow(o, func(o *op, r int) {
			a, b, out := o.a.floats(r), o.b.floats(r), o.out.floats(r)
			for j := range out {
				out[j] = float32(act(float64(a[j]))) * b[j]
			}
		})
	case opActivate:
		act := activations[o.mode]
		e.eachRow(o, func(o *op, r int) {
			a, out := o.a.floats(r), o.out.floats(r)
			for j := range out {
				out[j] = float32(act(float64(a[j])))
			}
		})
	case opAdd:
		e.eachRow(o, func(o *op, r int) {
			a, b, out := o.a.floats(r), o.b.floats(r), o.out.floats(r)
			for j := range out {
				out[j] = a[j] + b[j]
			}
		})
	case opMul:
		e.eachRow(o, func(o *op, r int) {
			a, b, out := o.a.floats(r), o.b.floats(r), o.out.floats(r)
			for j := range out {
				out[j] = a[j] * b[j]
			}
		})
	case opScale:
		e.eachRow(o, func(o *op, r int) {
			a, out := o.a.floats(r), o.out.floats(r)
			for j := range out {
				out[j] = o.f[0] * a[j]
			}
		})
	case opSoftCap:
		e.eachRow(o, func(o *op, r int) {
			a, out := o.a.floats(r), o.out.floats(r)
			for j := range out {
				out[j] = o.f[0] * float32(math.Tanh(float64(a[j]/o.f[0])))
			}
		})
	case opTopK:
		e.eachRow(o, topK)
	case opRoute:
		e.route(o)
	case opMatMulExperts:
		e.matMulExperts(o)
	case opCombine:
		e.eachRow(o, combine)
	case opConv1D:
		e.conv1D(o)
	case opSelectiveScan:
		e.selectiveScan(o)
	case opDeltaScan:
		e.deltaScan(o)
	default:
		panic(fmt.Sprintf("cpu: op %d", o.kind))
	}
}

// eachRow calls f for every innermost row of the output.
func (e *goEngine) eachRow(o *op, f func(o *op, r int)) {
	e.parallel(o.out.rows(), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			f(o, r)
		}
	})
}

// gather fills rows whose id is out of range with zeros.
func (e *goEngine) gather(o *op) {
	ids := o.b.ints(0)
	e.eachRow(o, func(o *op, r int) {
		out := o.out.floats(r)
		if id := int(ids[r]); id >= 0 && id < o.a.rows() {
			dequantize(gguf.Type(o.a.typ), out, o.a.raw(id))
			return
		}
		clear(out)
	})
}

// dequantize cannot fail: the queue checked type and lengths.
func dequantize(t gguf.Type, dst []float32, src []byte) {
	if t == gguf.F32 {
		copy(dst, unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(src))), len(dst)))
		return
	}
	if err := gguf.Dequantize(t, dst, src); err != nil {
		panic(err)
	}
}

// matMul decodes a row of the weight and multiplies all rows of x by it.
func (e *goEngine) matMul(o *op) {
	k, n := o.a.cols(), o.a.rows()
	e.parallel(o.b.rows(), func(thread, lo, hi int) {
		w := e.buffer(thread, k)
		for r := lo; r < hi; r++ {
			dequantize(gguf.Type(o.b.typ), w, o.b.raw(r))
			for i := range n {
				o.out.floats(i)[r] = dot(o.a.floats(i), w)
			}
		}
	})
}

// dot sums in eight lanes, as vector units do, which also keeps the rounding error small.
func dot(a, b []float32) float32 {
	var s [8]float32
	n := len(a) &^ 7
	for i := 0; i < n; i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		for j := range s {
			s[j] += x[j] * y[j]
		}
	}
	for i := n; i < len(a); i++ {
		s[i-n] += a[i] * b[i]
	}
	return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]))
}

func rmsNorm(o *op, r int) {
	x, out := o.a.floats(r), o.out.floats(r)
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	s := float32(1 / math.Sqrt(sum/float64(len(x))+float64(o.f[0])))
	if o.b.p == nil {
		for j, v := range x {
			out[j] = v * s
		}
		return
	}
	for j, w := range o.b.floats(0) {
		out[j] = x[j] * s * w
	}
}

func layerNorm(o *op, r int) {
	x, out := o.a.floats(r), o.out.floats(r)
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	sum = 0
	for _, v := range x {
		sum += (float64(v) - mean) * (float64(v) - mean)
	}
	s := float32(1 / math.Sqrt(sum/float64(len(x))+float64(o.f[0])))
	for j, w := range o.b.floats(0) {
		out[j] = (x[j] - float32(mean)) * s * w
	}
	if o.c.p != nil {
		for j, b := range o.c.floats(0) {
			out[j] += b
		}
	}
}

// activations by compute.Activation.
var activations = [...]func(x float64) float64{
	func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) },
	func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	},
	func(x float64) float64 { return max(x, 0) },
	func(x float64) float64 { return max(x, 0) * max(x, 0) },
	func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	math.Tanh,
	func(x float64) float64 {
		if x > 40 {
			return x
		}
		return math.Log1p(math.Exp(x))
	},
}

// swiGLUClamped is the formula of [compute.SwiGLUClamped].
func swiGLUClamped(o *op, r int) {
	gate, up, out := o.a.floats(r), o.b.floats(r), o.out.floats(r)
	for j := range out {
		g, u := float64(min(gate[j], 7)), float64(min(max(up[j], -7), 7))
		out[j] = float32(g / (1 + math.Exp(-1.702*g)) * (u + 1))
	}
}

// topK keeps the best k so far in order.
func topK(o *op, r int) {
	x, values, ids := o.a.floats(r), o.out.floats(r), o.b.ints(r)
	k, held := len(values), 0
	for j, v := range x {
		if held == k && !(v > values[k-1]) {
			continue
		}
		if held < k {
			held++
		}
		i := held - 1
		for ; i > 0 && v > values[i-1]; i-- {
			values[i], ids[i] = values[i-1], ids[i-1]
		}
		values[i], ids[i] = v, int32(j)
	}
}
