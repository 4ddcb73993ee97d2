package cpu

import (
	"math"
	"unsafe"

	"burble/gguf"
)

// rope turns every head. The angle is computed in float64: in float32 it would be off by 1e-2 at position 100,000.
func (e *goEngine) rope(o *op) {
	past := int(o.b.ints(0)[0])
	freq := o.c.floats(0)
	pairs := len(freq)
	heads := int(o.out.dim[2])
	e.parallel(int(o.out.dim[1]), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			for j, f := range freq {
				sin64, cos64 := math.Sincos(float64(past+i) * float64(f))
				sin, cos := float32(sin64)*o.f[0], float32(cos64)*o.f[0]
				a, b := j, j+pairs
				if o.mode == 1 {
					a, b = 2*j, 2*j+1
				}
				for h := range heads {
					x := o.out.floats(i*heads + h)
					x[a], x[b] = x[a]*cos-x[b]*sin, x[a]*sin+x[b]*cos
				}
			}
		}
	})
}

// storeKV writes the last rows only, should there be more than slots.
func (e *goEngine) storeKV(o *op) {
	past, n, slots := int(o.c.ints(0)[0]), int(o.a.dim[1]), int(o.out.dim[1])
	if past < 0 {
		return
	}
	store := func(cache, x *view) {
		heads := int(x.dim[2])
		for i := max(0, n-slots); i < n; i++ {
			for h := range heads {
				src := x.floats(i*heads + h)
				dst := cache.at((past+i)%slots*heads + h)
				t := gguf.Type(cache.typ)
				bytes := unsafe.Slice((*byte)(dst), len(src)/t.BlockElements()*t.BlockBytes())
				if err := gguf.Quantize(t, bytes, src); err != nil {
					panic(err) // can't be: the queue checked type and lengths
				}
			}
		}
	}
	store(&o.out, &o.a)
	store(&o.e, &o.b)
}

// attend computes one query and head after the other, in two passes over the keys it sees.
func (e *goEngine) attend(o *op) {
	past, n, slots := int(o.d.ints(0)[0]), int(o.a.dim[1]), int(o.b.dim[1])
	heads, kvHeads := int(o.a.dim[2]), int(o.b.dim[2])
	window := int(o.i[0])
	e.parallel(n*heads, func(thread, lo, hi int) {
		kDim, vDim := o.b.cols(), o.c.cols()
		buf := e.buffer(thread, min(slots, max(past+n, 0))+kDim+vDim)
		row := buf[:kDim+vDim]
		scores := buf[kDim+vDim:]
		for u := lo; u < hi; u++ {
			i, h := u/heads, u%heads
			p := past + i
			first := max(0, past+n-slots) // older positions were overwritten
			if window > 0 {
				first = max(first, p-window+1)
			}
			x, out := o.a.floats(u), o.out.floats(u)
			kv := h / (heads / kvHeads)
			scale := o.f[0] * temperature(o, p)
			top := math.Inf(-1)
			if o.e.p != nil {
				top = float64(o.e.floats(0)[h])
			}
			for t := first; t <= p; t++ {
				key := decode(&o.b, t%slots*kvHeads+kv, row[:kDim])
				s := dot(x, key) * scale
				if c := o.f[1]; c > 0 {
					s = c * float32(math.Tanh(float64(s/c)))
				}
				scores[t-first] = s
				top = max(top, float64(s))
			}
			var sum float64
			if o.e.p != nil {
				sum = math.Exp(float64(o.e.floats(0)[h]) - top)
			}
			clear(out)
			for t := first; t <= p; t++ {
				weight := math.Exp(float64(scores[t-first]) - top)
				sum += weight
				for j, v := range decode(&o.c, t%slots*kvHeads+kv, row[kDim:]) {
					out[j] += float32(weight) * v
				}
			}
			if sum > 0 {
				for j := range out {
					out[j] /= float32(sum)
				}
			}
		}
	})
}

// temperature is what the logits of a query at position p are multiplied by.
func temperature(o *op, p int) float32 {
	if o.i[1] == 0 {
		return 1
	}
	return float32(1 + float64(o.f[2])*math.Log1p(float64(max(p, 0)/int(o.i[1]))))
}

// decode is row r of a cache as floats, in buf where it has to be converted.
func decode(v *view, r int, buf []float32) []float32 {
	if gguf.Type(v.typ) == gguf.F32 {
		return v.floats(r)
	}
	dequantize(gguf.Type(v.typ), buf, v.raw(r))
	return buf
}
