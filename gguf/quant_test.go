package gguf

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
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
