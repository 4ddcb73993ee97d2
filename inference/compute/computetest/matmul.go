package computetest

import (
	"fmt"
	"math"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// weightTypes are the types package gguf can decode.
func weightTypes() []gguf.Type {
	var list []gguf.Type
	for _, typ := range gguf.Types() {
		if typ == gguf.I8 || typ == gguf.I16 || typ == gguf.I32 || typ == gguf.I64 || typ == gguf.F64 {
			continue // numbers, not weights
		}
		if gguf.Dequantize(typ, make([]float32, typ.BlockElements()), make([]byte, typ.BlockBytes())) == nil {
			list = append(list, typ)
		}
	}
	return list
}

// weight makes a random weight and its decoded values. Half of the rows come from quantising normally distributed
// values, where gguf can; the others have random bits, so that every field of a block takes every value.
func (b *bench) weight(label string, typ gguf.Type, rows, cols int) (*compute.Tensor, []float32) {
	b.t.Helper()
	rowBytes, err := typ.RowBytes(cols)
	if err != nil {
		b.t.Fatal(err)
	}
	data := make([]byte, rowBytes*int64(rows))
	values := make([]float32, rows*cols)
	for r := range rows {
		dst, v := data[int64(r)*rowBytes:int64(r+1)*rowBytes], values[r*cols:(r+1)*cols]
		if r%2 == 1 || gguf.Quantize(typ, dst, b.normal(cols)) != nil {
			b.randomBlocks(typ, dst)
		}
		if err := gguf.Dequantize(typ, v, dst); err != nil {
			b.t.Fatal(err)
		}
	}
	w, err := b.device.Load(&gguf.Tensor{Name: label, Type: typ, Shape: []int{rows, cols}, Data: data})
	if err != nil {
		b.t.Fatal(err)
	}
	b.owned = append(b.owned, w)
	return w, values
}

// randomBlocks fills dst with blocks of random bits whose values are of ordinary size.
func (b *bench) randomBlocks(typ gguf.Type, dst []byte) {
	size := typ.BlockBytes()
	v := make([]float32, typ.BlockElements())
	for ; len(dst) > 0; dst = dst[size:] {
		for ok := false; !ok; {
			for i := range size {
				dst[i] = byte(b.rng.Uint32())
			}
			if err := gguf.Dequantize(typ, v, dst[:size]); err != nil {
				b.t.Fatal(err)
			}
			var top float64
			ok = true
			for _, x := range v {
				top = math.Max(top, math.Abs(float64(x)))
				ok = ok && !math.IsNaN(float64(x)) && (len(v) > 1 || x != 0)
			}
			ok = ok && top > 1e-3 && top < 1e2
		}
	}
}

func testMatMul(b *bench, typ gguf.Type) {
	block := typ.BlockElements()
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 64, 70} {
		m := b.pick(1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 48, 65, 130)
		k := block * b.between(1, 5)
		if block == 1 {
			k = b.pick(1, 3, 8, 15, 16, 17, 33, 64, 100, 257, 512)
		}
		b.matMul(typ, n, m, k)
	}
	// Enough rows and columns that a device's threads and tiles get several each.
	b.matMul(typ, 1, 1030, 8*max(block, 32))
	b.matMul(typ, 130, 270, 3*max(block, 32))
}

func (b *bench) matMul(typ gguf.Type, n, m, k int) {
	b.t.Helper()
	defer b.free()
	w, values := b.weight("w", typ, m, k)
	x := b.inputs(n, k)
	out := b.output("out", n, m)
	b.queue.MatMul(out, b.strided("x", x, n, k), w)
	rows := make([]productRow, n)
	for i := range rows {
		rows[i] = productRow{x: x[i*k : (i+1)*k], w: values}
	}
	b.checkProduct(out, typ, rows, m, fmt.Sprintf("MatMul %s n=%d m=%d k=%d", typ, n, m, k))
}

// inputs is rows for a product, sometimes with a row of zeros, or an outlier.
func (b *bench) inputs(n, k int) []float32 {
	x := b.normal(n * k)
	switch b.rng.IntN(4) {
	case 0:
		clear(x[:k]) // a row of nothing
	case 1:
		x[b.rng.IntN(len(x))] *= 30 // an outlier, as real activations have
	}
	return x
}

// productRow is what a row of a product is made of.
type productRow struct {
	x    []float32 // [k]
	w    []float32 // [m, k]; nil for a row of zeros
	bias []float32 // [m], or nil
}

// checkProduct compares rows of m results with the products of rows, for weights of type typ.
func (b *bench) checkProduct(out *compute.Tensor, typ gguf.Type, rows []productRow, m int, name string) {
	b.t.Helper()
	tolerance := b.options.Quantised
	switch typ {
	case gguf.F32:
		tolerance = b.options.Float
	case gguf.F16, gguf.BF16:
		tolerance = b.options.Half
	}
	// The results are compared in units of their expected size |x|·|w| / sqrt(k), where k is large enough for it to
	// mean something, so that small rows count as much as large ones.
	got := b.read(out)
	b.results = append(b.results, result{name, got})
	length := func(v []float32) float64 {
		var sum float64
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		return math.Sqrt(sum)
	}
	var sum float64
	k := len(rows[0].x)
	for i, row := range rows {
		xl := length(row.x)
		for j := range m {
			var want, size, bias float64
			if row.w != nil {
				col := row.w[j*k : (j+1)*k]
				for l, x := range row.x {
					want += float64(x) * float64(col[l])
				}
				size = xl * length(col) / math.Sqrt(float64(k))
				if row.bias != nil {
					bias = float64(row.bias[j])
				}
			}
			e := float64(got[i*m+j]) - want - bias
			if size == 0 {
				if math.Abs(e) > 1e-6*math.Abs(bias) || math.IsNaN(e) {
					b.t.Errorf("%s: [%d, %d] is %g, want %g", name, i, j, got[i*m+j], bias)
					return
				}
				continue
			}
			e = math.Max(math.Abs(e)-1e-6*math.Abs(bias), 0) / size
			most := 12*tolerance + 40*b.options.Float
			if typ.BlockElements() > 1 {
				most += 6 * rounding(row.x, row.w[j*k:(j+1)*k]) / size
			}
			if !(e <= most) {
				b.t.Errorf("%s: [%d, %d] is %g, want %g", name, i, j, got[i*m+j], want+bias)
				return
			}
			sum += e * e
		}
	}
	// An outlier in a short row makes the steps of 8 bits larger than usual. The error of a few rounded elements scatters
	// more than that of many, and so does that of a few results.
	inputs := map[*float32]bool{}
	for _, row := range rows {
		inputs[&row.x[0]] = true
	}
	allowed := 2 * tolerance * (1 + 4/math.Sqrt(float64(len(inputs)*k)) + 1/math.Sqrt(float64(len(rows)*m)))
	if e := math.Sqrt(sum / float64(len(rows)*m)); !(e <= allowed) {
		b.t.Errorf("%s: error %.3g, allowed %.3g", name, e, allowed)
	}
}

// rounding is the standard deviation of a product's error where x is rounded to signed bytes, in groups of 32 with a scale each: a
// group with an outlier has large steps, and counts where its weights are large too.
func rounding(x, w []float32) float64 {
	var variance float64
	for lo := 0; lo < len(x); lo += 32 {
		hi := min(lo+32, len(x))
		var top, square float64
		for i := lo; i < hi; i++ {
			top = math.Max(top, math.Abs(float64(x[i])))
			square += float64(w[i]) * float64(w[i])
		}
		variance += top * top / (127 * 127 * 12) * square
	}
	return math.Sqrt(variance)
}

func testEmbed(b *bench) {
	for _, typ := range b.options.types() {
		rows := b.between(3, 40)
		cols := typ.BlockElements() * b.between(1, 3)
		if typ.BlockElements() == 1 {
			cols = b.between(1, 300)
		}
		n := b.pick(1, 2, 9, 40)
		table, values := b.weight("table", typ, rows, cols)
		ids := make([]int32, n)
		var want []float64
		for i := range ids {
			ids[i] = int32(b.rng.IntN(rows))
			want = append(want, wide(values[int(ids[i])*cols:][:cols])...)
		}
		out := b.output("out", n, cols)
		b.queue.Embed(out, table, b.ints("ids", ids...))
		b.check(out, want, 0, 1e-6, "Embed %s n=%d d=%d", typ, n, cols)
		b.free()
	}
}

func testRows(b *bench) {
	for _, n := range []int{1, 2, 7, 33} {
		m, d := b.between(1, n), b.between(1, 300)
		x := b.normal(n * d)
		ids := make([]int32, m)
		var want []float64
		for i := range ids {
			ids[i] = int32(b.rng.IntN(n))
			want = append(want, wide(x[int(ids[i])*d:][:d])...)
		}
		out := b.output("out", m, d)
		b.queue.Rows(out, b.strided("x", x, n, d), b.ints("ids", ids...))
		b.check(out, want, 0, 1e-12, "Rows n=%d m=%d d=%d", n, m, d)
		b.free()
	}
}

func testCopy(b *bench) {
	for range 8 {
		n, d := b.between(1, 40), b.between(1, 200)
		x := b.normal(n * d)
		out := b.output("out", n, d)
		b.queue.Copy(out, b.strided("x", x, n, d))
		b.check(out, wide(x), 0, 1e-12, "Copy n=%d d=%d", n, d)

		heads := b.between(1, 5)
		half := make([]uint16, n*heads*d)
		for i := range half {
			half[i] = uint16(b.rng.Uint32())
		}
		src, dst := b.empty("src", gguf.F16, n, heads, d), b.empty("dst", gguf.F16, n, heads+2, d)
		b.queue.Write(src, unsafe.Slice((*byte)(unsafe.Pointer(&half[0])), 2*len(half)))
		b.queue.Copy(dst.Slice(1, 1, heads+1), src)
		all := make([]uint16, dst.Len())
		b.queue.Read(unsafe.Slice((*byte)(unsafe.Pointer(&all[0])), 2*len(all)), dst)
		if err := b.queue.Sync(); err != nil {
			b.t.Fatal(err)
		}
		for i := range n {
			for h := range heads + 2 {
				for j := range d {
					var want uint16
					if h >= 1 && h <= heads {
						want = half[(i*heads+h-1)*d+j]
					}
					if all[(i*(heads+2)+h)*d+j] != want {
						b.t.Fatalf("Copy F16 into heads: [%d, %d, %d] is wrong", i, h, j)
					}
				}
			}
		}
		b.free()
	}
}
