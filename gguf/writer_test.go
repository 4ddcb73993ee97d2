package gguf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// sampleValues has a value of every kind.
func sampleValues() []struct {
	key   string
	value any
} {
	return []struct {
		key   string
		value any
	}{
		{"u8", uint8(200)}, {"i8", int8(-100)}, {"u16", uint16(60000)}, {"i16", int16(-30000)},
		{"u32", uint32(4e9)}, {"i32", int32(-2e9)}, {"u64", uint64(math.MaxUint64)}, {"i64", int64(math.MinInt64)},
		{"f32", float32(0.1)}, {"f64", 0.1}, {"yes", true}, {"no", false}, {"text", "Grüße\x00\n"},
		{"u8s", []uint8{1, 2}}, {"i8s", []int8{-1}}, {"u16s", []uint16{65535}}, {"i16s", []int16{-5}},
		{"u32s", []uint32{7}}, {"i32s", []int32{-7, 8}}, {"u64s", []uint64{1 << 40}}, {"i64s", []int64{-1 << 40}},
		{"f32s", []float32{1.5, -2}}, {"f64s", []float64{math.Pi}}, {"bools", []bool{true, false}},
		{"strings", []string{"", "a", "日本", "\xff"}}, {"none", []string{}},
	}
}

// sample is a small good file.
func sample(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, v := range sampleValues() {
		if err := w.Set(v.key, v.value); err != nil {
			t.Fatal(err)
		}
	}
	inner, err := NewValue([]string{"x", "y"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Set("nested", []Value{inner, inner}); err != nil {
		t.Fatal(err)
	}
	matrix := make([]byte, 3*2*18)
	for i := range matrix {
		matrix[i] = byte(i)
	}
	if err := errors.Join(
		w.AddTensor("matrix", Q4_0, []int{3, 64}, matrix),
		w.AddTensorReader("vector", F32, []int{5}, bytes.NewReader(make([]byte, 20))),
		w.AddTensorFunc("experts", I8, []int{4, 2, 3}, func(out io.Writer) error {
			for i := range 24 {
				if _, err := out.Write([]byte{byte(i)}); err != nil {
					return err
				}
			}
			return nil
		}),
		w.Close(),
	); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t *testing.T, data []byte) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestRoundTrip(t *testing.T) {
	f := open(t, sample(t))
	m := f.Metadata
	for _, want := range sampleValues() {
		v, ok := m.Value(want.key)
		if !ok {
			t.Errorf("%s is missing", want.key)
			continue
		}
		expected, err := NewValue(want.value)
		if err != nil {
			t.Fatal(err)
		}
		if v.String() != expected.String() || v.Kind() != expected.Kind() || v.Elem() != expected.Elem() || v.Len() != expected.Len() {
			t.Errorf("%s is %v (%v), want %v (%v)", want.key, v, v.Kind(), expected, expected.Kind())
		}
	}
	if u, ok := m.Uint("u64"); u != math.MaxUint64 || !ok {
		t.Errorf("u64 = %d %v", u, ok)
	}
	if _, ok := m.Int("u64"); ok {
		t.Error("2⁶⁴−1 fits no int64")
	}
	if _, ok := m.Uint("i8"); ok {
		t.Error("−100 is not unsigned")
	}
	if i, ok := m.Int("i64"); i != math.MinInt64 || !ok {
		t.Errorf("i64 = %d %v", i, ok)
	}
	if x, ok := m.Float("f32"); x != float64(float32(0.1)) || !ok {
		t.Errorf("f32 = %g %v", x, ok)
	}
	if s, ok := m.String("text"); s != "Grüße\x00\n" || !ok {
		t.Errorf("text = %q %v", s, ok)
	}
	if s, ok := m.Strings("strings"); !ok || !reflect.DeepEqual(s, []string{"", "a", "日本", "\xff"}) {
		t.Errorf("strings = %q %v", s, ok)
	}
	if x, ok := m.Floats("f64s"); !ok || !reflect.DeepEqual(x, []float32{math.Pi}) {
		t.Errorf("f64s = %v %v", x, ok)
	}
	if x, ok := m.Ints("i32s"); !ok || !reflect.DeepEqual(x, []int32{-7, 8}) {
		t.Errorf("i32s = %v %v", x, ok)
	}
	if _, ok := m.Ints("u64s"); ok {
		t.Error("2⁴⁰ fits no int32")
	}
	if x, ok := m.Bools("bools"); !ok || !reflect.DeepEqual(x, []bool{true, false}) {
		t.Errorf("bools = %v %v", x, ok)
	}
	nested, _ := m.Value("nested")
	if nested.Len() != 2 || nested.Elem() != KindArray || nested.At(1).At(1).str != "y" {
		t.Errorf("nested = %v", nested)
	}
	for _, absent := range []string{"nothing", "text"} {
		_, a := m.Uint(absent)
		_, b := m.Int(absent)
		_, c := m.Float(absent)
		_, d := m.Bool(absent)
		_, e := m.Strings(absent)
		_, g := m.Ints(absent)
		if a || b || c || d || e || g {
			t.Errorf("%s was found as a number or an array", absent)
		}
	}
	if _, ok := m.String("u8"); ok {
		t.Error("u8 is not text")
	}
}

// TestAlignment checks that tensors are placed at multiples of the alignment that the
// metadata ask for, and arrive whole.
func TestAlignment(t *testing.T) {
	for _, align := range []uint32{1, 8, 64, 4096} {
		var out bytes.Buffer
		w := NewWriter(&out)
		if err := w.Set("general.alignment", align); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if err := w.AddTensor(fmt.Sprint(i), I8, []int{i + 1}, bytes.Repeat([]byte{byte(i + 1)}, i+1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for i, x := range open(t, out.Bytes()).Tensors {
			if x.Offset%int64(align) != 0 || !bytes.Equal(x.Data, bytes.Repeat([]byte{byte(i + 1)}, i+1)) {
				t.Errorf("alignment %d: tensor %d at %d holds %v", align, i, x.Offset, x.Data)
			}
		}
	}
	w := NewWriter(io.Discard)
	if err := w.Set("general.alignment", uint32(12)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil {
		t.Error("an alignment of 12 was written")
	}
}

func TestTensorViews(t *testing.T) {
	f := open(t, sample(t))
	x, ok := f.Tensor("matrix")
	if !ok || !reflect.DeepEqual(x.Shape, []int{3, 64}) || x.Bytes() != 108 || x.Elements() != 192 {
		t.Fatalf("matrix = %v", x)
	}
	rows := x.Rows(1, 3)
	if !reflect.DeepEqual(rows.Shape, []int{2, 64}) || len(rows.Data) != 72 || rows.Data[0] != 36 || rows.Offset != x.Offset+36 {
		t.Errorf("rows 1–2 = %v, %d bytes at %d", rows, len(rows.Data), rows.Offset)
	}
	e, _ := f.Tensor("experts")
	if one := e.Index(2); !reflect.DeepEqual(one.Shape, []int{2, 3}) || !bytes.Equal(one.Data, []byte{12, 13, 14, 15, 16, 17}) {
		t.Errorf("expert 2 = %v %v", one, one.Data)
	}
	v, _ := f.Tensor("vector")
	if part := v.Rows(1, 3); part.Bytes() != 8 || part.Offset != v.Offset+4 {
		t.Errorf("part of a vector = %v", part)
	}
	f.WillNeed(x)
	for _, bad := range [][2]int{{-1, 1}, {2, 1}, {0, 4}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("rows %v did not panic", bad)
				}
			}()
			x.Rows(bad[0], bad[1])
		}()
	}
}

func TestWriterRejects(t *testing.T) {
	w := NewWriter(io.Discard)
	if err := w.AddTensor("w", F32, []int{2}, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"empty key":       w.Set("", 1),
		"bad key":         w.Set("a\xff", uint8(1)),
		"int":             w.Set("k", 1),
		"mixed array":     w.Set("k", []Value{{kind: KindUint8}, {kind: KindBool}}),
		"duplicate":       w.AddTensor("w", F32, []int{2}, make([]byte, 8)),
		"size":            w.AddTensor("a", F32, []int{2}, make([]byte, 7)),
		"no dimensions":   w.AddTensor("a", F32, nil, nil),
		"zero dimension":  w.AddTensor("a", F32, []int{0}, nil),
		"overflow":        w.AddTensor("a", F32, []int{math.MaxInt / 2, math.MaxInt / 2}, nil),
		"half a block":    w.AddTensor("a", Q4_0, []int{2, 16}, make([]byte, 18)),
		"unknown type":    w.AddTensor("a", 77, []int{2}, nil),
		"five dimensions": w.AddTensor("a", F32, []int{1, 1, 1, 1, 1}, make([]byte, 4)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
	for what, fill := range map[string]func(io.Writer) error{
		"short": func(out io.Writer) error { _, err := out.Write([]byte{1}); return err },
		"long":  func(out io.Writer) error { _, err := out.Write(make([]byte, 9)); return err },
		"fails": func(out io.Writer) error { return errors.New("no data") },
	} {
		w := NewWriter(io.Discard)
		if err := w.AddTensorFunc("w", F32, []int{2}, fill); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), `w`) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func TestCreateLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddTensorReader("w", F32, []int{2}, strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := w.Close(); err == nil {
		t.Error("closed twice")
	}
}

// writeSplit writes a model of n parts, with one tensor each.
func writeSplit(t *testing.T, dir string, n int) (paths []string) {
	t.Helper()
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("m-%05d-of-%05d.gguf", i+1, n))
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Set("split.no", uint16(i)), w.Set("split.count", uint16(n)), w.Set("split.tensors.count", int32(n)),
			w.AddTensor(fmt.Sprintf("t%d", i), I8, []int{3}, []byte{byte(i), 1, 2}), w.Close()); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestSplit(t *testing.T) {
	paths := writeSplit(t, t.TempDir(), 3)
	for _, path := range paths {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Tensors) != 3 || f.Path() != paths[0] || !reflect.DeepEqual(f.Paths(), paths) || f.Parameters() != 9 {
			t.Errorf("%d tensors, path %s, parts %v", len(f.Tensors), f.Path(), f.Paths())
		}
		for i, x := range f.Tensors {
			if x.Path != paths[i] || x.Data[0] != byte(i) {
				t.Errorf("%v in %s holds %v", x, x.Path, x.Data)
			}
			f.WillNeed(x)
		}
		if err := errors.Join(f.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestSplitBroken(t *testing.T) {
	dir := t.TempDir()
	paths := writeSplit(t, dir, 4)
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(path, want string) {
		t.Helper()
		f, err := Open(path)
		if err == nil {
			f.Close()
			t.Errorf("%s: opened", path)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %q", err, want)
		}
	}
	move(paths[1], filepath.Join(dir, "aside"))
	refused(paths[0], "m-00002-of-00004.gguf")
	move(paths[2], paths[1]) // part 3 under the name of part 2
	if err := os.Link(paths[1], paths[2]); err != nil {
		t.Fatal(err)
	}
	refused(paths[3], "should be part 2")
	move(filepath.Join(dir, "aside"), filepath.Join(dir, "renamed.gguf"))
	refused(filepath.Join(dir, "renamed.gguf"), "rename")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.gguf")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, empty, filepath.Join(dir, "absent.gguf")} {
		if f, err := Open(path); err == nil {
			f.Close()
			t.Errorf("%s was opened", path)
		}
	}
}
