package model

import (
	"slices"
	"testing"

	"burble/gguf"
	"burble/inference/model/modeltest"
)

func TestPlace(t *testing.T) {
	n := Needs{Layers: []int64{10, 10, 10, 10}, Input: 5, Output: 7, Work: 3}
	for _, test := range []struct {
		free   []int64
		counts []int
		left   int
	}{
		{[]int64{55}, []int{4}, 0},            // all of it, to the byte
		{[]int64{54}, []int{3}, 1},            // the embedding does not fit
		{[]int64{9}, []int{0}, 4},             // not even the output
		{[]int64{20}, []int{1}, 3},            // the last block
		{[]int64{30, 28}, []int{2, 2}, 0},     // two devices share
		{[]int64{30, 27}, []int{2, 1}, 1},     // and don't quite fit
		{[]int64{1000, 1000}, []int{4, 0}, 0}, // the best device alone where it can
		{nil, []int{}, 4},
	} {
		var budgets []Budget
		for _, f := range test.free {
			budgets = append(budgets, Budget{f})
		}
		counts, left := n.Place(budgets)
		if !slices.Equal(counts, test.counts) || left != test.left {
			t.Errorf("%v: %v and %d left, want %v and %d", test.free, counts, left, test.counts, test.left)
		}
	}
}

func TestPlaceTogether(t *testing.T) {
	n := Needs{Layers: []int64{10, 10, 10, 10}, apart: []bool{true, true, false, false}}
	counts, left := n.Place([]Budget{{25}})
	if counts[0] != 0 || left != 4 {
		t.Errorf("two of three layers that belong together: %v and %d left", counts, left)
	}
	counts, left = n.Place([]Budget{{35}})
	if counts[0] != 3 || left != 1 {
		t.Errorf("three layers that belong together: %v and %d left, want 3 and 1", counts, left)
	}
}

func TestHostExperts(t *testing.T) {
	n := Needs{Layers: []int64{10, 10, 10}, Experts: []int64{0, 8, 8}, Work: 5}
	for _, test := range []struct {
		free   int64
		blocks int
		ok     bool
	}{{35, 0, false}, {27, 2, true}, {26, 3, true}, {19, 3, true}, {18, 3, false}} {
		if blocks, ok := n.HostExperts(Budget{test.free}); blocks != test.blocks || ok != test.ok {
			t.Errorf("%d free: %d blocks, %v; want %d, %v", test.free, blocks, ok, test.blocks, test.ok)
		}
	}
}

func TestEstimate(t *testing.T) {
	f, err := gguf.Open(modeltest.Write(t, modeltest.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := Estimate(f, gguf.F16, 100, 8)
	if err != nil {
		t.Fatal(err)
	}
	var weights int64
	for _, tensor := range f.Tensors {
		weights += tensor.Bytes()
	}
	const cache = 2 * 100 * 2 * (16 + 16) * 2 // layers, tokens, KV heads, keys and values, F16
	const logits = 8 * 262 * 4
	const angles = 8 * 4 // the RoPE table
	if got := n.Total() - n.Work; got != weights+cache+logits+angles {
		t.Errorf("%d bytes, want %d of weights, %d of cache and %d of logits", got, weights, cache, logits)
	}
	if n.Cache != cache {
		t.Errorf("a cache of %d bytes, want %d", n.Cache, cache)
	}
}
