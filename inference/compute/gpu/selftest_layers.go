package gpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"burble/gguf"
	"burble/inference/compute"
)

// testedExperts are the formats whose products of experts are tested: one of each kind, as their arithmetic is that of the
// ordinary products, which are tested for all.
var testedExperts = []gguf.Type{gguf.F32, gguf.F16, gguf.Q4_K, gguf.MXFP4}

// testedModules names what SelfTest runs.
func testedModules() []string {
	names := append(append(baseModules(), partModule), cacheModules[:]...)
	for i := range formats {
		names = append(names, moduleOf(&formats[i]))
		if slices.Contains(testedExperts, formats[i].stored) {
			names = append(names, expertsModule(&formats[i]))
		}
	}
	return names
}

// weights makes a weight of a format with its values.
func (t *selfTest) weights(f *format, shape ...int) (*compute.Tensor, []float32) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data, w := make([]byte, n/f.elements*f.block), make([]float32, n)
	if gguf.Quantize(f.stored, data, t.values(n)) != nil { // there is no encoder
		t.randomBlocks(f, data)
	}
	err := gguf.Dequantize(f.stored, w, data)
	var weight *compute.Tensor
	if err == nil {
		weight, err = t.d.Load(&gguf.Tensor{Name: "self-test", Type: f.stored, Shape: shape, Data: data})
	}
	if err != nil {
		t.err = err
		return nil, nil
	}
	t.owned = append(t.owned, weight)
	return weight, w
}

// randomBlocks fills data with blocks of random bits whose values are of ordinary size.
func (t *selfTest) randomBlocks(f *format, data []byte) {
	v := make([]float32, f.elements)
	for ; len(data) > 0; data = data[f.block:] {
		for top := float32(0); !(top > 1e-3 && top < 10); { // NaN is not
			for i := range f.block {
				data[i] = byte(t.rng.Uint32())
			}
			if t.err = gguf.Dequantize(f.stored, v, data[:f.block]); t.err != nil {
				return
			}
			top = max(slices.Max(v), -slices.Min(v))
		}
	}
}

// experts checks products with chosen experts, pair by pair and grouped.
func (t *selfTest) experts() {
	const count, used, m, k = 4, 2, 70, 512
	for _, typ := range testedExperts {
		if t.err != nil {
			return
		}
		f := formatFor(typ)
		weight, w := t.weights(f, count, m, k)
		if t.err != nil {
			return
		}
		for _, n := range []int{1, 40} {
			x, ids := t.values(n*k), make([]int32, n*used)
			want := make([]float64, n*used*m)
			for p := range ids {
				ids[p] = int32(t.rng.IntN(count))
				for r := range m {
					for j := range k {
						want[p*m+r] += float64(x[p/used*k+j]) * float64(w[(int(ids[p])*m+r)*k+j])
					}
				}
			}
			name, fallback, allowed := "experts_matvec", "", 0.015
			switch {
			case f.matrix && n > matvecRows:
				name, fallback, allowed = "experts_gemm", "gemm", 2e-3
			case !f.quantised:
				name, allowed = "experts_float", 1e-5
			}
			in, out, chosen := t.upload(x, n, k), t.tensor(gguf.F32, n, used, m), t.tensor(gguf.I32, n, used)
			if t.err != nil {
				return
			}
			b := make([]byte, 0, 4*len(ids))
			for _, id := range ids {
				b = binary.LittleEndian.AppendUint32(b, uint32(id))
			}
			t.q.Write(chosen, b)
			t.check(fmt.Sprintf("%s %s, %d rows", name, f.name, n), fallback, allowed, out, want, func() {
				t.q.MatMulExperts(out, in, weight, nil, chosen)
			})
		}
		t.free()
	}
}

// routing checks the choice of experts and the sum of what they give.
func (t *selfTest) routing() {
	defer t.free()
	const n, experts, used, m = 3, 64, 6, 300
	scores, x := t.values(n*experts), t.values(n*used*m)
	weights, sums := make([]float64, n*used), make([]float64, n*m)
	for i := range n {
		row := slices.Clone(scores[i*experts : (i+1)*experts])
		slices.SortFunc(row, func(a, b float32) int { return int(math.Copysign(1, float64(b-a))) })
		var total float64
		for j := range used {
			weights[i*used+j] = math.Exp(float64(row[j]))
			total += weights[i*used+j]
		}
		for j := range used {
			weights[i*used+j] /= total
			for l := range m {
				sums[i*m+l] += weights[i*used+j] * float64(x[(i*used+j)*m+l])
			}
		}
	}
	in, values := t.upload(scores, n, experts), t.upload(x, n, used, m)
	ids, w, out := t.tensor(gguf.I32, n, used), t.tensor(gguf.F32, n, used), t.tensor(gguf.F32, n, m)
	t.check("route", "", 1e-5, w, weights, func() { t.q.Route(ids, w, in, compute.Routing{Normalise: true}) })
	t.check("combine", "", 1e-5, out, sums, func() { t.q.Combine(out, values, w) })
}

// scans checks the layers with a state. Their state changes, so a check sets it first.
func (t *selfTest) scans() {
	defer t.free()
	const n, heads, kd, vd, taps, channels = 20, 2, 128, 24, 4, 100
	q, k, v, before := t.values(n*heads*kd), t.values(n*heads*kd), t.values(n*heads*vd), t.values(heads*kd*vd)
	gate, beta := make([]float32, n*heads), make([]float32, n*heads)
	for i := range gate {
		gate[i], beta[i] = -float32(t.rng.Float64()), float32(t.rng.Float64())
	}
	for i := range k {
		q[i], k[i] = q[i]/8, k[i]/16
	}
	state, want := make([]float64, len(before)), make([]float64, n*heads*vd)
	for i, s := range before {
		state[i] = float64(s)
	}
	for i := range n {
		for h := range heads {
			s, row := state[h*kd*vd:][:kd*vd], (i*heads+h)*kd
			for c := range vd {
				at := (i*heads+h)*vd + c
				var held float64
				for a := range kd {
					s[a*vd+c] *= math.Exp(float64(gate[i*heads+h]))
					held += s[a*vd+c] * float64(k[row+a])
				}
				for a := range kd {
					s[a*vd+c] += float64(k[row+a]) * float64(beta[i*heads+h]) * (float64(v[at]) - held)
					want[at] += float64(q[row+a]) * s[a*vd+c]
				}
			}
		}
	}
	start, now := t.upload(before, heads, kd, vd), t.tensor(gguf.F32, heads, kd, vd)
	s := compute.DeltaScan{Out: t.tensor(gguf.F32, n, heads, vd), Q: t.upload(q, n, heads, kd), K: t.upload(k, n, heads, kd), V: t.upload(v, n, heads, vd),
		G: t.upload(gate, n, heads), Beta: t.upload(beta, n, heads), State: now}
	t.check("delta_scan", "", 1e-5, s.Out, want, func() {
		t.q.Copy(now, start)
		t.q.DeltaScan(s)
	})

	// The same keys, queries and numbers make a selective scan of states [vd, kd].
	state, want = make([]float64, len(before)), make([]float64, n*heads*vd)
	for i, s := range before {
		state[i] = float64(s)
	}
	for i := range n {
		for h := range heads {
			step := float64(beta[i*heads+h])
			for c := range vd {
				at := (i*heads+h)*vd + c
				for a := range kd {
					st := &state[(h*vd+c)*kd+a]
					*st = math.Exp(-step)**st + step*float64(v[at])*float64(k[(i*heads+h)*kd+a])
					want[at] += *st * float64(q[(i*heads+h)*kd+a])
				}
			}
		}
	}
	first, later := t.upload(before, heads, vd, kd), t.tensor(gguf.F32, heads, vd, kd)
	m := compute.SelectiveScan{Out: t.tensor(gguf.F32, n, heads, vd), X: s.V, Dt: s.Beta, A: t.upload([]float32{-1, -1}, heads), B: s.K, C: s.Q, State: later}
	t.check("selective_scan", "", 1e-5, m.Out, want, func() {
		t.q.Copy(later, first)
		t.q.SelectiveScan(m)
	})

	x, w, past := t.values(n*channels), t.values(channels*taps), t.values((taps-1)*channels)
	all := append(slices.Clone(past), x...)
	want = make([]float64, n*channels)
	for i := range want {
		for j := range taps {
			want[i] += float64(w[i%channels*taps+j]) * float64(all[i+j*channels])
		}
	}
	in, kernel, from, inputs := t.upload(x, n, channels), t.upload(w, channels, taps), t.upload(past, taps-1, channels), t.tensor(gguf.F32, taps-1, channels)
	out := t.tensor(gguf.F32, n, channels)
	t.check("conv1d", "", 1e-5, out, want, func() {
		t.q.Copy(inputs, from)
		t.q.Conv1D(out, in, kernel, nil, inputs)
	})
}
