package hip

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"burble/hip/softhip"
)

func TestGraphReplays(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{GraphMarkEvery: 2})
	x, y := g.buffer("x", 400), g.buffer("y", 400)
	host := g.pinned(400)
	f := g.function(g.module(), "axpy")
	v := make([]float32, 100)
	for i := range v {
		v[i] = float32(i)
	}
	putFloats(host.Bytes(), v)
	g.s.Upload(x.Span(), host.Span())
	g.s.Fill32(y.Span(), 0)
	g.sync()
	before := g.soft.Kernels()
	graph, err := g.s.Capture(func() {
		for range 3 {
			g.s.Launch(f, Dim{X: 1}, Dim{X: 128}, 0, g.s.Args().Span(y.Span()).Span(x.Span()).F32(1).I32(100))
		}
		if _, err := g.d.Alloc("during a capture", 4); !errors.Is(err, ErrCapturing) {
			t.Errorf("allocating during a capture: %v", err)
		}
		if err := x.Free(); !errors.Is(err, ErrCapturing) {
			t.Errorf("freeing during a capture: %v", err)
		}
		if err := g.s.Sync(context.Background()); !errors.Is(err, ErrCapturing) {
			t.Errorf("waiting during a capture: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := g.soft.Kernels(); n != before {
		t.Errorf("capturing ran %d kernels", n-before)
	}
	if graph.Len() != 3 || graph.Nodes() != 5 {
		t.Errorf("%d operations and %d nodes, want 3 and 5 with two marks", graph.Len(), graph.Nodes())
	}
	for range 4 {
		g.s.Replay(graph)
	}
	g.s.Download(host.Span(), y.Span())
	g.sync()
	for i := range v {
		if got := getFloat(host.Bytes(), i); got != 12*float32(i) {
			t.Fatalf("y[%d] = %g, want %g", i, got, 12*float32(i))
		}
	}
	if err := graph.Close(); err != nil {
		t.Fatal(err)
	}
	g.s.Replay(graph)
	if err := g.s.Sync(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("replaying a closed graph: %v", err)
	}
}

func TestCaptureThatFailsTurnsGraphsOff(t *testing.T) {
	for _, call := range []string{"hipStreamBeginCapture", "hipStreamEndCapture", "hipGraphInstantiateWithFlags", "hipMemsetD8Async"} {
		t.Run(call, func(t *testing.T) {
			g := newRig(t, softhip.Config{}, Options{})
			x, host := g.buffer("x", 64), g.pinned(64)
			pass := func() { g.s.Fill(x.Span(), 5) }
			first, err := g.s.Capture(pass)
			if err != nil {
				t.Fatal(err)
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			g.soft.Fail(call, 1, 801)
			graph, err := g.s.Capture(pass)
			var e *CaptureError
			if graph != nil || !errors.As(err, &e) || !strings.Contains(err.Error(), call) {
				t.Fatalf("got %v", err)
			}
			if _, again := g.s.Capture(pass); again != err || g.s.GraphsOff() != err {
				t.Errorf("a second capture gives %v", again)
			}
			pass() // eager
			g.s.Download(host.Span(), x.Span())
			g.sync()
			if host.Bytes()[7] != 5 {
				t.Error("the operations did not run without a graph")
			}
		})
	}
}

// A driver that can't fill host memory inside a graph still gets graphs; a hang is then known as far as the graph.
func TestGraphWithoutMarks(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{Deadline: 200 * time.Millisecond, GraphMarkEvery: 1})
	x := g.buffer("x", 64)
	g.soft.Fail("hipMemsetD32Async", 1, 801)
	graph, err := g.s.Capture(func() {
		g.s.Fill(x.Span(), 1)
		g.s.Fill(x.Span(), 2)
	})
	if err != nil {
		t.Fatal(err)
	}
	if graph.Nodes() != 2 {
		t.Errorf("%d nodes, want 2", graph.Nodes())
	}
	g.s.Replay(graph)
	g.sync()
	g.soft.Hang("", 2)
	g.s.Replay(graph)
	err = g.s.Sync(context.Background())
	if want := "graph replay of 2 operations did not complete in "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	g.d.Abandon()
}

func TestEvents(t *testing.T) {
	g := newRig(t, softhip.Config{Seed: 7}, Options{})
	x := g.buffer("x", 1<<16)
	start, err := g.d.NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	end, err := g.d.NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := g.d.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	if done, err := plain.Done(); err != nil || !done {
		t.Errorf("an event never recorded: %v, %v", done, err)
	}
	g.s.Record(start)
	g.s.Fill(x.Span(), 1)
	g.s.Record(end)
	g.s.Wait(end)
	if err := end.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d, err := Elapsed(start, end); err != nil || d < 0 {
		t.Errorf("elapsed %v, %v", d, err)
	}
	if _, err := Elapsed(plain, end); err == nil {
		t.Error("the time since an event without one was given")
	}
	for _, e := range []*Event{start, end, plain} {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Two devices, whose streams are ordered by an event, pass data through pinned memory.
func TestTwoDevices(t *testing.T) {
	g := newRig(t, softhip.Config{Devices: 2, Seed: 3}, Options{})
	d2, err := g.r.OpenDevice(1)
	if err != nil {
		t.Fatal(err)
	}
	s2, err := d2.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	x, host, back := g.buffer("x", 64), g.pinned(64), g.pinned(64)
	y, err := d2.Alloc("y", 64)
	if err != nil {
		t.Fatal(err)
	}
	e, err := g.d.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	g.s.Fill32(x.Span(), 77)
	g.s.Download(host.Span(), x.Span())
	g.s.Record(e)
	s2.Wait(e)
	s2.Upload(y.Span(), host.Span())
	s2.Download(back.Span(), y.Span())
	if err := s2.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint32(back.Bytes()); got != 77 {
		t.Errorf("got %d", got)
	}
	// Without the event the upload may overtake the download, which is reported.
	g.s.Download(host.Span(), x.Span())
	s2.Upload(y.Span(), host.Span())
	if r := g.soft.Reports(); len(r) != 1 || !strings.Contains(r[0], "a download of 64 bytes writes and an upload of 64 bytes reads") {
		t.Errorf("reports %q", r)
	}
	g.sync()
	for _, err := range []error{s2.Sync(context.Background()), e.Close(), y.Free(), s2.Close(), d2.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
	if r := g.soft.Reports(); len(r) > 1 {
		t.Errorf("reports %q", r)
	}
}
