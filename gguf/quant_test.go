package gguf

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reference lists the reference blocks: types and how many blocks of each.
func reference(t *testing.T) (dir string, types []Type) {
	t.Helper()
	index := shared(t, "quants/index.json")
	raw, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		Type  string
		ID    uint32 `json:"ggml_type"`
		Size  int    `json:"block_size"`
		Bytes int    `json:"bytes_per_block"`
	}
	if err := json.Unmarshal(raw, &entries); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		typ, err := ParseType(e.Type)
		if err != nil {
			t.Error(err)
			continue
		}
		if uint32(typ) != e.ID || typ.BlockElements() != e.Size || typ.BlockBytes() != e.Bytes {
			t.Errorf("%v: number %d, %d values in %d bytes; want %+v", typ, uint32(typ), typ.BlockElements(), typ.BlockBytes(), e)
		}
		types = append(types, typ)
	}
	return filepath.Dir(index), types
}

// readFloats reads a file of float32 values.
func readFloats(t *testing.T, path string) []float32 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(raw)/4)
	decodeF32(out, raw)
	return out
}

// fileName is the name that the reference files give a type: "q4_K".
func fileName(t Type) string {
	name := strings.ToLower(t.String())
	if strings.HasSuffix(name, "_k") {
		name = strings.TrimSuffix(name, "k") + "K"
	}
	return name
}

func TestDequantizeReference(t *testing.T) {
	dir, types := reference(t)
	for _, typ := range types {
		for _, suffix := range []string{"", ".ref"} {
			base := filepath.Join(dir, fileName(typ)+suffix)
			blocks, err := os.ReadFile(base + ".bin")
			if errors.Is(err, fs.ErrNotExist) && suffix != "" {
				continue
			}
			if err != nil {
				t.Error(err)
				continue
			}
			want := readFloats(t, base+".f32")
			got := make([]float32, len(want))
			if err := Dequantize(typ, got, blocks); err != nil {
				t.Error(err)
				continue
			}
			wrong := 0
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					if wrong++; wrong < 4 {
						t.Errorf("%s%s: value %d is %v, want %v", typ, suffix, i, got[i], want[i])
					}
				}
			}
			if wrong > 3 {
				t.Errorf("%s%s: %d of %d values differ", typ, suffix, wrong, len(want))
			}
		}
	}
}

// norm is the root of the summed squared differences.
func norm(a, b []float32) float64 {
	var s float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		s += d * d
	}
	return math.Sqrt(s)
}

func TestQuantizeReference(t *testing.T) {
	dir, types := reference(t)
	for _, typ := range types {
		if codecFor(typ).encode == nil {
			continue
		}
		base := filepath.Join(dir, fileName(typ)+".ref")
		if _, err := os.Stat(base + ".x.f32"); err != nil {
			t.Logf("%v: no reference", typ)
			continue
		}
		x, theirs := readFloats(t, base+".x.f32"), readFloats(t, base+".f32")
		n, err := typ.RowBytes(len(x))
		if err != nil {
			t.Fatal(err)
		}
		blocks, ours := make([]byte, n), make([]float32, len(x))
		if err := Quantize(typ, blocks, x); err != nil {
			t.Error(err)
			continue
		}
		if err := Dequantize(typ, ours, blocks); err != nil {
			t.Error(err)
			continue
		}
		got, want := norm(x, ours), norm(x, theirs)
		t.Logf("%-8v error %.5g, reference %.5g, ratio %.3f", typ, got, want, got/want)
		if got > 1.05*want {
			t.Errorf("%v: error %g is more than the reference's %g", typ, got, want)
		}
	}
}

// TestQuantizeScales round-trips normal values over a range of magnitudes. The
// bounds are relative errors that a sound quantiser stays below: about a third of a
// step of the largest of the values under one scale.
func TestQuantizeScales(t *testing.T) {
	bounds := map[Type]float64{
		F32: 0, F16: 3e-4, BF16: 2.5e-3, Q8_0: 0.008, Q6_K: 0.02, Q5_K: 0.04, Q5_1: 0.04, Q5_0: 0.05,
		Q4_K: 0.08, Q4_1: 0.08, Q4_0: 0.1, IQ4_NL: 0.09, IQ4_XS: 0.09, MXFP4: 0.13, NVFP4: 0.11,
		Q3_K: 0.17, Q2_K: 0.33, Q2_0: 0.5, TQ2_0: 0.5, Q1_0: 0.65,
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, typ := range Types() {
		if codecFor(typ).encode == nil {
			if err := Quantize(typ, make([]byte, typ.BlockBytes()), make([]float32, typ.BlockElements())); err == nil {
				t.Errorf("%v: no error, though there is no quantiser", typ)
			}
			continue
		}
		bound, ok := bounds[typ]
		if !ok {
			t.Errorf("%v: no bound", typ)
		}
		worst := 0.0
		for _, scale := range []float32{0.01, 0.3, 1, 10, 1000} {
			x := make([]float32, 4096)
			for i := range x {
				x[i] = scale * float32(random.NormFloat64())
			}
			worst = max(worst, norm(x, throughBlocks(t, typ, x))/norm(x, make([]float32, len(x))))
		}
		if worst > bound {
			t.Errorf("%v: relative error %.4f, want at most %g", typ, worst, bound)
		}
	}
}

// throughBlocks quantises and decodes x.
func throughBlocks(t *testing.T, typ Type, x []float32) []float32 {
	t.Helper()
	n, err := typ.RowBytes(len(x))
	if err != nil {
		t.Fatal(err)
	}
	blocks, y := make([]byte, n), make([]float32, len(x))
	for i := range blocks {
		blocks[i] = 0xa5 // what was there before must not shine through
	}
	if err := Quantize(typ, blocks, x); err != nil {
		t.Fatal(err)
	}
	if err := Dequantize(typ, y, blocks); err != nil {
		t.Fatal(err)
	}
	return y
}

// TestQuantizeSpecial feeds blocks that divide by nothing or overflow.
func TestQuantizeSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, typ := range Types() {
		if codecFor(typ).encode == nil {
			continue
		}
		for _, v := range [][]float32{{0}, {1}, {-1}, {5, 5.5}, {1e-30}, {math.SmallestNonzeroFloat32}} {
			x := make([]float32, 512)
			for i := range x {
				x[i] = v[i%len(v)]
			}
			for i, y := range throughBlocks(t, typ, x) {
				if y != y || math.Abs(float64(y)) > 2.01*math.Abs(float64(x[i])) {
					t.Errorf("%v: %v became %v", typ, x[i], y)
					break
				}
				if v[0] == 0 && y != 0 {
					t.Errorf("%v: zero became %v", typ, y)
					break
				}
			}
		}
		for _, v := range []float32{inf, -inf, nan, math.MaxFloat32} {
			x := make([]float32, 512)
			x[3], x[100] = v, 1
			throughBlocks(t, typ, x) // any value will do, a panic will not
		}
	}
}

func TestSizesMustMatch(t *testing.T) {
	if err := Dequantize(Q8_0, make([]float32, 32), make([]byte, 33)); err == nil {
		t.Error("a short source was decoded")
	}
	if err := Dequantize(Q8_0, make([]float32, 31), make([]byte, 34)); err == nil {
		t.Error("part of a block was decoded")
	}
	if err := Quantize(Q8_0, make([]byte, 68), make([]float32, 32)); err == nil {
		t.Error("a long destination was filled")
	}
}

func TestCodebook(t *testing.T) {
	for typ, want := range map[Type][2]int{
		IQ1_S: {2048, 8}, IQ1_M: {2048, 8}, IQ2_XXS: {256, 8}, IQ2_XS: {512, 8}, IQ2_S: {1024, 8},
		IQ3_XXS: {256, 4}, IQ3_S: {512, 4}, IQ4_NL: {16, 1}, IQ4_XS: {16, 1}, MXFP4: {16, 1}, NVFP4: {16, 1}, Q4_0: {0, 0},
	} {
		values, width := Codebook(typ)
		if width != want[1] || len(values) != want[0]*want[1] {
			t.Errorf("%v: %d values of width %d", typ, len(values), width)
		}
	}
	values, _ := Codebook(IQ2_S)
	values[0] = 99
	if again, _ := Codebook(IQ2_S); again[0] == 99 {
		t.Error("callers can change the codebook")
	}
}

// TestDequantizeAnyBytes decodes blocks of arbitrary bytes: every index into a
// codebook must be in range, and every value is written.
func TestDequantizeAnyBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const unwritten = float32(12345.678)
	for _, typ := range Types() {
		src := make([]byte, 64*typ.BlockBytes())
		dst := make([]float32, 64*typ.BlockElements())
		for _, fill := range []func() byte{func() byte { return 0xff }, func() byte { return 0 }, func() byte { return byte(random.Uint32()) }} {
			for i := range src {
				src[i] = fill()
			}
			for i := range dst {
				dst[i] = unwritten
			}
			if err := Dequantize(typ, dst, src); err != nil {
				t.Error(err)
			}
			if i := slices.Index(dst, unwritten); i >= 0 {
				t.Errorf("%v: value %d was not written", typ, i)
			}
		}
	}
}

func BenchmarkDequantize(b *testing.B) {
	for _, typ := range []Type{F16, Q4_0, Q8_0, Q4_K, Q6_K, IQ2_XXS} {
		b.Run(typ.String(), func(b *testing.B) {
			dst := make([]float32, 4096)
			src := make([]byte, 4096/typ.BlockElements()*typ.BlockBytes())
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				if err := Dequantize(typ, dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkQuantize(b *testing.B) {
	random := rand.New(rand.NewPCG(5, 6))
	src := make([]float32, 4096)
	for i := range src {
		src[i] = float32(random.NormFloat64())
	}
	for _, typ := range []Type{Q4_0, Q8_0, Q4_K, Q6_K, IQ4_NL} {
		b.Run(typ.String(), func(b *testing.B) {
			dst := make([]byte, 4096/typ.BlockElements()*typ.BlockBytes())
			b.SetBytes(int64(4 * len(src)))
			for b.Loop() {
				if err := Quantize(typ, dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
