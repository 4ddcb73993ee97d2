package model

import (
	"fmt"
	"strings"

	"burble/gguf"
)

// Needs is the memory a model takes, in bytes, for choosing a placement before anything is loaded.
type Needs struct {
	Layers []int64 // weights and KV cache of each block
	Input  int64   // the token embedding and whatever else comes before the first block
	Output int64   // the final norm and the output projection, tied or not, and the logits
	Work   int64   // buffers of a pass, on every device that runs a block
}

// Total is the memory of the whole model on one device.
func (n Needs) Total() int64 {
	total := n.Input + n.Output + n.Work
	for _, b := range n.Layers {
		total += b
	}
	return total
}

// Estimate predicts what the model of f takes with a KV cache of size tokens of type kv, and passes of rows tokens.
func Estimate(f *gguf.File, kv gguf.Type, size, rows int) (Needs, error) {
	arch, layers, err := Architecture(f)
	if err != nil {
		return Needs{}, err
	}
	c, _, err := readConfig(f, arch)
	if err != nil {
		return Needs{}, err
	}
	n := Needs{Layers: make([]int64, layers)}
	cache := int64(c.KVHeads) * int64(c.KeyDim+c.ValueDim) * int64(size) * int64(kv.BlockBytes()) / int64(kv.BlockElements())
	for i := range n.Layers {
		n.Layers[i] = cache
	}
	tied := true
	for _, t := range f.Tensors {
		var block int
		switch _, err := fmt.Sscanf(t.Name, "blk.%d.", &block); {
		case err == nil && block >= 0 && block < layers:
			n.Layers[block] += t.Bytes()
		case strings.HasPrefix(t.Name, "output"):
			n.Output += t.Bytes()
			tied = tied && t.Name != "output.weight"
		default:
			n.Input += t.Bytes()
		}
	}
	if t, ok := f.Tensor("token_embd.weight"); ok && tied {
		n.Output += t.Bytes()
	}
	n.Output += headRows * int64(c.Vocab) * 4
	// A pass keeps the residual stream, queries, keys, values, the attention's output and the feed-forward's two halves.
	width := 3*c.Dim + c.Heads*(c.KeyDim+c.ValueDim) + c.KVHeads*(c.KeyDim+c.ValueDim) + 2*c.FFN
	n.Work = int64(rows) * int64(width) * 4
	return n, nil
}

// Budget is what a device has for a model, in bytes.
type Budget struct {
	Free int64 // 0: none; a device of the last resort, such as the CPU, is not asked
}

// Place says how many blocks each device of budgets runs, best device first, and how many are left over. The output goes
// with the last block, so the first device is filled from the end: its blocks are the last ones. Where everything fits
// the first device, it takes everything.
func (n Needs) Place(budgets []Budget) (counts []int, left int) {
	counts = make([]int, len(budgets))
	left = len(n.Layers)
	for d, b := range budgets {
		free := b.Free - n.Work
		if d == 0 {
			free -= n.Output
		}
		for left > 0 && free >= n.Layers[left-1] {
			need := n.Layers[left-1]
			if left == 1 { // the first block brings the embedding
				need += n.Input
			}
			if free < need {
				break
			}
			free -= need
			left--
			counts[d]++
		}
	}
	return counts, left
}
