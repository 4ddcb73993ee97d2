package computetest

import (
	"math"
	"sort"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// largest is the indices of the k largest, lower index first among equals.
func largest(row []float32, k int) []int32 {
	ids := make([]int32, len(row))
	for i := range ids {
		ids[i] = int32(i)
	}
	sort.SliceStable(ids, func(i, j int) bool { return row[ids[i]] > row[ids[j]] })
	return ids[:k]
}

func testRope(b *bench) {
	for _, past := range []int{0, 1, 37, 4095, 131071} {
		for range 4 {
			n, heads, d := b.pick(1, 2, 7), b.between(1, 5), 2*b.pick(2, 8, 16, 32, 33, 64)
			pairs := d / 2
			if b.coin() {
				pairs = b.between(1, d/2)
			}
			freq := make([]float32, pairs)
			for j := range freq {
				freq[j] = float32(math.Pow(10000, -float64(j)/float64(pairs)))
			}
			r := compute.Rope{InvFreq: b.floats("inverse frequencies", freq, pairs), Interleaved: b.coin()}
			magnitude := 1.0
			if b.coin() {
				r.Magnitude = 1.25
				magnitude = 1.25
			}
			x := b.normal(n * heads * d)
			want := wide(x)
			for i := range n {
				for h := range heads {
					row := want[(i*heads+h)*d:][:d]
					for j, f := range freq {
						sin, cos := math.Sincos(float64(past+i) * float64(f))
						p, q := j, j+pairs
						if r.Interleaved {
							p, q = 2*j, 2*j+1
						}
						row[p], row[q] = magnitude*(row[p]*cos-row[q]*sin), magnitude*(row[p]*sin+row[q]*cos)
					}
				}
			}
			t := b.strided("x", x, n, heads*d).Heads(heads)
			b.queue.Rope(t, b.ints("past", int32(past)), r)
			b.check(t, want, 0, b.options.Float, "Rope past=%d n=%d heads=%d d=%d pairs=%d %+v", past, n, heads, d, pairs, r)
			b.free()
		}
	}
}

func testStoreKV(b *bench) {
	for _, typ := range []gguf.Type{gguf.F32, gguf.F16} {
		for range 8 {
			n, heads, kd, vd := b.pick(1, 2, 9, 30), b.between(1, 4), b.pick(1, 8, 20, 64), b.pick(1, 8, 40, 128)
			slots, past := b.between(1, 40), b.between(0, 100)
			k, v := b.normal(n*heads*kd), b.normal(n*heads*vd)
			kc, vc := b.empty("keys", typ, slots, heads, kd), b.empty("values", typ, slots, heads, vd)
			b.queue.StoreKV(kc, vc, b.strided("k", k, n, heads*kd).Heads(heads), b.strided("v", v, n, heads*vd).Heads(heads),
				b.ints("past", int32(past)))
			for i := range n { // later rows overwrite
				s := (past + i) % slots
				if i+slots < n {
					continue
				}
				b.checkSlot(kc.Slice(0, s, s+1), k[i*heads*kd:][:heads*kd])
				b.checkSlot(vc.Slice(0, s, s+1), v[i*heads*vd:][:heads*vd])
			}
			b.free()
		}
	}
}

func (b *bench) checkSlot(slot *compute.Tensor, want []float32) {
	b.t.Helper()
	got := make([]float32, len(want))
	if slot.Type == gguf.F32 {
		got = b.read(slot)
	} else {
		half := make([]uint16, len(want))
		b.queue.Read(unsafe.Slice((*byte)(unsafe.Pointer(&half[0])), 2*len(half)), slot)
		if err := b.queue.Sync(); err != nil {
			b.t.Fatal(err)
		}
		for i, h := range half {
			got[i] = gguf.F16ToF32(h)
		}
	}
	b.results = append(b.results, result{"StoreKV", got})
	for i, w := range want {
		if slot.Type == gguf.F16 {
			w = gguf.F16ToF32(gguf.F32ToF16(w))
		}
		if got[i] != w {
			b.t.Fatalf("StoreKV: %s: element %d is %g, want %g", slot, i, got[i], w)
		}
	}
}

func testAttend(b *bench) {
	for _, typ := range []gguf.Type{gguf.F32, gguf.F16} {
		for round := range 24 {
			a := attention{
				typ: typ, n: b.pick(1, 1, 2, 5, 16, 33, 70), kvHeads: b.between(1, 4), groups: b.pick(1, 1, 2, 3, 4, 7, 8),
				kd: b.pick(8, 16, 20, 32, 64, 80, 128), past: b.pick(0, 0, 1, 30, 100, 300),
				softCap: b.rng.IntN(4) == 0, sinks: b.rng.IntN(4) == 0,
			}
			a.vd = a.kd
			if b.rng.IntN(4) == 0 {
				a.vd = b.pick(8, 20, 64)
			}
			a.slots = a.past + a.n + b.between(0, 50)
			if round%3 == 2 { // a window, in a ring just large enough or in a full cache
				a.window = b.between(1, 64)
				if b.coin() {
					a.slots = a.window + a.n - 1 + b.between(0, 9)
				}
			}
			b.attend(a)
		}
	}
}

func testAttendLong(b *bench) {
	for _, typ := range []gguf.Type{gguf.F32, gguf.F16} {
		b.attend(attention{typ: typ, n: 1, kvHeads: 2, groups: 4, kd: 64, vd: 64, past: 5000, slots: 5200})
		b.attend(attention{typ: typ, n: 3, kvHeads: 1, groups: 2, kd: 128, vd: 128, past: 3000, slots: 3003, sinks: true})
		b.attend(attention{typ: typ, n: 40, kvHeads: 2, groups: 2, kd: 64, vd: 64, past: 1500, slots: 2048})
		b.attend(attention{typ: typ, n: 1, kvHeads: 2, groups: 4, kd: 64, vd: 64, past: 9000, slots: 2048, window: 2048})
	}
}

// testAttendTemperature has queries before, at and after the positions where the temperature changes.
func testAttendTemperature(b *bench) {
	for _, typ := range []gguf.Type{gguf.F32, gguf.F16} {
		for _, n := range []int{1, 3, 40} {
			for _, past := range []int{0, 7, 8, 100} {
				b.attend(attention{typ: typ, n: n, kvHeads: 2, groups: b.pick(1, 4), kd: 64, vd: 64, past: past, slots: past + n + 3,
					temperature: b.pick(1, 8, 60), softCap: b.coin(), sinks: b.coin()})
			}
		}
	}
}

// testAttendRing has caches of just as many slots as a window needs, wrapped round at every place.
func testAttendRing(b *bench) {
	for _, typ := range []gguf.Type{gguf.F32, gguf.F16} {
		for _, n := range []int{1, 2, 9, 65} {
			for range 6 {
				a := attention{typ: typ, n: n, kvHeads: b.pick(1, 2), groups: b.pick(1, 3, 8), kd: 64, vd: b.pick(64, 32), window: b.pick(1, 5, 64, 700)}
				a.slots = a.window + n - 1 + b.pick(0, 0, 1, 20)
				a.past = a.slots*b.between(0, 3) + b.between(0, a.slots)
				a.sinks = b.coin()
				b.attend(a)
			}
		}
	}
}

// attention is a random case of Attend.
type attention struct {
	typ                gguf.Type
	n, kvHeads, groups int
	kd, vd, past       int
	slots, window      int
	softCap, sinks     bool
	temperature        int // length of the temperature; 0 for none
}

func (b *bench) attend(a attention) {
	b.t.Helper()
	defer b.free()
	heads, total := a.kvHeads*a.groups, a.past+a.n
	keys, values := b.normal(total*a.kvHeads*a.kd), b.normal(total*a.kvHeads*a.vd)
	kc, vc := b.empty("keys", a.typ, a.slots, a.kvHeads, a.kd), b.empty("values", a.typ, a.slots, a.kvHeads, a.vd)
	if a.typ == gguf.F16 {
		for _, v := range [][]float32{keys, values} {
			for i, x := range v {
				v[i] = gguf.F16ToF32(gguf.F32ToF16(x))
			}
		}
	}
	b.fillCache(kc, keys, total)
	b.fillCache(vc, values, total)
	x := b.normal(a.n * heads * a.kd)
	p := compute.Attention{Scale: float32(1 / math.Sqrt(float64(a.kd))), Window: a.window, Bound: (total + 255) / 256 * 256}
	if a.temperature > 0 {
		p.Temperature, p.TemperatureLength = 0.1, a.temperature
	}
	if a.softCap {
		p.SoftCap, p.Scale = 5, 1
	}
	sinks := b.normal(heads)
	if a.sinks {
		p.Sinks = b.floats("sinks", sinks, heads)
	}
	want := make([]float64, a.n*heads*a.vd)
	for i := range a.n {
		for h := range heads {
			pos := a.past + i
			first := max(0, total-a.slots)
			if a.window > 0 {
				first = max(first, pos-a.window+1)
			}
			kv := h / a.groups
			scores := make([]float64, 0, pos+1)
			top := math.Inf(-1)
			if a.sinks {
				top = float64(sinks[h])
			}
			for t := first; t <= pos; t++ {
				var s float64
				for j := range a.kd {
					s += float64(x[(i*heads+h)*a.kd+j]) * float64(keys[(t*a.kvHeads+kv)*a.kd+j])
				}
				s *= float64(p.Scale)
				if a.temperature > 0 {
					s *= 1 + float64(p.Temperature)*math.Log1p(math.Floor(float64(pos)/float64(a.temperature)))
				}
				if a.softCap {
					s = 5 * math.Tanh(s/5)
				}
				scores = append(scores, s)
				top = math.Max(top, s)
			}
			var sum float64
			if a.sinks {
				sum = math.Exp(float64(sinks[h]) - top)
			}
			out := want[(i*heads+h)*a.vd:][:a.vd]
			for t := first; t <= pos; t++ {
				w := math.Exp(scores[t-first] - top)
				sum += w
				for j := range out {
					out[j] += w * float64(values[(t*a.kvHeads+kv)*a.vd+j])
				}
			}
			for j := range out {
				out[j] /= sum
			}
		}
	}
	out := b.output("out", a.n, heads*a.vd).Heads(heads)
	b.queue.Attend(out, b.strided("q", x, a.n, heads*a.kd).Heads(heads), kc, vc, b.ints("past", int32(a.past)), p)
	tolerance := b.options.Float
	if a.typ == gguf.F16 {
		tolerance = b.options.Cache
	}
	if a.softCap {
		tolerance *= 4 // large logits lose digits before the cap
	}
	b.check(out, want, 0, tolerance, "Attend %+v", a)
}

// fillCache writes rows to their slots. Slots of no position hold NaN or garbage, which must not be read.
func (b *bench) fillCache(cache *compute.Tensor, rows []float32, total int) {
	slots, width := cache.Dim(0), cache.Dim(1)*cache.Dim(2)
	all := make([]float32, slots*width)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	for t := max(0, total-slots); t < total; t++ {
		copy(all[t%slots*width:], rows[t*width:(t+1)*width])
	}
	if cache.Type == gguf.F32 {
		b.queue.Write(cache, floatBytes(all))
		return
	}
	half := make([]uint16, len(all))
	for i, v := range all {
		half[i] = gguf.F32ToF16(v)
	}
	b.queue.Write(cache, unsafe.Slice((*byte)(unsafe.Pointer(&half[0])), 2*len(half)))
}
