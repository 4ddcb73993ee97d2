package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// raw builds headers by hand, right or wrong.
type raw struct{ b []byte }

func header(version uint32, tensors, pairs uint64) *raw {
	r := &raw{[]byte("GGUF")}
	return r.u32(version).u64(tensors).u64(pairs)
}

func (r *raw) u32(v uint32) *raw { r.b = binary.LittleEndian.AppendUint32(r.b, v); return r }
func (r *raw) u64(v uint64) *raw { r.b = binary.LittleEndian.AppendUint64(r.b, v); return r }
func (r *raw) str(s string) *raw { r.b = append(r.u64(uint64(len(s))).b, s...); return r }
func (r *raw) zero(n int) *raw   { r.b = append(r.b, make([]byte, n)...); return r }

// tensor appends a description; dims are innermost first, as stored.
func (r *raw) tensor(name string, typ Type, offset uint64, dims ...uint64) *raw {
	r.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		r.u64(d)
	}
	return r.u32(uint32(typ)).u64(offset)
}

// data pads to the alignment and appends n bytes of tensor data.
func (r *raw) data(n int) *raw { return r.zero((32 - len(r.b)%32) % 32).zero(n) }

func (r *raw) parse() (*File, error) {
	return Parse(bytes.NewReader(r.b), int64(len(r.b)))
}

func TestParseRejects(t *testing.T) {
	deep := header(3, 0, 1).str("deep").u32(uint32(KindArray))
	for range 10 {
		deep.u32(uint32(KindArray)).u64(1)
	}
	wide := header(3, 0, 1).str("wide").u32(uint32(KindArray)).u32(uint32(KindArray)).u64(200000)
	for range 200000 {
		wide.u32(uint32(KindUint8)).u64(0)
	}
	alignment := func(a uint64) *raw {
		return header(3, 0, 1).str("general.alignment").u32(uint32(KindUint64)).u64(a)
	}
	const huge = 1 << 63
	cases := []struct {
		name string
		file *raw
		want string // in the error
	}{
		{"empty", &raw{}, "not a GGUF file"},
		{"other format", &raw{[]byte("PK\x03\x04 a zip archive")}, "not a GGUF file"},
		{"version cut off", &raw{[]byte("GGUF\x03")}, "version"},
		{"version 1", header(1, 0, 0), "version 1"},
		{"version 4", header(4, 0, 0), "version 4"},
		{"version 0", header(0, 0, 0), "version 0"},
		{"big-endian", header(3<<24, 0, 0), "big-endian"},
		{"counts cut off", &raw{[]byte("GGUF\x03\x00\x00\x00\x01")}, "tensor count"},
		{"2^63 tensors", header(3, huge, 0), "9223372036854775808 tensors"},
		{"2^63 pairs", header(3, 0, huge), "9223372036854775808 metadata pairs"},
		{"too many tensors", header(3, 1<<20, 0).zero(40 << 20), "at most"},
		{"key length 2^63", header(3, 0, 1).u64(huge).zero(20), "9223372036854775808 bytes"},
		{"key beyond end", header(3, 0, 1).u64(100).zero(20), "100 bytes"},
		{"key too long", header(3, 0, 1).str(strings.Repeat("k", 1<<17)).zero(8), "exceeds the limit"},
		{"empty key", header(3, 0, 1).str("").u32(0).zero(8), "empty"},
		{"key not UTF-8", header(3, 0, 1).str("a\xff\xfe").u32(0).zero(8), "UTF-8"},
		{"duplicate key", header(3, 0, 2).str("twin").u32(4).u32(1).str("twin").u32(4).u32(2), `"twin"`},
		{"unknown kind", header(3, 0, 1).str("odd").u32(13).zero(8), `"odd": unknown value type 13`},
		{"value cut off", header(3, 0, 1).str("short").u32(uint32(KindUint64)).u32(1), `"short"`},
		{"string length 2^63", header(3, 0, 1).str("text").u32(uint32(KindString)).u64(huge), `"text"`},
		{"array of 2^63", header(3, 0, 1).str("list").u32(uint32(KindArray)).u32(uint32(KindUint8)).u64(huge), `"list"`},
		{"array of 2^61 × 8", header(3, 0, 1).str("list").u32(uint32(KindArray)).u32(uint32(KindUint64)).u64(1 << 61).zero(16), `"list"`},
		{"array element kind", header(3, 0, 1).str("list").u32(uint32(KindArray)).u32(99).u64(1).zero(16), "element type 99"},
		{"string array cut off", header(3, 0, 1).str("list").u32(uint32(KindArray)).u32(uint32(KindString)).u64(2).str("ok").u64(huge), "element 1 of 2"},
		{"arrays too deep", deep, "deep"},
		{"too many nested arrays", wide, "nested arrays"},
		{"alignment 0", alignment(0), "alignment"},
		{"alignment 33", alignment(33), "alignment"},
		{"alignment 2^62", alignment(1 << 62), "alignment"},
		{"alignment is text", header(3, 0, 1).str("general.alignment").u32(uint32(KindString)).str("32"), "alignment"},
		{"tensor without name", header(3, 1, 0).tensor("", F32, 0, 1).data(4), "empty"},
		{"tensor name too long", header(3, 1, 0).tensor(strings.Repeat("n", 2000), F32, 0, 1).data(4), "exceeds the limit"},
		{"no dimensions", header(3, 1, 0).tensor("w", F32, 0).data(4), `"w": it has 0 dimensions`},
		{"five dimensions", header(3, 1, 0).tensor("w", F32, 0, 1, 1, 1, 1, 1).data(4), "5 dimensions"},
		{"2^32−1 dimensions", header(3, 1, 0).str("w").u32(1<<32 - 1).zero(64), "dimensions"},
		{"zero dimension", header(3, 1, 0).tensor("w", F32, 0, 4, 0).data(4), `"w": dimension 1 is zero`},
		{"dimension 2^63", header(3, 1, 0).tensor("w", F32, 0, huge).data(4), `"w": dimension 0`},
		{"product overflows", header(3, 1, 0).tensor("w", F32, 0, 1<<32, 1<<32).data(4), `"w": dimension 1`},
		{"bytes overflow", header(3, 1, 0).tensor("w", F64, 0, 1<<62).data(4), `"w"`},
		{"unknown type", header(3, 1, 0).tensor("w", 31, 0, 32).data(4), "type 31"},
		{"type 2^32−1", header(3, 1, 0).tensor("w", 1<<32-1, 0, 32).data(4), `"w"`},
		{"half a block", header(3, 1, 0).tensor("w", Q4_K, 0, 128).data(144), "blocks of 256"},
		{"offset 2^63", header(3, 1, 0).tensor("w", F32, huge, 1).data(4), `"w": its offset`},
		{"offset beyond end", header(3, 1, 0).tensor("w", F32, 1<<62, 1).data(4), `"w"`},
		{"offset misaligned", header(3, 1, 0).tensor("w", F32, 4, 1).data(64), `"w": offset 4`},
		{"data cut off", header(3, 1, 0).tensor("w", F32, 0, 4).data(15), "incomplete"},
		{"no data at all", header(3, 1, 0).tensor("w", F32, 0, 4), "incomplete"},
		{"overlap", header(3, 2, 0).tensor("a", F32, 0, 16).tensor("b", F32, 32, 8).data(64), `"a" and "b" overlap`},
		{"same place", header(3, 2, 0).tensor("a", F32, 0, 4).tensor("b", F32, 0, 4).data(64), "overlap"},
		{"duplicate tensor", header(3, 2, 0).tensor("a", F32, 0, 4).tensor("a", F32, 32, 4).data(64), `two tensors called "a"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := c.file.parse()
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not mention %q", err, c.want)
			}
			if took > time.Second {
				t.Errorf("took %v", took)
			}
			if spent, limit := after.TotalAlloc-before.TotalAlloc, uint64(16*len(c.file.b)+1<<20); spent > limit {
				t.Errorf("allocated %d bytes for a file of %d", spent, len(c.file.b))
			}
			_, mapped := parse(&cursor{size: int64(len(c.file.b)), buf: c.file.b})
			if fmt.Sprint(mapped) != fmt.Sprint(err) {
				t.Errorf("the mapped reader says %v, the other %v", mapped, err)
			}
		})
	}
}

// TestParseTruncated cuts a good file everywhere: each prefix that lacks
// something must be refused.
func TestParseTruncated(t *testing.T) {
	whole := sample(t)
	last := len(whole) - 32 // padding after the last tensor may be missing
	for n := range last {
		if _, err := Parse(bytes.NewReader(whole[:n]), int64(n)); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(whole))
		}
	}
}

// failing is a reader that cannot read.
type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, fmt.Errorf("disk on fire") }

func TestParseReadError(t *testing.T) {
	if _, err := Parse(failing{}, 1000); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("error %v", err)
	}
}

func TestParseVersion2(t *testing.T) {
	f, err := header(2, 1, 1).str("k").u32(uint32(KindBool)).zero(1).tensor("w", I8, 0, 3).data(3).parse()
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := f.Metadata.Bool("k"); b || !ok || f.Version != 2 {
		t.Errorf("k = %v %v, version %d", b, ok, f.Version)
	}
}

// TestVocabularySpeed holds reading a large vocabulary to a bound far above the
// 10 ms it takes, which a quadratic slowness still misses on any machine.
func TestVocabularySpeed(t *testing.T) {
	tokens, merges := synthVocabulary(150000)
	var out bytes.Buffer
	w := NewWriter(&out)
	for key, v := range map[string][]string{"tokens": tokens, "merges": merges} {
		if err := w.Set(key, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	best := time.Hour
	for range 5 {
		start := time.Now()
		f, err := Parse(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := f.Metadata.Strings("tokens")
		f.Metadata.Strings("merges")
		best = min(best, time.Since(start))
		if len(got) != 150000 || got[149999] != tokens[149999] {
			t.Fatal("wrong tokens")
		}
	}
	t.Logf("150,000 tokens and %d merges in %v", len(merges), best)
	if best > time.Second {
		t.Errorf("took %v", best)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample(f))
	f.Add(header(2, 1, 0).tensor("w", Q4_0, 0, 32, 2).data(36).b)
	f.Add(header(3, 0, 1).str("nest").u32(uint32(KindArray)).u32(uint32(KindArray)).u64(1).u32(uint32(KindString)).u64(1).str("x").b)
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(bytes.NewReader(data), int64(len(data)))
		mapped, err2 := parse(&cursor{size: int64(len(data)), buf: data})
		if fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("read: %v, mapped: %v", err, err2)
		}
		if err != nil {
			return
		}
		if len(file.Tensors) != len(mapped.Tensors) {
			t.Fatal("tensor counts differ")
		}
		for _, x := range file.Tensors {
			if x.Offset < 0 || x.Bytes() <= 0 || x.Offset+x.Bytes() > int64(len(data)) {
				t.Fatalf("%v lies outside the file", x)
			}
			if found, ok := file.Tensor(x.Name); !ok || found != x {
				t.Fatalf("%v is not found by name", x)
			}
		}
		_ = file.Quantisation()
		// What was read must survive being written and read again.
		var out bytes.Buffer
		w := NewWriter(&out)
		for _, key := range file.Metadata.Keys() {
			v, _ := file.Metadata.Value(key)
			if err := w.Set(key, v); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range file.Tensors {
			if err := w.AddTensor(x.Name, x.Type, x.Shape, data[x.Offset:x.Offset+x.Bytes()]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range file.Metadata.Keys() {
			a, _ := file.Metadata.Value(key)
			b, _ := again.Metadata.Value(key)
			if a.String() != b.String() {
				t.Fatalf("%s: %v became %v", key, a, b)
			}
			if s, ok := file.Metadata.Strings(key); ok && len(s) != a.Len() {
				t.Fatalf("%s: %d strings", key, len(s))
			}
			file.Metadata.Ints(key)
			file.Metadata.Floats(key)
			file.Metadata.Bools(key)
		}
	})
}
