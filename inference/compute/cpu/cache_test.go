package cpu

import (
	"slices"
	"testing"
	"unsafe"

	"burble/gguf"
)

// TestRoundedActivationsAreFresh multiplies activations that changed in every way they can: rounded ones that an engine
// kept must not be used again.
func TestRoundedActivationsAreFresh(t *testing.T) {
	d, err := New(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	const k, m = 256, 8
	row := make([]float32, k)
	data := make([]byte, m*k/32*34)
	for i := range row {
		row[i] = 1
	}
	for r := range m {
		if err := gguf.Quantize(gguf.Q8_0, data[r*k/32*34:(r+1)*k/32*34], row); err != nil {
			t.Fatal(err)
		}
	}
	w, err := d.Load(&gguf.Tensor{Name: "w", Type: gguf.Q8_0, Shape: []int{m, k}, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := d.New("x", gguf.F32, 1, k)
	out, _ := d.New("out", gguf.F32, 1, m)
	q, err := d.NewQueue()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, m)
	expect := func(how string, want float32) {
		t.Helper()
		q.MatMul(out, x, w)
		q.Read(unsafe.Slice((*byte)(unsafe.Pointer(&got[0])), 4*m), out)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(got, func(v float32) bool { return v < 0.99*want || v > 1.01*want }) {
			t.Errorf("%s: %v, want %g", how, got, want)
		}
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&row[0])), 4*k)
	q.Write(x, bytes)
	expect("written", k)
	q.Scale(x, x, 2)
	expect("overwritten in the same run", 2*k)
	expect("unchanged", 2*k)
	q.Scale(x.Slice(1, 0, k/2), x.Slice(1, 0, k/2), 2)
	expect("overwritten in part, in another run", 3*k)
	q.Write(x, bytes)
	expect("written again", k)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	d.Free(x)
	d.Free(out)
	d.Free(w)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
