package model

import (
	"errors"
	"fmt"
	"sync/atomic"

	"burble/gguf"
	"burble/inference/compute"
)

// KVSpec is the key and value cache of one block. Without Heads there is none. With a ValueDim of 0 values are a part of the
// keys (see Pass.LatentAttention), which needs a block without a window.
type KVSpec struct {
	Heads, KeyDim, ValueDim int
	// Window is how many positions a query of this block sees, itself included, or 0 for all. A block with a window
	// keeps no more than it needs for that.
	Window int
}

// KV is the spec of a block with the shared hyperparameters: a default that a network gets by embedding Config.
func (c *Config) KV(int) KVSpec {
	return KVSpec{Heads: c.KVHeads, KeyDim: c.KeyDim, ValueDim: c.ValueDim}
}

// Recurrent is a network that keeps more than keys and values: tensors of fixed size that every token changes.
type Recurrent interface {
	// State says what block i keeps, if anything.
	State(i int) []StateSpec
}

// StateSpec is a tensor of F32 that is zero before the first token.
type StateSpec struct {
	Name  string
	Shape []int
}

func (s StateSpec) bytes() int64 {
	n := int64(4)
	for _, d := range s.Shape {
		n *= int64(d)
	}
	return n
}

func statesOf(n Network, block int) []StateSpec {
	if r, ok := n.(Recurrent); ok {
		return r.State(block)
	}
	return nil
}

// Cache is the memory of one conversation: the keys and values of its tokens, and the recurrent states after them.
//
// Keys and values of a block without a window have a slot for every position. Those of a block with one are a ring, in
// which the window and the tokens of one pass find room. A recurrent state is that of one length only. So a cache can
// always be extended and emptied, but not always cut back: see [Cache.CanTruncate] and [Cache.Save].
type Cache struct {
	id     int
	size   int
	rows   int // the most tokens of a pass
	blocks []cacheBlock
	owned  []*compute.Tensor
	queues []compute.Queue // that may still be using it

	length int  // tokens that the recurrent states have seen
	high   int  // a token at this position or later was never stored
	broken bool // a pass ended half way, so the recurrent states are of no length at all
}

type cacheBlock struct {
	k, v   *compute.Tensor // [slots, kvHeads, dim], or nil
	window int             // of a ring; 0 where every position has a slot
	states []state
	queue  compute.Queue
}

type state struct {
	name   string
	tensor *compute.Tensor
}

var cacheIDs atomic.Int64 // tells the captured passes of one cache from another's; an identity, not state

// CheckKVType reports whether a KV cache can be of type typ for heads of the given sizes.
func CheckKVType(typ gguf.Type, dims ...int) error {
	switch typ {
	case gguf.F32, gguf.F16, gguf.BF16:
		return nil
	case gguf.Q8_0, gguf.Q4_0:
		for _, d := range dims {
			if d%typ.BlockElements() != 0 {
				return fmt.Errorf("a KV cache of type %s is %w for this model, whose heads have %d elements; use f16", typ, ErrUnsupported, d)
			}
		}
		return nil
	}
	return fmt.Errorf("a KV cache of type %s is %w; use f16, f32, bf16, q8_0 or q4_0", typ, ErrUnsupported)
}

// slots is how many positions a block keeps in a cache for size tokens, with passes of rows tokens.
func (s KVSpec) slots(size, rows int) int {
	if s.Window == 0 {
		return size
	}
	return min(size, (s.Window-1+rows+31)/32*32)
}

// NewCache makes a cache for size tokens, with keys and values of type typ (see CheckKVType), on the devices that run the
// blocks.
func (m *Model) NewCache(size int, typ gguf.Type) (*Cache, error) {
	c := &Cache{id: int(cacheIDs.Add(1)), size: size, rows: m.maxRows}
	for _, s := range m.segments {
		c.queues = append(c.queues, s.queue)
		for b := s.lo; b < s.hi; b++ {
			if err := c.addBlock(m.net, b, s, typ); err != nil {
				c.Close()
				return nil, fmt.Errorf("KV cache for %d tokens: %w", size, err)
			}
		}
	}
	if err := m.rehearse(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cache) addBlock(net Network, b int, s *segment, typ gguf.Type) error {
	block := cacheBlock{queue: s.queue}
	alloc := func(what string, typ gguf.Type, shape ...int) (*compute.Tensor, error) {
		t, err := s.dev.New(fmt.Sprintf("%s of layer %d", what, b), typ, shape...)
		if err == nil {
			c.owned = append(c.owned, t)
		}
		return t, err
	}
	spec := net.KV(b)
	if spec.Heads > 0 {
		if err := CheckKVType(typ, spec.KeyDim, spec.ValueDim); err != nil {
			return err
		}
		slots := spec.slots(c.size, c.rows)
		if slots < c.size {
			block.window = spec.Window
		}
		var err error
		if block.k, err = alloc("keys", typ, slots, spec.Heads, spec.KeyDim); err != nil {
			return err
		}
		if spec.ValueDim > 0 {
			if block.v, err = alloc("values", typ, slots, spec.Heads, spec.ValueDim); err != nil {
				return err
			}
		}
	}
	for _, st := range statesOf(net, b) {
		t, err := alloc(st.Name+" state", gguf.F32, st.Shape...)
		if err != nil {
			return err
		}
		block.states = append(block.states, state{st.Name, t})
	}
	c.blocks = append(c.blocks, block)
	return nil
}

// newDryCache describes a cache on a recorder.
func newDryCache(n Network, layers int, dry *compute.Recorder) *Cache {
	c := &Cache{size: 1}
	for b := range layers {
		var block cacheBlock
		if spec := n.KV(b); spec.Heads > 0 {
			block.k = dry.Tensor("keys", gguf.F16, 1, spec.Heads, spec.KeyDim)
			if spec.ValueDim > 0 {
				block.v = dry.Tensor("values", gguf.F16, 1, spec.Heads, spec.ValueDim)
			}
		}
		for _, st := range statesOf(n, b) {
			block.states = append(block.states, state{st.Name, dry.Tensor(st.Name, gguf.F32, st.Shape...)})
		}
		c.blocks = append(c.blocks, block)
	}
	return c
}

// CacheBytes predicts the bytes of a cache for size tokens.
func (m *Model) CacheBytes(size int, typ gguf.Type) int64 {
	var n int64
	for b := range m.Layers {
		n += blockCacheBytes(m.net, b, size, m.maxRows, typ)
	}
	return n
}

func blockCacheBytes(net Network, b, size, rows int, typ gguf.Type) int64 {
	spec := net.KV(b)
	var n int64
	if spec.Heads > 0 {
		elements := int64(spec.Heads) * int64(spec.KeyDim+spec.ValueDim) * int64(spec.slots(size, rows))
		n = elements * int64(typ.BlockBytes()) / int64(typ.BlockElements())
	}
	for _, st := range statesOf(net, b) {
		n += st.bytes()
	}
	return n
}

// Size is the number of tokens the cache can hold.
func (c *Cache) Size() int { return c.size }

// begin is told of a pass of n tokens after past others, and end that it has succeeded.
func (c *Cache) begin(past, n int) error {
	if n == 0 || n > c.rows || past < 0 || past+n > c.size {
		return fmt.Errorf("a pass of %d tokens after %d: at most %d at once, and %d in all", n, past, c.rows, c.size)
	}
	if c.Recurrent() && (c.broken || c.length != past) {
		return fmt.Errorf("model: a pass after %d tokens, but the recurrent states have seen %d", past, c.length)
	}
	c.broken = true
	c.high = max(c.high, past+n)
	return nil
}

func (c *Cache) end(length int) { c.length, c.broken = length, false }

// Recurrent reports whether any block keeps a recurrent state.
func (c *Cache) Recurrent() bool {
	for i := range c.blocks {
		if len(c.blocks[i].states) > 0 {
			return true
		}
	}
	return false
}

// Rewindable reports whether the cache can always be cut back. Of any other, checkpoints are worth keeping.
func (c *Cache) Rewindable() bool {
	for i := range c.blocks {
		if c.blocks[i].window > 0 || len(c.blocks[i].states) > 0 {
			return false
		}
	}
	return true
}

// CanTruncate reports whether the cache can be made one of its first n tokens.
func (c *Cache) CanTruncate(n int) bool {
	if n == 0 {
		return true
	}
	for i := range c.blocks {
		b := &c.blocks[i]
		if len(b.states) > 0 && (c.broken || n != c.length) {
			return false
		}
		// The token after those sees the window−1 positions before it, which later ones may have overwritten.
		if b.window > 0 && max(0, n-b.window+1) < c.high-b.k.Dim(0) {
			return false
		}
	}
	return n <= c.size
}

// Truncate makes the cache one of its first n tokens, and reports whether it could.
func (c *Cache) Truncate(n int) bool {
	if !c.CanTruncate(n) {
		return false
	}
	c.length = n
	if n == 0 {
		c.high, c.broken = 0, false
		for _, b := range c.blocks {
			for _, st := range b.states {
				b.queue.Write(st.tensor, make([]byte, 4*st.tensor.Len()))
			}
		}
	}
	return true
}

// Checkpoint is what a cache can't recover by itself, as it was after some tokens, in the host's memory.
type Checkpoint struct {
	Length int // tokens
	data   [][]byte
}

// Bytes is the memory the checkpoint takes.
func (c *Checkpoint) Bytes() int64 {
	var n int64
	for _, d := range c.data {
		n += int64(len(d))
	}
	return n
}

// pieces are the contiguous tensors that a checkpoint of length tokens consists of.
func (c *Cache) pieces(length int, each func(q compute.Queue, t *compute.Tensor)) {
	for _, b := range c.blocks {
		if b.window > 0 {
			slots := b.k.Dim(0)
			lo := max(0, length-b.window+1)
			for lo < length { // up to the end of the ring, and then from its beginning
				at := lo % slots
				n := min(length-lo, slots-at)
				each(b.queue, b.k.Slice(0, at, at+n))
				each(b.queue, b.v.Slice(0, at, at+n))
				lo += n
			}
		}
		for _, st := range b.states {
			each(b.queue, st.tensor)
		}
	}
}

// CheckpointBytes is the memory that a checkpoint of length tokens takes.
func (c *Cache) CheckpointBytes(length int) int64 {
	var n int64
	c.pieces(length, func(_ compute.Queue, t *compute.Tensor) { n += tensorBytes(t) })
	return n
}

func tensorBytes(t *compute.Tensor) int64 {
	return int64(t.Len()) / int64(t.Type.BlockElements()) * int64(t.Type.BlockBytes())
}

// Save makes a checkpoint of the cache, which holds length tokens.
func (c *Cache) Save(length int) (*Checkpoint, error) {
	if !c.CanTruncate(length) {
		return nil, fmt.Errorf("model: no checkpoint of %d tokens can be had any more", length)
	}
	cp := &Checkpoint{Length: length}
	c.pieces(length, func(q compute.Queue, t *compute.Tensor) {
		d := make([]byte, tensorBytes(t))
		q.Read(d, t)
		cp.data = append(cp.data, d)
	})
	return cp, c.sync()
}

// Restore makes the cache what it was when cp was saved.
func (c *Cache) Restore(cp *Checkpoint) error {
	i := 0
	c.pieces(cp.Length, func(q compute.Queue, t *compute.Tensor) {
		q.Write(t, cp.data[i])
		i++
	})
	c.length, c.high, c.broken = cp.Length, cp.Length, false
	return c.sync()
}

func (c *Cache) sync() error {
	var errs []error
	for _, q := range c.queues {
		errs = append(errs, q.Sync())
	}
	return errors.Join(errs...)
}

// bucket rounds a length up, so that few different passes are captured: powers of two up to 4096, then
// multiples of 4096.
func (c *Cache) bucket(n int) int {
	b := 256
	for b < n && b < 4096 {
		b *= 2
	}
	if b < n {
		b = (n + 4095) / 4096 * 4096
	}
	return min(b, c.size)
}

// Close waits for passes that still use the cache, and frees its memory.
func (c *Cache) Close() {
	_ = c.sync() // an error of a pass is for the pass's caller; the memory goes all the same
	for i := len(c.owned) - 1; i >= 0; i-- {
		c.owned[i].Storage.Owner().Free(c.owned[i])
	}
	c.owned, c.blocks = nil, nil
}
