package computetest

import (
	"math"
	"slices"
	"sort"

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

// cacheTypes are the types of a KV cache.
var cacheTypes = []gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0, gguf.Q4_0}

// dimOf is d, or for a type with blocks the multiple of a block's elements above it.
func dimOf(typ gguf.Type, d int) int {
	block := typ.BlockElements()
	return (d + block - 1) / block * block
}

func testStoreKV(b *bench) {
	for _, typ := range cacheTypes {
		for range 8 {
			n, heads, kd, vd := b.pick(1, 2, 9, 30), b.between(1, 4), dimOf(typ, b.pick(1, 8, 20, 64)), dimOf(typ, b.pick(1, 8, 40, 128))
			slots, past := b.between(1, 40), b.between(0, 100)
			k, v := b.normal(n*heads*kd), b.normal(n*heads*vd)
			if b.coin() {
				clear(k[:kd]) // a head of nothing
				k[len(k)-1] = 1e-12
			}
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

// testLatentCache has values that are a part of the keys: one cache holds both, so what is stored and read are slices of it.
func testLatentCache(b *bench) {
	for _, typ := range cacheTypes {
		for _, n := range []int{1, 3, 40} {
			rank, position, slots, past := dimOf(typ, b.pick(16, 64, 512)), dimOf(typ, b.pick(8, 64)), b.between(1, 60), b.between(0, 30)
			latent, rotated := b.normal(n*rank), b.normal(n*position)
			whole := b.empty("keys", typ, slots, 1, rank+position)
			b.queue.StoreKV(whole.Slice(2, 0, rank), whole.Slice(2, rank, rank+position),
				b.strided("latent", latent, n, rank).Heads(1), b.strided("position", rotated, n, position).Heads(1), b.ints("past", int32(past)))
			for i := max(0, n-slots); i < n; i++ {
				s := (past + i) % slots
				b.checkSlot(whole.Slice(0, s, s+1), slices.Concat(latent[i*rank:(i+1)*rank], rotated[i*position:(i+1)*position]))
			}
			b.free()
			b.attend(attention{typ: typ, n: n, kvHeads: 1, groups: b.pick(1, 4, 16), kd: rank + position, vd: rank, past: past, slots: past + n + 3, latent: true})
		}
	}
}

// checkSlot compares what was stored with what package gguf stores. Blocks may be scaled in other ways, but not be
// much worse than its.
func (b *bench) checkSlot(slot *compute.Tensor, want []float32) {
	b.t.Helper()
	size, err := slot.Type.RowBytes(len(want))
	if err != nil {
		b.t.Fatal(err)
	}
	bytes := make([]byte, size)
	b.queue.Read(bytes, slot)
	if err := b.queue.Sync(); err != nil {
		b.t.Fatal(err)
	}
	values := func(bytes []byte) []float32 {
		v := make([]float32, len(want))
		if err := gguf.Dequantize(slot.Type, v, bytes); err != nil {
			b.t.Fatal(err)
		}
		return v
	}
	got := values(bytes)
	b.results = append(b.results, result{"StoreKV", got})
	if err := gguf.Quantize(slot.Type, bytes, want); err != nil {
		b.t.Fatal(err)
	}
	best := values(bytes)
	block := slot.Type.BlockElements()
	for at := 0; at < len(want); at += block {
		var mine, theirs, top float64
		for i := at; i < at+block; i++ {
			mine += math.Pow(float64(got[i]-want[i]), 2)
			theirs += math.Pow(float64(best[i]-want[i]), 2)
			top = math.Max(top, math.Abs(float64(want[i])))
		}
		if block == 1 && got[at] != best[at] || !(math.Sqrt(mine) <= 1.5*math.Sqrt(theirs)+1e-7*top+1e-9) {
			b.t.Fatalf("StoreKV: %s: block at %d has error %g, against %g: %g is %g", slot, at, math.Sqrt(mine), math.Sqrt(theirs), want[at], got[at])
		}
	}
}

func testAttend(b *bench) {
	for _, typ := range cacheTypes {
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
	for _, typ := range cacheTypes {
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
	for _, typ := range []gguf.Type{gguf.F32, gguf.F16, gguf.Q8_0} {
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
	temperature        int  // length of the temperature; 0 for none
	latent             bool // values are the first part of the keys
}

func (b *bench) attend(a attention) {
	b.t.Helper()
	defer b.free()
	a.kd, a.vd = dimOf(a.typ, a.kd), dimOf(a.typ, a.vd)
	heads, total := a.kvHeads*a.groups, a.past+a.n
	keys, values := b.normal(total*a.kvHeads*a.kd), b.normal(total*a.kvHeads*a.vd)
	kc, vc := b.empty("keys", a.typ, a.slots, a.kvHeads, a.kd), b.empty("values", a.typ, a.slots, a.kvHeads, a.vd)
	// What is compared is the arithmetic, not what the type of the cache costs: the reference attends to the values as stored.
	keyBytes, valueBytes := b.stored(a.typ, keys), b.stored(a.typ, values)
	b.fillCache(kc, keyBytes, total)
	if a.latent {
		vc = kc.Slice(2, 0, a.vd)
		for t := range total {
			copy(values[t*a.vd:(t+1)*a.vd], keys[t*a.kd:])
		}
	} else {
		b.fillCache(vc, valueBytes, total)
	}
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
	if a.typ != gguf.F32 {
		tolerance = b.options.Cache
	}
	if a.softCap {
		tolerance *= 4 // large logits lose digits before the cap
	}
	b.check(out, want, 0, tolerance, "Attend %+v", a)
}

// stored turns values into those of a cache's type, and returns their bytes.
func (b *bench) stored(typ gguf.Type, values []float32) []byte {
	b.t.Helper()
	size, err := typ.RowBytes(len(values))
	if err != nil {
		b.t.Fatal(err)
	}
	bytes := make([]byte, size)
	if err := gguf.Quantize(typ, bytes, values); err != nil {
		b.t.Fatal(err)
	}
	if err := gguf.Dequantize(typ, values, bytes); err != nil {
		b.t.Fatal(err)
	}
	return bytes
}

// fillCache writes rows to their slots. Slots of no position hold NaN, in every type of cache, which must not be read.
func (b *bench) fillCache(cache *compute.Tensor, rows []byte, total int) {
	slots, width := cache.Dim(0), len(rows)/total
	all := make([]byte, slots*width)
	for i := range all {
		all[i] = 0xff
	}
	for t := max(0, total-slots); t < total; t++ {
		copy(all[t%slots*width:], rows[t*width:(t+1)*width])
	}
	b.queue.Write(cache, all)
}
