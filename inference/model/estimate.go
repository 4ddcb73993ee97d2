package model

import (
	"slices"
	"strings"

	"burble/gguf"
	"burble/inference/compute"
)

// Needs is the memory a model takes, in bytes, for choosing a placement before anything is loaded.
type Needs struct {
	Layers  []int64 // weights and cache of each block
	Experts []int64 // how much of that are the weights of experts, which can stay with the CPU
	Input   int64   // the token embedding and whatever else comes before the first block
	Output  int64   // the final norm and the output projection, and the logits
	Tied    int64   // what Input and Output share where they are on one device
	Work    int64   // buffers of a pass, on every device that runs a block
	Cache   int64   // how much of Layers is KV cache and recurrent state

	// apart[i] says whether blocks i−1 and i may be on different devices; nil: all may.
	apart []bool
}

// Total is the memory of the whole model on one device.
func (n Needs) Total() int64 {
	total := n.Input + n.Output - n.Tied + n.Work
	for _, b := range n.Layers {
		total += b
	}
	return total
}

// Apart reports whether blocks i−1 and i may be on different devices.
func (n Needs) Apart(i int) bool { return i <= 0 || i >= len(n.apart) || n.apart[i] }

// Estimate predicts what the model of f takes with a cache of size tokens and KV type kv, and passes of rows tokens. It binds
// the network and runs it on a device that only counts, so the numbers are those of a load.
func Estimate(f *gguf.File, kv gguf.Type, size, rows int) (Needs, error) {
	arch, layers, err := Architecture(f)
	if err != nil {
		return Needs{}, err
	}
	l, net, err := bind(f, arch, OnOne(compute.NewRecorder(), layers), size)
	if err != nil {
		return Needs{}, err
	}
	n := Needs{Layers: make([]int64, layers), Experts: make([]int64, layers)}
	for b := range n.Layers {
		n.Layers[b] = blockCacheBytes(net, b, size, rows, kv)
		n.Cache += n.Layers[b]
	}
	for i := range l.wants {
		switch w := &l.wants[i]; {
		case w.block >= 0:
			n.Layers[w.block] += w.bytes()
			if w.expert {
				n.Experts[w.block] += w.bytes()
			}
		case w.label == "token_embd.weight" && l.tied:
			n.Tied = w.bytes()
			n.Input += n.Tied
			n.Output += n.Tied
		case strings.HasPrefix(w.label, "output"):
			n.Output += w.bytes()
		default:
			n.Input += w.bytes()
		}
	}
	n.Output += int64(min(headRows, rows)) * int64(l.Vocab) * 4
	dry, err := dryTemps(net, &l.Config, rows)
	if err != nil {
		return Needs{}, err
	}
	n.Work = dry.bytes() + 4*int64(rows)*int64(l.Dim+1)
	n.apart = apart(net, layers)
	return n, nil
}

// Sharer is a network with blocks that attend to the keys and values of an earlier one.
type Sharer interface {
	// KVFrom is the block whose cache block i reads: i itself where it has its own.
	KVFrom(i int) int
}

// Inseparable is a network whose blocks may have to be all on one device.
type Inseparable interface {
	Inseparable() bool
}

// apart says before which blocks a model can be cut: not between one and another that reads its cache.
func apart(net Network, layers int) []bool {
	cut := make([]bool, layers)
	if n, ok := net.(Inseparable); ok && n.Inseparable() {
		return cut
	}
	for i := range cut {
		cut[i] = true
	}
	if s, ok := net.(Sharer); ok {
		for i := range layers {
			for b := s.KVFrom(i) + 1; b <= i; b++ {
				cut[b] = false
			}
		}
	}
	return cut
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
				if d == 0 {
					need -= n.Tied
				}
			}
			if free < need {
				break
			}
			free -= need
			left--
			counts[d]++
		}
		for counts[d] > 0 && !n.Apart(left) { // what belongs together stays together
			counts[d]--
			left++
		}
	}
	return counts, left
}

// HostExperts says how many blocks, from the first on, have to leave their experts to the CPU for the rest of the model to
// fit a device with b, and whether that is enough.
func (n Needs) HostExperts(b Budget) (blocks int, ok bool) {
	total := n.Total()
	for blocks < len(n.Experts) && total > b.Free {
		total -= n.Experts[blocks]
		blocks++
	}
	return blocks, total <= b.Free && blocks > 0
}

// WithoutExperts is n for a device that need not hold the experts of the first so many blocks.
func (n Needs) WithoutExperts(blocks int) Needs {
	n.Layers, n.Experts = slices.Clone(n.Layers), slices.Clone(n.Experts)
	for i := range min(blocks, len(n.Experts)) {
		n.Layers[i] -= n.Experts[i]
		n.Experts[i] = 0
	}
	return n
}
