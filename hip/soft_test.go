package hip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"burble/hip/softhip"
)

func TestKernels(t *testing.T) {
	for _, warp := range []int{32, 64} {
		for seed := uint64(1); seed <= 3; seed++ {
			t.Run(fmt.Sprintf("warp %d seed %d", warp, seed), func(t *testing.T) {
				g := newRig(t, softhip.Config{Warp: warp, Seed: seed}, Options{})
				if w := g.d.Info().WarpSize; w != warp {
					t.Fatalf("warp size %d, want %d", w, warp)
				}
				m := g.module()
				const rows, n = 5, 300
				x, out := g.buffer("x", rows*n*4), g.buffer("out", rows*4)
				host, back := g.pinned(rows*n*4), g.pinned(rows*4)
				v := make([]float32, rows*n)
				for i := range v {
					v[i] = float32(i % 7)
				}
				putFloats(host.Bytes(), v)
				g.s.Upload(x.Span(), host.Span())
				// x = x + 2x, then the sum of each row
				g.s.Launch(g.function(m, "axpy"), Dim{X: rows * n / 100}, Dim{X: 100}, 0,
					g.s.Args().Span(x.Span()).Span(x.Span()).F32(2).I32(rows*n))
				g.s.Launch(g.function(m, "row_sum"), Dim{X: rows}, Dim{X: 256}, 0, g.s.Args().Span(out.Span()).Span(x.Span()).I32(n))
				g.s.Download(back.Span(), out.Span())
				g.sync()
				for r := range rows {
					want := float32(0)
					for _, f := range v[r*n : (r+1)*n] {
						want += 3 * f
					}
					if got := getFloat(back.Bytes(), r); got != want {
						t.Errorf("row %d: sum %g, want %g", r, got, want)
					}
				}
			})
		}
	}
}

func TestSharedMemoryAndStructArguments(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	m := g.module()
	x, host := g.buffer("x", 128*4), g.pinned(128*4)
	for i := range 128 {
		binary.LittleEndian.PutUint32(host.Bytes()[4*i:], uint32(i))
	}
	g.s.Upload(x.Span(), host.Span())
	g.s.Launch(g.function(m, "reverse"), Dim{}, Dim{X: 128}, 128*4, g.s.Args().Span(x.Span()).I32(128))
	pair := make([]byte, 16)
	binary.LittleEndian.PutUint64(pair, uint64(x.Span().address))
	binary.LittleEndian.PutUint32(pair[8:], 5)
	g.s.Launch(g.function(m, "store"), Dim{}, Dim{X: 32}, 0, g.s.Args().Bytes(pair, 8).I64(1<<40+1000).U32(7))
	g.s.Download(host.Span(), x.Span())
	g.sync()
	for i := range 128 {
		want := 127 - i
		if i == 5 {
			want = 1007
		}
		if got := getInt(host.Bytes(), i); got != want {
			t.Fatalf("x[%d] = %d, want %d", i, got, want)
		}
	}
}

func TestForgottenBarrierIsSeen(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x, host := g.buffer("x", 64*4), g.pinned(64*4)
	for i := range 64 {
		binary.LittleEndian.PutUint32(host.Bytes()[4*i:], uint32(i))
	}
	g.s.Upload(x.Span(), host.Span())
	g.s.Launch(g.function(g.module(), "forgets_barrier"), Dim{}, Dim{X: 64}, 64*4, g.s.Args().Span(x.Span()).I32(64))
	g.s.Download(host.Span(), x.Span())
	g.sync()
	wrong := 0
	for i := range 64 {
		if getInt(host.Bytes(), i) != 63-i {
			wrong++
		}
	}
	if wrong == 0 {
		t.Error("a kernel without its barrier computed the right result")
	}
}

func TestDivergentBarrierIsReported(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x := g.buffer("x", 4)
	g.s.Label(Op{Layer: 2, Tensor: "attn_q", Name: "matmul", Shape: [4]int32{1, 64}})
	g.s.Launch(g.function(g.module(), "half_barrier"), Dim{}, Dim{X: 32}, 0, g.s.Args().Span(x.Span()))
	err := g.s.Sync(context.Background())
	var e *Error
	if !errors.As(err, &e) || e.Name != "hipErrorLaunchFailure" || !strings.Contains(e.Op, "layer 2 · attn_q matmul [1×64]") {
		t.Errorf("got %v, want a launch failure of layer 2", err)
	}
	if r := g.soft.Reports(); len(r) != 1 || !strings.Contains(r[0], "wait for each other") {
		t.Errorf("reports %q", r)
	}
	g.d.Abandon()
	g.soft.Hang("", 0) // nothing can be released after a fault
}

func TestOutOfBoundsIsReported(t *testing.T) {
	for _, c := range []struct {
		at    int
		fatal bool
		want  string
	}{
		{10, false, "0 bytes beyond the end of device memory of 40 bytes"},
		{-1, false, "before the start"},
		{1 << 10, true, "kernel poke, block (0,0,0), thread (3,0,0) touched"},
	} {
		t.Run(fmt.Sprint(c.at), func(t *testing.T) {
			g := newRig(t, softhip.Config{}, Options{})
			x := g.buffer("x", 40)
			g.s.Launch(g.function(g.module(), "poke"), Dim{}, Dim{X: 32}, 0, g.s.Args().Span(x.Span()).I32(c.at))
			err := g.s.Sync(context.Background())
			if (err != nil) != c.fatal {
				t.Errorf("error %v", err)
			}
			if r := g.soft.Reports(); len(r) != 1 || !strings.Contains(r[0], c.want) {
				t.Errorf("reports %q, want %q", r, c.want)
			}
			if c.fatal {
				g.d.Abandon()
				g.soft.Hang("", 0)
			}
		})
	}
}

// The ancestor's bug: a copy on the default stream while kernels run on a stream of their own.
func TestPlantedDefaultStreamCopyIsReported(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			g := newRig(t, softhip.Config{Seed: seed}, Options{})
			x, host := g.buffer("x", 1024), g.pinned(1024)
			g.s.Fill(x.Span(), 1)
			g.sync()
			g.s.Launch(g.function(g.module(), "poke"), Dim{}, Dim{X: 32}, 0, g.s.Args().Span(x.Span()).I32(0))
			if st := g.soft.DefaultCopy(host.Span().address, x.Span().address, 1024); st != 0 {
				t.Fatalf("hipMemcpy returned %d", st)
			}
			g.sync()
			r := g.soft.Reports()
			if len(r) == 0 || !strings.Contains(r[0], "kernel poke writes and hipMemcpy on the default stream (1024 bytes) reads") {
				t.Errorf("seed %d: reports %q", seed, r)
			}
			// And ordered by a wait, the same copy is fine.
			g.soft.DefaultFill(x.Span().address, 3, 1024)
			if r := g.soft.Reports(); len(r) != 0 {
				t.Errorf("seed %d: a fill after a wait was reported: %q", seed, r)
			}
		})
	}
}

func TestHostReadBeforeSyncIsReported(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x, host := g.buffer("x", 64), g.pinned(64)
	g.s.Fill(x.Span(), 9)
	g.s.Download(host.Span(), x.Span())
	g.soft.HostRead(host.Bytes())
	if r := g.soft.Reports(); len(r) != 1 || !strings.Contains(r[0], "a download of 64 bytes writes and the host reads") {
		t.Errorf("reports %q", r)
	}
	if host.Bytes()[0] != 0xff {
		t.Errorf("the destination of a pending download holds %#x, want poison", host.Bytes()[0])
	}
	g.sync()
	g.soft.HostRead(host.Bytes())
	if host.Bytes()[0] != 9 {
		t.Errorf("after Sync the destination holds %d, want 9", host.Bytes()[0])
	}
}

func TestHostWriteDuringUploadIsReported(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x, host := g.buffer("x", 64), g.pinned(64)
	g.s.Upload(x.Span(), host.Span())
	host.Bytes()[3] = 1
	g.sync()
	if r := g.soft.Reports(); len(r) != 1 || !strings.Contains(r[0], "the host wrote to pinned memory while an upload") {
		t.Errorf("reports %q", r)
	}
}

func TestFreshMemoryIsPoisoned(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x, host := g.buffer("x", 64), g.pinned(64)
	g.s.Download(host.Span(), x.Span())
	g.sync()
	if f := getFloat(host.Bytes(), 3); f == f {
		t.Errorf("fresh memory is %g, want NaN", f)
	}
}

func TestHangIsNamed(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			g := newRig(t, softhip.Config{Seed: seed}, Options{Deadline: 200 * time.Millisecond})
			x := g.buffer("x", 1024)
			f := g.function(g.module(), "poke")
			g.soft.Hang("poke", 3)
			for layer := range 5 {
				g.s.Label(Op{Layer: layer, Tensor: "attn_norm", Name: "rmsnorm", Shape: [4]int32{1, 3584}})
				g.s.Fill(x.Span(), 0)
				g.s.Label(Op{Layer: layer, Tensor: "ffn_norm", Name: "rmsnorm", Shape: [4]int32{1, 3584}})
				g.s.Launch(f, Dim{}, Dim{X: 32}, 0, g.s.Args().Span(x.Span()).I32(0))
			}
			start := time.Now()
			err := g.s.Sync(context.Background())
			var hang *HangError
			if !errors.As(err, &hang) {
				t.Fatalf("got %v, want a HangError", err)
			}
			if want := "layer 2 · ffn_norm rmsnorm [1×3584] did not complete in "; !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %q, want %q", err, want)
			}
			if hang.Pending != 5 || hang.Sequence != 6 {
				t.Errorf("sequence %d, %d pending; want 6 and 5", hang.Sequence, hang.Pending)
			}
			if d := time.Since(start); d < 200*time.Millisecond || d > 5*time.Second {
				t.Errorf("it took %s", d)
			}
			if again := g.s.Sync(context.Background()); !errors.Is(again, err) {
				t.Errorf("a second Sync returned %v", again)
			}
			var report strings.Builder
			if err := g.r.Report(&report); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.String(), "> 6 layer 2 · ffn_norm rmsnorm [1×3584] · kernel poke grid 1×1×1 block 32×1×1") {
				t.Errorf("the report does not mark the operation:\n%s", report.String())
			}
			g.d.Abandon()
			if _, err := g.d.Alloc("after", 4); !errors.Is(err, ErrAbandoned) {
				t.Errorf("allocating on an abandoned device: %v", err)
			}
		})
	}
}

func TestHangInsideGraphIsNamed(t *testing.T) {
	for _, every := range []int{1, 4} {
		t.Run(fmt.Sprint("every ", every), func(t *testing.T) {
			g := newRig(t, softhip.Config{}, Options{Deadline: 200 * time.Millisecond, GraphMarkEvery: every})
			x := g.buffer("x", 1024)
			f := g.function(g.module(), "poke")
			graph, err := g.s.Capture(func() {
				for layer := range 10 {
					g.s.Label(Op{Layer: layer, Name: "poke"})
					g.s.Launch(f, Dim{}, Dim{X: 32}, 0, g.s.Args().Span(x.Span()).I32(0))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			g.s.Replay(graph)
			g.sync()
			g.soft.Hang("poke", 6)
			g.s.Replay(graph)
			err = g.s.Sync(context.Background())
			want := "layer 5 · poke did not complete in "
			if every == 4 {
				want = "layer 4 · poke (or one of the 3 operations after it) did not complete in "
			}
			if err == nil || !strings.HasPrefix(err.Error(), want) { // how long it waited depends on how busy the machine is
				t.Errorf("marks every %d: got %v, want %q…", every, err, want)
			}
			g.d.Abandon()
		})
	}
}

// A wait may last longer than the deadline as long as operations complete.
func TestProgressExtendsTheDeadline(t *testing.T) {
	g := newRig(t, softhip.Config{PerPoll: 1}, Options{Deadline: 250 * time.Millisecond})
	x := g.buffer("x", 4<<20)
	start := time.Now()
	for range 8 {
		g.s.Fill(x.Span(), 1)
	}
	g.sync()
	each := max(time.Since(start)/8, 10*time.Microsecond)
	n := int(500*time.Millisecond/each) + 1 // for twice the deadline
	for range n {
		g.s.Fill(x.Span(), 1)
	}
	start = time.Now()
	g.sync()
	if d := time.Since(start); d < 300*time.Millisecond {
		t.Errorf("the wait for %d operations took %s: too short to tell", n, d)
	}
}

// Later operations share marks, and a hang is known as far as they tell.
func TestHangAmongUnmarkedOperations(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{Deadline: 200 * time.Millisecond})
	x := g.buffer("x", 4)
	for range 8193 { // the last is beyond the dense marks
		g.s.Fill(x.Span(), 1)
	}
	g.sync()
	g.soft.Hang("", 4)
	for i := range 20 {
		g.s.Label(Op{Layer: i, Name: "fill"})
		g.s.Fill(x.Span(), 1)
	}
	var e *HangError
	err := g.s.Sync(context.Background())
	if !errors.As(err, &e) || e.Sequence != 8194 || e.Among != 7 || e.Pending != 20 {
		t.Errorf("got %+v", e)
	}
	if want := "layer 0 · fill (or one of the 6 operations after it) did not complete in "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	g.d.Abandon()
}

// Issuing to a device that hangs ends too, before the driver's queue is full, and the flight recorder still has the
// operation that hangs.
func TestHangWhileIssuing(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{Deadline: 200 * time.Millisecond})
	x := g.buffer("x", 4)
	for range flightSize {
		g.s.Fill(x.Span(), 1)
	}
	g.s.Label(Op{Layer: 9, Name: "stuck"})
	g.soft.Hang("", 1)
	issued := 0
	for range 10 * maxInFlight {
		g.s.Fill(x.Span(), 1)
		g.s.Label(Op{Layer: 10, Name: "later"})
		if g.s.Err() == nil {
			issued++
		}
	}
	var e *HangError
	if err := g.s.Sync(context.Background()); !errors.As(err, &e) || e.Op != "layer 9 · stuck" || e.Sequence != flightSize+1 {
		t.Errorf("got %+v", e)
	}
	if issued > maxInFlight || e.Pending > maxInFlight {
		t.Errorf("%d operations were issued and %d were pending, want at most %d", issued, e.Pending, maxInFlight)
	}
	var b strings.Builder
	if err := g.s.Flight(&b, 1<<20); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != flightSize {
		t.Errorf("%d lines", n)
	}
	g.d.Abandon()
}

// Many more operations than may be pending are issued one after the other without a wait, and all are done.
func TestThrottledOperationsAllRun(t *testing.T) {
	for _, every := range []int{0, 1, 1000} {
		t.Run(fmt.Sprint("marks every ", every), func(t *testing.T) {
			g := newRig(t, softhip.Config{PerPoll: 40}, Options{MarkEvery: every})
			x, one, host := g.buffer("x", 400), g.buffer("one", 400), g.pinned(400)
			f := g.function(g.module(), "axpy")
			g.s.Fill32(x.Span(), 0)
			g.s.Fill32(one.Span(), 0x3f800000)
			const n = 10_000
			for range n {
				g.s.Launch(f, Dim{}, Dim{X: 1}, 0, g.s.Args().Span(x.Span()).Span(one.Span()).F32(1).I32(1))
			}
			g.s.Download(host.Span(), x.Span())
			g.sync()
			if got := getFloat(host.Bytes(), 0); got != n {
				t.Errorf("%g of %d launches ran", got, n)
			}
		})
	}
}

func TestSyncEndsWithItsContext(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x := g.buffer("x", 4)
	g.soft.Hang("", 1)
	g.s.Fill(x.Span(), 1)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if err := g.s.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	g.d.Abandon()
}

func TestErrorsAreStickyUntilSync(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	x, y := g.buffer("x", 64), g.buffer("y", 32)
	g.s.Label(Op{Layer: 1, Tensor: "k", Name: "copy"})
	g.s.Copy(y.Span(), x.Span())
	g.s.Fill(x.Span(), 1) // does nothing
	err := g.s.Sync(context.Background())
	if err == nil || !strings.Contains(err.Error(), "layer 1 · k copy: source and destination differ in length") {
		t.Errorf("got %v", err)
	}
	g.sync()
	g.soft.Fail("hipMemsetD8Async", 2, 1)
	g.s.Fill(x.Span(), 1)
	g.s.Fill(x.Span(), 2)
	g.s.Fill(x.Span(), 3)
	var e *Error
	if err := g.s.Sync(context.Background()); !errors.As(err, &e) || e.Code != 1 || e.Call != "hipMemsetD8Async" {
		t.Errorf("got %v", err)
	}
	host := g.pinned(64)
	g.s.Download(host.Span(), x.Span())
	g.sync()
	if host.Bytes()[0] != 1 {
		t.Errorf("a fill after the failed one was done: %d", host.Bytes()[0])
	}
}

func TestSecondStreamIsRefused(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	if _, err := g.d.NewStream(); err == nil {
		t.Error("a second stream was made")
	}
}

func TestCloseNamesWhatWasLeftOpen(t *testing.T) {
	soft := softhip.New(t, softhip.Config{})
	r, err := Open(Options{Driver: soft.Library})
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.OpenDevice(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.NewStream(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Alloc("KV cache", 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AllocPinned("logits", 4096); err != nil {
		t.Fatal(err)
	}
	err = r.Close()
	for _, want := range []string{"buffer KV cache (1.0 MiB)", "pinned memory logits", "the stream", "device Software HIP device 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("closing says %v, want it to name %q", err, want)
		}
	}
}
