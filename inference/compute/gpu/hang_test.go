package gpu

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"burble/gguf"
	"burble/hip"
	"burble/hip/softhip"
	"burble/inference/compute"
)

// TestHang makes a kernel hang, eager and in a replayed graph: Sync must name it, and closing must not wait for it.
func TestHang(t *testing.T) {
	for _, graph := range []bool{false, true} {
		s := softhip.New(t, softhip.Config{})
		runtime.LockOSThread()
		rt, err := hip.Open(hip.Options{Driver: s.Library, Deadline: 200 * time.Millisecond, GraphMarkEvery: 1})
		if err != nil {
			t.Fatal(err)
		}
		dev, err := rt.OpenDevice(0)
		if err != nil {
			t.Fatal(err)
		}
		d, err := New(t.Context(), rt, dev, Options{CacheDir: cacheDir(t)})
		if err != nil {
			t.Fatal(err)
		}
		q, err := d.NewQueue()
		if err != nil {
			t.Fatal(err)
		}
		w, err := d.Load(&gguf.Tensor{Name: "blk.5.ffn_norm.weight", Type: gguf.F32, Shape: []int{64}, Data: make([]byte, 256)})
		if err != nil {
			t.Fatal(err)
		}
		x, err := d.New("x", gguf.F32, 2, 64)
		if err != nil {
			t.Fatal(err)
		}
		pass := func(q compute.Queue) {
			q.Scale(x, x, 2)
			q.RMSNorm(x, x, w, 1e-5)
			q.Add(x, x, x)
		}
		var key compute.Key
		if graph {
			key.Segment = 1
			for range 2 {
				q.Run(key, pass)
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.Hang("rms_norm_short", 1)
		q.Run(key, pass)
		err = q.Sync()
		var hang *hip.HangError
		if !errors.As(err, &hang) || !strings.Contains(err.Error(), "layer 5 · ffn_norm RMSNorm [2×64]") {
			t.Errorf("graph=%v: got %v, want a hang of layer 5's norm", graph, err)
		}
		d.Abandon()
		d.Free(x)
		d.Free(w)
		_ = q.Close() // says that the device was abandoned
		_ = d.Close()
		_ = rt.Close()
		runtime.UnlockOSThread()
	}
}
