package hip

import (
	"errors"
	"math/rand/v2"
	"testing"

	"burble/hip/softhip"
)

func TestArena(t *testing.T) {
	g := newRig(t, softhip.Config{Memory: 64 << 20}, Options{SlabBytes: 1 << 20})
	rng := rand.New(rand.NewPCG(1, 2))
	type piece struct {
		b *Buffer
		n int64
	}
	var live []piece
	for range 2000 {
		if len(live) > 0 && rng.IntN(5) < 2 {
			i := rng.IntN(len(live))
			if err := live[i].b.Free(); err != nil {
				t.Fatal(err)
			}
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
			continue
		}
		n := 1 + rng.Int64N(1<<uint(4+rng.IntN(15)))
		b, err := g.d.Alloc("piece", n)
		if err != nil {
			t.Fatal(err)
		}
		s := b.Span()
		if s.address%alignment != 0 || s.n != n {
			t.Fatalf("address %#x, %d bytes of %d", s.address, s.n, n)
		}
		for _, p := range live {
			o := p.b.Span()
			if s.address < o.address+uintptr(o.n) && o.address < s.address+uintptr(s.n) {
				t.Fatalf("two buffers overlap: %#x+%d and %#x+%d", s.address, s.n, o.address, o.n)
			}
		}
		live = append(live, piece{b, n})
	}
	for _, p := range live {
		if err := p.b.Free(); err != nil {
			t.Fatal(err)
		}
		if err := p.b.Free(); err != nil { // a second time does nothing
			t.Fatal(err)
		}
	}
	if len(g.d.arena.slabs) != 1 {
		t.Errorf("%d slabs are kept, want 1", len(g.d.arena.slabs))
	}
	for _, s := range g.d.arena.slabs {
		if s.used != 0 || len(s.vacant) != 1 || s.vacant[0] != (extent{0, s.size}) {
			t.Errorf("an empty slab has %d used, free %v", s.used, s.vacant)
		}
	}
	if m := g.d.Memory(); m.Free != 64<<20 {
		t.Errorf("free %d, want all of it", m.Free)
	}
}

func TestOutOfMemory(t *testing.T) {
	g := newRig(t, softhip.Config{Memory: 8 << 20}, Options{SlabBytes: 1 << 20})
	a := g.buffer("weights", 6<<20)
	_, err := g.d.Alloc("KV cache", 3<<20)
	var e *OutOfMemory
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if e.Need != 3<<20 || e.Free != 2<<20 || e.Label != "KV cache" {
		t.Errorf("%+v", e)
	}
	if want := "hip: Software HIP device 0 (warps of 32): out of memory: KV cache needs 3.0 MiB, 2.0 MiB free"; err.Error() != want {
		t.Errorf("%q", err)
	}
	if err := a.Free(); err != nil {
		t.Fatal(err)
	}
	if b, err := g.d.Alloc("KV cache", 3<<20); err != nil {
		t.Error(err)
	} else if err := b.Free(); err != nil {
		t.Error(err)
	}
}

func TestInjectedOutOfMemory(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	g.soft.Fail("hipMalloc", 3, 2)
	for i := 1; i <= 4; i++ {
		b, err := g.d.Alloc("piece", 1000)
		var e *OutOfMemory
		if (i == 3) != errors.As(err, &e) {
			t.Errorf("allocation %d: %v", i, err)
		}
		if b != nil {
			if err := b.Free(); err != nil {
				t.Fatal(err)
			}
		}
	}
	g.soft.Fail("hipHostMalloc", 1, 2)
	var e *OutOfMemory
	if _, err := g.d.AllocPinned("logits", 100); !errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}

// A slab that no longer fits leaves room for what was asked for.
func TestArenaFallsBackToSmallSlab(t *testing.T) {
	g := newRig(t, softhip.Config{Memory: 3 << 20}, Options{SlabBytes: 2 << 20})
	g.buffer("a", 2<<20)
	g.buffer("b", 900<<10)
}

func TestSpanBounds(t *testing.T) {
	s := Span{4096, 100}
	if got := s.Slice(10, 20); got != (Span{4106, 20}) {
		t.Errorf("%+v", got)
	}
	for _, c := range [][2]int64{{-1, 5}, {0, 101}, {90, 11}, {5, -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("slice %v was allowed", c)
				}
			}()
			s.Slice(c[0], c[1])
		}()
	}
}
