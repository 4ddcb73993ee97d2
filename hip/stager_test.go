package hip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"burble/hip/softhip"
)

func TestStagerUploads(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			g := newRig(t, softhip.Config{Seed: seed}, Options{SlabBytes: 1 << 20})
			st, err := g.s.NewStager(StagerOptions{ChunkBytes: 4096, Chunks: 3, Readers: 4})
			if err != nil {
				t.Fatal(err)
			}
			sizes := []int64{1, 4096, 10_000, 68, 100_000, 12_288}
			var transfers []Transfer
			var want [][]byte
			for i, n := range sizes {
				data := make([]byte, n)
				for j := range data {
					data[j] = byte(j*7 + i)
				}
				want = append(want, data)
				granule := int64(0)
				if n == 68 || n == 100_000 {
					granule = 34
				}
				transfers = append(transfers, Transfer{Label: fmt.Sprint("t", i), Dst: g.buffer("t", n).Span(), Granule: granule,
					Read: func(p []byte, at int64) error {
						if granule > 0 && (at%granule != 0 || int64(len(p))%granule != 0 && at+int64(len(p)) != n) {
							return fmt.Errorf("part [%d:%d] is not whole blocks", at, at+int64(len(p)))
						}
						copy(p, data[at:])
						return nil
					}})
			}
			var total int64
			if err := st.Upload(context.Background(), transfers, func(n int64) { total += n }); err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			for i, n := range sizes {
				sum += n
				host := g.pinned(int(n))
				g.s.Download(host.Span(), transfers[i].Dst)
				g.sync()
				if !bytes.Equal(host.Bytes(), want[i]) {
					t.Errorf("transfer %d arrived damaged", i)
				}
			}
			if total != sum {
				t.Errorf("progress says %d bytes, want %d", total, sum)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			if err := st.Upload(context.Background(), nil, nil); !errors.Is(err, ErrClosed) {
				t.Errorf("uploading with a closed stager: %v", err)
			}
		})
	}
}

func TestStagerStops(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	st, err := g.s.NewStager(StagerOptions{ChunkBytes: 1 << 10, Chunks: 4, Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	dst := g.buffer("weights", 1<<20)
	ctx, cancel := context.WithCancel(context.Background())
	var reads atomic.Int64
	err = st.Upload(ctx, []Transfer{{Label: "w", Dst: dst.Span(), Read: func([]byte, int64) error {
		if reads.Add(1) == 20 {
			cancel()
		}
		return nil
	}}}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := reads.Load(); n > 40 {
		t.Errorf("%d chunks were read after the cancellation", n-20)
	}
	broken := errors.New("the disk is gone")
	err = st.Upload(context.Background(), []Transfer{{Label: "blk.0.attn_q.weight", Dst: dst.Span(), Read: func(_ []byte, at int64) error {
		if at >= 10<<10 {
			return broken
		}
		return nil
	}}}, nil)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "blk.0.attn_q.weight") {
		t.Errorf("got %v", err)
	}
	// The ring is whole again.
	if err := st.Upload(context.Background(), []Transfer{{Label: "w", Dst: dst.Span(), Read: func([]byte, int64) error { return nil }}}, nil); err != nil {
		t.Error(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func TestStagerHang(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{Deadline: 100 * time.Millisecond})
	st, err := g.s.NewStager(StagerOptions{ChunkBytes: 1 << 10, Chunks: 4, Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	dst := g.buffer("weights", 1<<20)
	g.soft.Hang("", 5)
	err = st.Upload(context.Background(), []Transfer{{Label: "blk.1.ffn_up.weight", Dst: dst.Span(), Read: func([]byte, int64) error { return nil }}}, nil)
	var hang *HangError
	if !errors.As(err, &hang) || hang.Op != "blk.1.ffn_up.weight upload" {
		t.Errorf("got %v", err)
	}
	g.d.Abandon()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}
