package cpu

import "math"

// conv1D convolves channel by channel.
func (e *goEngine) conv1D(o *op) {
	n, taps := o.a.rows(), o.b.cols()
	e.parallel(o.a.cols(), func(thread, lo, hi int) {
		in := make([]float32, taps-1+n) // of one channel: the state and what follows it
		for c := lo; c < hi; c++ {
			for i := range taps - 1 {
				in[i] = o.e.floats(i)[c]
			}
			for i := range n {
				in[taps-1+i] = o.a.floats(i)[c]
			}
			w := o.b.floats(c)
			for i := range n {
				var sum float32
				if o.c.p != nil {
					sum = o.c.floats(0)[c]
				}
				for j, f := range w {
					sum += f * in[i+j]
				}
				o.out.floats(i)[c] = sum
			}
			for i := range taps - 1 {
				o.e.floats(i)[c] = in[n+i]
			}
		}
	})
}

// selectiveScan runs every head by itself.
func (e *goEngine) selectiveScan(o *op) {
	n, heads, p, groups := int(o.out.dim[1]), int(o.out.dim[2]), int(o.out.dim[3]), int(o.d.dim[2])
	e.parallel(heads, func(_, lo, hi int) {
		decay := make([]float32, o.e.cols())
		for h := lo; h < hi; h++ {
			group := h / (heads / groups)
			for i := range n {
				dt := o.b.floats(i)[h]
				for s := range decay {
					a := o.c.floats(0)
					at := h
					if o.mode == 1 {
						a, at = o.c.floats(h), s
					}
					decay[s] = float32(math.Exp(float64(dt) * float64(a[at])))
				}
				x, out, b, c := o.a.floats(i*heads+h), o.out.floats(i*heads+h), o.d.floats(i*groups+group), o.g.floats(i*groups+group)
				for j := range p {
					state := o.e.floats(h*p + j)
					in := x[j]
					var y float32
					for s := range state {
						state[s] = decay[s]*state[s] + dt*in*b[s]
						y += state[s] * c[s]
					}
					if o.h.p != nil {
						y += o.h.floats(0)[h] * in
					}
					out[j] = y
				}
			}
		}
	})
}

// deltaScan runs every value head by itself.
func (e *goEngine) deltaScan(o *op) {
	n, heads, kHeads, kDim, vDim := int(o.out.dim[1]), int(o.out.dim[2]), int(o.a.dim[2]), o.a.cols(), o.out.cols()
	e.parallel(heads, func(_, lo, hi int) {
		held := make([]float32, vDim)
		for h := lo; h < hi; h++ {
			kh := h / (heads / kHeads)
			if o.mode == 1 {
				kh = h % kHeads
			}
			for i := range n {
				q, k, v, out := o.a.floats(i*kHeads+kh), o.b.floats(i*kHeads+kh), o.c.floats(i*heads+h), o.out.floats(i*heads+h)
				decay, beta := float32(math.Exp(float64(o.d.floats(i)[h]))), o.g.floats(i)[h]
				clear(held)
				for a := range kDim { // what the state holds for this key
					for b, s := range o.e.floats(h*kDim + a) {
						held[b] += k[a] * decay * s
					}
				}
				for b := range held {
					held[b] = beta * (v[b] - held[b])
				}
				clear(out)
				for a := range kDim {
					state := o.e.floats(h*kDim + a)
					for b := range state {
						state[b] = decay*state[b] + k[a]*held[b]
						out[b] += q[a] * state[b]
					}
				}
			}
		}
	})
}
