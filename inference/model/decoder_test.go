package model

import (
	"math"
	"slices"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/compute"
	"burble/inference/model/modeltest"
)

// loader opens a tiny file with further metadata, for reading hyperparameters.
func loader(t *testing.T, o modeltest.Options) *Loader {
	t.Helper()
	f, err := gguf.Open(modeltest.Write(t, o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	config, h, err := readConfig(f, "qwen3")
	if err != nil {
		t.Fatal(err)
	}
	r := compute.NewRecorder()
	return &Loader{Config: config, file: f, hyper: h, place: OnOne(r, config.Layers), bound: map[string]*compute.Tensor{}}
}

func TestWindows(t *testing.T) {
	const window, pattern = "qwen3.attention.sliding_window", "qwen3.attention.sliding_window_pattern"
	for name, test := range map[string]struct {
		set  map[string]any
		want []int
	}{
		"none":              {nil, []int{0, 0, 0, 0, 0}},
		"the family's":      {map[string]any{window: uint32(8)}, []int{8, 8, 0, 8, 8}},
		"every other":       {map[string]any{window: uint32(8), pattern: uint32(2)}, []int{8, 0, 8, 0, 8}},
		"one by one":        {map[string]any{window: uint32(8), pattern: []bool{false, true, true, false, false}}, []int{0, 8, 8, 0, 0}},
		"beyond the blocks": {map[string]any{window: uint32(8), pattern: []bool{true, true, true, true, false, true}}, []int{8, 8, 8, 8, 0}},
	} {
		l := loader(t, modeltest.Options{Layers: 5, Set: test.set})
		if got := l.windows(3); !slices.Equal(got, test.want) || l.err != nil || l.hyper.err != nil {
			t.Errorf("%s: windows %v, want %v (%v, %v)", name, got, test.want, l.err, l.hyper.err)
		}
	}
	l := loader(t, modeltest.Options{Layers: 5, Set: map[string]any{window: uint32(8), pattern: []bool{true, false}}})
	if l.windows(3); l.err == nil || !strings.Contains(l.err.Error(), "2 values for 5 layers") {
		t.Errorf("too short a pattern: error %v", l.err)
	}
}

func TestRouting(t *testing.T) {
	family := compute.Routing{Gate: compute.GateSigmoid, Normalise: true, GroupTop: 1, Eps: 1e-20}
	got := loader(t, modeltest.Options{}).routing(family)
	if got != family {
		t.Errorf("without metadata: %+v, want the family's %+v", got, family)
	}
	l := loader(t, modeltest.Options{Set: map[string]any{
		"qwen3.expert_gating_func": uint32(1), "qwen3.expert_weights_norm": false, "qwen3.expert_weights_scale": float32(2.5),
		"qwen3.expert_group_count": uint32(8), "qwen3.expert_group_used_count": uint32(4),
	}})
	want := compute.Routing{Gate: compute.GateSoftmax, Scale: 2.5, Groups: 8, GroupsUsed: 4, GroupTop: 1, Eps: 1e-20}
	if got := l.routing(family); got != want || l.err != nil {
		t.Errorf("with metadata: %+v, want %+v (%v)", got, want, l.err)
	}
	l = loader(t, modeltest.Options{Set: map[string]any{"qwen3.expert_gating_func": uint32(9)}})
	if l.routing(family); l.err == nil || !strings.Contains(l.err.Error(), "gating function 9") {
		t.Errorf("an unknown gate: error %v", l.err)
	}
}

// TestPredictLayers wants blocks for multi-token prediction left out, and a file of nothing else refused.
func TestPredictLayers(t *testing.T) {
	set := func(n uint32) map[string]any { return map[string]any{"qwen3.nextn_predict_layers": n} }
	if l := loader(t, modeltest.Options{Layers: 3, Set: set(1)}); l.Layers != 2 {
		t.Errorf("%d of 3 blocks are run, want 2", l.Layers)
	}
	_, err := open(t, modeltest.Options{Layers: 3, Set: set(3)}, compute.NewRecorder(), 4)
	if err == nil || !strings.Contains(err.Error(), "nextn_predict_layers is 3 of 3") {
		t.Errorf("error %v for a file of nothing but such blocks", err)
	}
}

// TestYaRNFractions wants gpt-oss's blend between pairs for the published models only, see rope.
func TestYaRNFractions(t *testing.T) {
	table := func(arch string, original uint32) []float32 {
		l := loader(t, modeltest.Options{Set: map[string]any{
			"qwen3.rope.scaling.type": "yarn", "qwen3.rope.scaling.factor": float32(32),
			"qwen3.rope.scaling.original_context_length": original,
		}})
		l.Arch, l.RopeDim = arch, 64
		return l.rope(150000).invFreq
	}
	if slices.Equal(table("gpt-oss", 4096), table("qwen3", 4096)) {
		t.Error("gpt-oss's published models have the ends of the blend rounded")
	}
	if !slices.Equal(table("gpt-oss", 128), table("qwen3", 128)) {
		t.Error("another gpt-oss has not")
	}
	// The first pair is fast and stays, the last one is slow and is divided by the factor.
	got, last := table("gpt-oss", 4096), math.Pow(150000, -62.0/64)/32
	if got[0] != 1 || math.Abs(float64(got[31])/last-1) > 1e-6 {
		t.Errorf("angles from %v to %v, want 1 to %v", got[0], got[31], last)
	}
}

// TestExpertOps asserts the operations of a block's experts with a shared one, in order, on the device that computes nothing.
func TestExpertOps(t *testing.T) {
	f, err := gguf.Open("testdata/goldens/qwen2_moe/model.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := compute.NewRecorder()
	l, net, err := bind(f, "qwen2moe", OnOne(r, 2), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.load(t.Context(), []compute.Queue{r}, func(int64, int64) {}); err != nil && !strings.Contains(err.Error(), "recorder") {
		t.Fatal(err)
	}
	r.Ops = nil
	p := &Pass{Queue: r, Rows: 5, temps: &temps{dry: r}}
	x := r.Tensor("x", gguf.F32, 5, l.Dim)
	net.(*decoder).blocks[0].ffn.run(p, x, x)
	var got []string
	for _, op := range r.Ops {
		name, out, _ := strings.Cut(op, " ")
		out, _, _ = strings.Cut(out, " ←")
		got = append(got, name+" "+out)
	}
	want := []string{
		"MatMul shared gate F32 [5×32]", "MatMul shared up F32 [5×32]", "GLU(silu) shared gate F32 [5×32]",
		"MatMul shared down F32 [5×32]", "MatMul shared weight F32 [5×1]", "Activate(sigmoid) shared weight F32 [5×1]",
		"Combine shared F32 [5×32]",
		"MatMul router F32 [5×6]", "Route expert weights F32 [5×2]",
		"MatMulExperts expert gate F32 [5×2×16]", "MatMulExperts expert up F32 [5×2×16]", "GLU(silu) expert up F32 [5×2×16]",
		"MatMulExperts expert down F32 [5×2×32]", "Combine x F32 [5×32]",
		"Add x F32 [5×32]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("operations:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
