//go:build cgo

package cpu

import (
	"testing"
	"time"

	"burble/gguf"
)

// TestQueueEnds opens and closes queues at every moment of their threads' lives: none may be left waiting.
func TestQueueEnds(t *testing.T) {
	if len(Levels()) == 1 {
		t.Skip("no C kernels here")
	}
	d, err := New(Options{Threads: 4})
	if err != nil {
		t.Fatal(err)
	}
	x, err := d.New("x", gguf.F32, 64, 4096)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		q, err := d.NewQueue()
		if err != nil {
			t.Fatal(err)
		}
		for range i % 4 {
			q.Add(x, x, x)
		}
		if i%5 == 0 {
			time.Sleep(time.Duration(i) * time.Microsecond)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d.Free(x)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
