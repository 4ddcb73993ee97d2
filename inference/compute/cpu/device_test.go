package cpu

import (
	"testing"

	"burble/gguf"
)

func TestQueueRejects(t *testing.T) {
	d, err := New(Options{Kernels: "go"})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := d.New("a", gguf.F32, 3, 4)
	b, _ := d.New("b", gguf.F32, 3, 5)
	q, err := d.NewQueue()
	if err != nil {
		t.Fatal(err)
	}
	q.Add(a, a, b)
	q.Add(a, a, a)
	if err := q.Sync(); err == nil {
		t.Error("adding [3×4] and [3×5] gave no error")
	}
	if err := q.Sync(); err != nil {
		t.Errorf("the error stayed after Sync: %v", err)
	}
	d.Free(b)
	q.Add(b, b, b)
	if err := q.Sync(); err == nil {
		t.Error("using a freed tensor gave no error")
	}
	if err := d.Close(); err == nil {
		t.Error("Close did not report what was open")
	}
}
