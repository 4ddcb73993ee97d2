package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// Pass is one trip of a few tokens through a run of blocks. The embedded queue gives a network its operations.
type Pass struct {
	compute.Queue
	Rows   int             // n: the tokens of the pass
	Bound  int             // upper bound on the cache's length, see compute.Attention.Bound
	Tokens *compute.Tensor // [n] I32
	Past   *compute.Tensor // [1] I32: tokens in the cache before these
	X      *compute.Tensor // [n, dim] the residual stream
	Cache  *Cache
	branch *compute.Tensor // still to be added to X, or nil
	temps  *temps
	host   *host // of experts that are on another device, or nil
	scales map[*compute.Tensor]float32

	rehearsal bool // nothing is computed
}

// Tmp returns a buffer [rows, cols] of the pass. Equal names with equal columns are the same memory, on every layer; the
// contents are undefined until written.
func (p *Pass) Tmp(name string, rows, cols int) *compute.Tensor { return p.temps.get(name, rows, cols) }

// TmpIDs is Tmp for I32.
func (p *Pass) TmpIDs(name string, rows, cols int) *compute.Tensor {
	f := p.temps.get(name, rows, cols) // as wide as I32
	if ids, ok := p.temps.ids[f]; ok {
		return ids
	}
	ids := *f
	ids.Type = gguf.I32
	if p.temps.ids == nil {
		p.temps.ids = map[*compute.Tensor]*compute.Tensor{}
	}
	p.temps.ids[f] = &ids
	return &ids
}

// Norm computes out [n, dim] = RMSNorm(p.X) · w, after adding what AddBranch left to add.
func (p *Pass) Norm(out, w *compute.Tensor, eps float32) {
	if p.branch == nil {
		p.RMSNorm(out, p.X, w, eps)
		return
	}
	compute.AddRMSNorm(p.Queue, out, p.X, p.X, p.branch, w, eps)
	p.branch = nil
}

// AddBranch adds b [n, dim] to the residual stream. It does so with the norm that follows, or else at the end of the
// segment, so b must stay as it is until then.
func (p *Pass) AddBranch(b *compute.Tensor) {
	p.flush()
	p.branch = b
}

// flush adds what is left to add.
func (p *Pass) flush() {
	if p.branch != nil {
		p.Add(p.X, p.X, p.branch)
		p.branch = nil
	}
}

// SelfAttention normalises and rotates queries and keys as s asks, stores keys and values in block i's cache, and
// attends to all of it: out and queries [n, heads, dim], keys and values [n, kvHeads, dim]. Without s.Rope.InvFreq
// there is no rotation.
func (p *Pass) SelfAttention(i int, out *compute.Tensor, s compute.RopeStore, a compute.Attention) {
	a.Bound = p.Bound
	kv := p.Cache.blocks[i]
	s.KCache, s.VCache, s.Past = kv.k, kv.v, p.Past
	if s.Rope.InvFreq != nil {
		compute.RopeStoreKV(p.Queue, s)
	} else {
		p.norm(s.Q, s.QNorm, s.Eps)
		p.norm(s.K, s.KNorm, s.Eps)
		p.StoreKV(s.KCache, s.VCache, s.K, s.V, s.Past)
	}
	p.Attend(out, s.Q, kv.k, kv.v, p.Past, a)
}

// SharedAttention is SelfAttention for a block that has no keys and values of its own: queries s.Q [n, heads, keyDim] are
// normalised and rotated as s asks, and attend to the cache of block from, which comes earlier and is on the same device.
func (p *Pass) SharedAttention(from int, out *compute.Tensor, s compute.RopeStore, a compute.Attention) {
	a.Bound = p.Bound
	kv := p.Cache.blocks[from]
	p.norm(s.Q, s.QNorm, s.Eps)
	if s.Rope.InvFreq != nil {
		p.Rope(s.Q, p.Past, s.Rope)
	}
	p.Attend(out, s.Q, kv.k, kv.v, p.Past, a)
}

// LatentAttention is SelfAttention where keys are latent [n, 1, rank] and then position [n, 1, ropeDim], and values are latent:
// the cache of block i holds them once. Queries q are [n, heads, rank + ropeDim], out is [n, heads, rank].
func (p *Pass) LatentAttention(i int, out, q, latent, position *compute.Tensor, a compute.Attention) {
	a.Bound = p.Bound
	rank, whole := latent.Dim(2), p.Cache.blocks[i].k
	values := whole.Slice(2, 0, rank)
	p.StoreKV(values, whole.Slice(2, rank, whole.Dim(2)), latent, position, p.Past)
	p.Attend(out, q, whole, values, p.Past, a)
}

// State returns the recurrent state of that name which block i keeps, see [Recurrent].
func (p *Pass) State(i int, name string) *compute.Tensor {
	for _, s := range p.Cache.blocks[i].states {
		if s.name == name {
			return s.tensor
		}
	}
	panic(fmt.Sprintf("model: block %d has no state %q", i, name)) // the dry pass at load comes by here
}

// temps are the buffers of a segment. A dry pass at load finds out which ones there are.
type temps struct {
	dry   *compute.Recorder // set during the dry pass
	keys  []bufferKey
	rows  map[bufferKey]int
	whole map[bufferKey]*compute.Tensor
	views map[viewKey]*compute.Tensor         // of the first rows, so that a pass allocates nothing
	ids   map[*compute.Tensor]*compute.Tensor // the same memory as I32
	err   error
}

type bufferKey struct {
	name string
	cols int
}

type viewKey struct {
	bufferKey
	rows int
}

// add notes a buffer that will be needed.
func (t *temps) add(name string, rows, cols int) {
	if t.rows == nil {
		t.rows = map[bufferKey]int{}
	}
	key := bufferKey{name, cols}
	old, seen := t.rows[key]
	if !seen {
		t.keys = append(t.keys, key)
	}
	t.rows[key] = max(rows, old)
}

func (t *temps) get(name string, rows, cols int) *compute.Tensor {
	if t.dry != nil {
		t.add(name, rows, cols)
		return t.dry.Tensor(name, gguf.F32, rows, cols)
	}
	key := viewKey{bufferKey{name, cols}, rows}
	if v, ok := t.views[key]; ok {
		return v
	}
	v := t.whole[key.bufferKey].Slice(0, 0, rows)
	t.views[key] = v
	return v
}

// bytes is the memory of all buffers.
func (t *temps) bytes() int64 {
	var n int64
	for key, rows := range t.rows {
		n += 4 * int64(rows) * int64(key.cols)
	}
	return n
}

func (t *temps) allocate(newTensor func(label string, typ gguf.Type, shape ...int) *compute.Tensor) {
	t.whole = map[bufferKey]*compute.Tensor{}
	t.views = map[viewKey]*compute.Tensor{}
	t.ids = nil
	for _, key := range t.keys {
		t.whole[key] = newTensor(key.name, gguf.F32, t.rows[key], key.cols)
	}
}

func readFloats(q compute.Queue, dst []float32, src *compute.Tensor) error {
	if len(dst) != src.Len() {
		return fmt.Errorf("model: %d elements don't fit %s", len(dst), src)
	}
	q.Read(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 4*len(dst)), src) // the supported machines are little-endian
	return q.Sync()
}

// int32Bytes is past and then the ids, as the device stores them.
func int32Bytes(past int32, ids []int32) []byte {
	b := make([]byte, 0, 4+4*len(ids))
	b = binary.LittleEndian.AppendUint32(b, uint32(past))
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return b
}

// attentionScale is the usual scale of attention logits.
func attentionScale(keyDim int) float32 { return float32(1 / math.Sqrt(float64(keyDim))) }
