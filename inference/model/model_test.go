package model

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/compute"
	"burble/inference/model/modeltest"
)

func open(t *testing.T, o modeltest.Options, dev compute.Device, rows int) (*Model, error) {
	t.Helper()
	f, err := gguf.Open(modeltest.Write(t, o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	_, layers, err := Architecture(f)
	if err != nil {
		return nil, err
	}
	return Open(context.Background(), f, OnOne(dev, layers), Options{Rows: rows}, func(int64, int64) {})
}

// TestPassOps asserts the operations of a block, in order, on the device that computes nothing.
func TestPassOps(t *testing.T) {
	f, err := gguf.Open(modeltest.Write(t, modeltest.Options{Arch: "qwen3", Layers: 1}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	config, h, err := readConfig(f, "qwen3")
	if err != nil {
		t.Fatal(err)
	}
	r := compute.NewRecorder()
	l := &Loader{Config: config, file: f, hyper: h, place: OnOne(r, 1), bound: map[string]*compute.Tensor{}}
	net := newQwen3(l)
	if l.err != nil {
		t.Fatal(l.err)
	}
	if err := l.load(context.Background(), []compute.Queue{r}, func(int64, int64) {}); err != nil && !strings.Contains(err.Error(), "recorder") {
		t.Fatal(err)
	}
	r.Ops = nil
	temps := temps{dry: r}
	p := &Pass{Queue: r, Rows: 5, Tokens: r.Tensor("tokens", gguf.I32, 5), Past: r.Tensor("past", gguf.I32, 1),
		X: r.Tensor("x", gguf.F32, 5, config.Dim), Cache: newDryCache(net, 1, r), temps: &temps}
	net.Embed(p)
	net.Layer(p, 0)
	p.flush()
	net.Head(p, r.Tensor("logits", gguf.F32, 1, config.Vocab), p.X.Slice(0, 4, 5))
	var got []string
	for _, op := range r.Ops {
		name, out, _ := strings.Cut(op, " ")
		out, _, _ = strings.Cut(out, " ←")
		got = append(got, name+" "+out)
	}
	want := []string{
		"Embed x F32 [5×64]",
		"RMSNorm h F32 [5×64]",
		"MatMul q F32 [5×64]", "MatMul k F32 [5×32]", "MatMul v F32 [5×32]",
		"RMSNorm q F32 [5×4×16]", "RMSNorm k F32 [5×2×16]",
		"Rope q F32 [5×4×16]", "Rope k F32 [5×2×16]",
		"StoreKV keys F16 [1×2×16]", "Attend attn F32 [5×4×16]",
		"MatMul h F32 [5×64]", "Add x F32 [5×64]",
		"RMSNorm h F32 [5×64]", "MatMul gate F32 [5×96]", "MatMul up F32 [5×96]", "GLU(silu) gate F32 [5×96]",
		"MatMul h F32 [5×64]", "Add x F32 [5×64]",
		"RMSNorm head F32 [1×64]", "MatMul logits F32 [1×262]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("operations:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestUnknownArchitecture(t *testing.T) {
	_, err := open(t, modeltest.Options{Arch: "qwen9"}, compute.NewRecorder(), 4)
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "nearest first: qwen2, qwen3") {
		t.Errorf("error %v does not name the nearest architectures", err)
	}
}

// TestWrongFiles takes away or damages what a model needs, and wants an error that names it.
func TestWrongFiles(t *testing.T) {
	for name, damage := range map[string]struct {
		set   map[string]any
		error string
	}{
		"no layers":           {map[string]any{"qwen3.block_count": uint32(0)}, "block_count is 0"},
		"endless layers":      {map[string]any{"qwen3.block_count": uint32(1 << 31)}, "block_count is 2147483648"},
		"too many layers":     {map[string]any{"qwen3.block_count": uint32(3)}, "no tensor blk.2."},
		"uneven heads":        {map[string]any{"qwen3.attention.head_count_kv": uint32(3)}, "4 query heads can't share 3"},
		"wrong width":         {map[string]any{"qwen3.embedding_length": uint32(32)}, "token_embd.weight"},
		"wide heads":          {map[string]any{"qwen3.attention.key_length": uint32(1 << 20)}, "attn_q.weight"},
		"odd rotation":        {map[string]any{"qwen3.rope.dimension_count": uint32(7)}, "rope.dimension_count is 7"},
		"a name for a number": {map[string]any{"qwen3.block_count": "two"}, "block_count is not a whole number"},
		"unknown scaling":     {map[string]any{"qwen3.rope.scaling.type": "magic"}, `"magic"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, modeltest.Options{Set: damage.set}, compute.NewRecorder(), 4)
			if err == nil || !strings.Contains(err.Error(), damage.error) {
				t.Errorf("error %v, want one with %q", err, damage.error)
			}
		})
	}
}

func TestPlacement(t *testing.T) {
	d := compute.NewRecorder()
	for _, p := range []Placement{
		{},
		{Devices: []compute.Device{d}, Until: []int{1}},
		{Devices: []compute.Device{d, d}, Until: []int{3, 2}},
		{Devices: []compute.Device{d}, Until: []int{1, 2}},
	} {
		if p.check(2) == nil {
			t.Errorf("placement %v of 2 layers is accepted", p.Until)
		}
	}
	l := &Loader{place: Placement{Devices: []compute.Device{d, d, d}, Until: []int{2, 2, 5}}}
	for i, want := range []int{0, 0, 2, 2, 2} {
		if got := l.Layer(i).device; got != want {
			t.Errorf("layer %d is on device %d, want %d", i, got, want)
		}
	}
}
