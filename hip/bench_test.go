package hip

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"burble/hip/softhip"
)

// BenchmarkCall is the cost of reaching C and back: of hipRuntimeGetVersion, which does nothing.
func BenchmarkCall(b *testing.B) {
	g := newRig(b, softhip.Config{}, Options{})
	version := new(int32)
	b.ReportAllocs()
	for b.Loop() {
		call(g.r.drv.runtimeVersion, uintptr(unsafe.Pointer(version)))
	}
}

// BenchmarkLaunch issues an empty kernel with six arguments: packing, the call, the flight recorder and its mark. The
// software device queues it; running it is not counted.
func BenchmarkLaunch(b *testing.B) {
	g := newRig(b, softhip.Config{}, Options{SlabBytes: 1 << 20})
	x := g.buffer("x", 1024)
	f := g.function(g.module(), "many")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		g.s.Label(Op{Layer: n, Tensor: "attn_q", Name: "matmul", Shape: [4]int32{1, 4096}})
		g.s.Launch(f, Dim{X: 1}, Dim{X: 1}, 0, g.s.Args().Span(x.Span()).Span(x.Span()).Span(x.Span()).I32(n).I32(n).F32(1))
		if n++; n%1000 == 0 {
			b.StopTimer()
			g.sync()
			b.StartTimer()
		}
	}
}

// BenchmarkSoftKernel is the speed of the software device itself: rows of 4096 summed by blocks of 256 threads, with
// warp shuffles and a barrier.
func BenchmarkSoftKernel(b *testing.B) {
	const rows, n = 256, 4096
	g := newRig(b, softhip.Config{}, Options{})
	x, out := g.buffer("x", rows*n*4), g.buffer("out", rows*4)
	f := g.function(g.module(), "row_sum")
	g.s.Fill(x.Span(), 0)
	b.SetBytes(rows * n * 4)
	for b.Loop() {
		g.s.Launch(f, Dim{X: rows}, Dim{X: 256}, 0, g.s.Args().Span(out.Span()).Span(x.Span()).I32(n))
		g.sync()
	}
}

// BenchmarkSync is a wait for nothing.
func BenchmarkSync(b *testing.B) {
	g := newRig(b, softhip.Config{}, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := g.s.Sync(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// A launch allocates nothing in Go.
func TestLaunchAllocatesNothing(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x := g.buffer("x", 1024)
	f := g.function(g.module(), "many")
	n := testing.AllocsPerRun(500, func() {
		g.s.Label(Op{Layer: 3, Tensor: "attn_q", Name: "matmul", Shape: [4]int32{1, 4096}})
		g.s.Launch(f, Dim{X: 1}, Dim{X: 1}, 0, g.s.Args().Span(x.Span()).Span(x.Span()).Span(x.Span()).I32(1).I32(2).F32(1))
		g.s.Fill32(x.Span(), 0)
	})
	if n != 0 && !raceDetector {
		t.Errorf("%g allocations", n)
	}
	g.sync()
}

func TestPaceSpinsAroundTheExpectedEnd(t *testing.T) {
	p := pace{last: 4 * time.Millisecond}
	for _, c := range []struct {
		elapsed time.Duration
		spin    bool
	}{{10 * time.Microsecond, true}, {time.Millisecond, false}, {2500 * time.Microsecond, true}, {3900 * time.Microsecond, true},
		{4200 * time.Microsecond, true}, {5500 * time.Microsecond, true}, {10 * time.Millisecond, false}, {time.Minute, false}} {
		d := p.sleep(c.elapsed)
		if (d == 0) != c.spin || d > sleepMax {
			t.Errorf("after %s: sleep %s", c.elapsed, d)
		}
		// No sleep goes far past the moment that is expected.
		if d > 0 && c.elapsed < p.last && c.elapsed+d+oversleep > p.last {
			t.Errorf("after %s: sleep %s, past the expected end", c.elapsed, d)
		}
	}
	// A token shorter than a sleep is never slept through, whatever is known of the last one.
	for _, last := range []time.Duration{0, 300 * time.Microsecond, 1300 * time.Microsecond} {
		p.last = last
		for elapsed := time.Duration(0); elapsed < 1500*time.Microsecond; elapsed += 50 * time.Microsecond {
			if d := p.sleep(elapsed); d != 0 {
				t.Errorf("the last wait took %s, and after %s it sleeps", last, elapsed)
			}
		}
	}
	// A wait expected to be long that turns out short is noticed soon.
	p.last = time.Second
	if d := p.sleep(4 * time.Millisecond); d > time.Millisecond/2+1 {
		t.Errorf("sleep %s after 4 ms", d)
	}
}
