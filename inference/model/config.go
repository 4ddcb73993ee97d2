package model

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"burble/gguf"
)

// Config holds the hyperparameters that every transformer family shares, as the file's metadata gives them.
// Families with more of them read the rest through their [Loader].
type Config struct {
	Arch     string  // general.architecture
	Layers   int     // transformer blocks
	Dim      int     // width of the residual stream
	FFN      int     // width of the feed-forward network, of the widest block; 0 if none has one
	Heads    int     // query heads, of the block with most; 0 if none has attention
	KVHeads  int     // key and value heads (GQA: a divisor of Heads), of the block with most
	KeyDim   int     // elements of a query or key head
	ValueDim int     // elements of a value head
	Vocab    int     // rows of the token embedding
	Context  int     // tokens the model was trained for
	Eps      float32 // of the norms
	RopeDim  int     // elements of a head that are rotated
	RopeBase float64 // θ of the rotary embedding
}

// Upper bounds that no published model comes near. They keep products of hyperparameters inside an int.
const (
	maxLayers  = 1 << 12
	maxWidth   = 1 << 24
	maxContext = 1 << 28
)

// hyper reads "<arch>.<key>" metadata and keeps the first thing that was wrong.
type hyper struct {
	md   *gguf.Metadata
	arch string
	err  error
}

func (h *hyper) fail(format string, args ...any) {
	if h.err == nil {
		h.err = fmt.Errorf(format, args...)
	}
}

func (h *hyper) has(key string) bool {
	_, ok := h.md.Value(h.arch + "." + key)
	return ok
}

// int returns a required whole number in 1..limit.
func (h *hyper) int(key string, limit int) int {
	if !h.has(key) {
		h.fail("the file lacks %s.%s, which every %s model has", h.arch, key, h.arch)
		return 1
	}
	return h.intOr(key, 1, limit)
}

// layers is the number of blocks that a pass runs. The last ones of a file may be for predicting several tokens at once
// (Gloeckle et al. 2024, arXiv:2404.19737), which are not run here.
func (h *hyper) layers() int {
	n, extra := h.int("block_count", maxLayers), h.countOr("nextn_predict_layers", 0)
	if extra >= n {
		h.fail("%s.nextn_predict_layers is %d of %d blocks", h.arch, extra, n)
		return 1
	}
	return n - extra
}

// boolOr returns a truth value, or def where the file has none.
func (h *hyper) boolOr(key string, def bool) bool {
	if !h.has(key) {
		return def
	}
	v, ok := h.md.Bool(h.arch + "." + key)
	if !ok {
		h.fail("%s.%s is not true or false", h.arch, key)
	}
	return v
}

// intOr returns a whole number in 1..limit, or def where the file has none. Some files give such a number once
// per layer; where all layers agree that is the same thing, otherwise it is an error here.
func (h *hyper) intOr(key string, def, limit int) int {
	if !h.has(key) {
		return def
	}
	list := h.perLayer(key, 1, def)
	for _, v := range list {
		if v != list[0] {
			h.fail("%s.%s differs between layers, which %s does not support", h.arch, key, h.arch)
			return 1
		}
	}
	if list[0] < 1 || list[0] > limit {
		h.fail("%s.%s is %d; it should be between 1 and %d", h.arch, key, list[0], limit)
		return 1
	}
	return list[0]
}

// perLayer returns a whole number from 0 for each layer: the file gives one for all, or a list, or none (def).
func (h *hyper) perLayer(key string, layers, def int) []int {
	full := h.arch + "." + key
	numbers, isList := h.md.Ints(full)
	switch n, ok := h.md.Uint(full); {
	case !h.has(key):
		return slices.Repeat([]int{def}, layers)
	case ok:
		return slices.Repeat([]int{int(min(n, math.MaxInt))}, layers)
	case !isList:
		h.fail("%s is not a whole number", full)
		return slices.Repeat([]int{def}, layers)
	case len(numbers) < layers:
		h.fail("%s has %d numbers for %d layers", full, len(numbers), layers)
		return slices.Repeat([]int{def}, layers)
	}
	list := make([]int, len(numbers))
	for i, v := range numbers {
		if v < 0 || v > maxContext {
			h.fail("%s is %d for layer %d; it should be between 0 and %d", full, v, i, maxContext)
		}
		list[i] = int(v)
	}
	return list
}

// most returns the largest of perLayer; the file must have the number.
func (h *hyper) most(key string, layers int) int {
	if !h.has(key) {
		h.fail("the file lacks %s.%s, which every %s model has", h.arch, key, h.arch)
		return 1
	}
	n := slices.Max(h.perLayer(key, layers, 1))
	if n > maxWidth {
		h.fail("%s.%s is %d; it should be at most %d", h.arch, key, n, maxWidth)
		return 1
	}
	return n
}

// countOr is intOr for a number that may be 0, which means none.
func (h *hyper) countOr(key string, def int) int {
	if n, ok := h.md.Uint(h.arch + "." + key); ok && n == 0 {
		return 0
	}
	return h.intOr(key, def, maxContext)
}

func (h *hyper) floatOr(key string, def float64) float64 {
	if !h.has(key) {
		return def
	}
	v, ok := h.md.Float(h.arch + "." + key)
	if n, whole := h.md.Int(h.arch + "." + key); whole {
		v, ok = float64(n), true
	}
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		h.fail("%s.%s is not a number", h.arch, key)
		return def
	}
	return v
}

// readConfig reads the shared hyperparameters and checks them against each other.
func readConfig(f *gguf.File, arch string) (Config, *hyper, error) {
	h := &hyper{md: f.Metadata, arch: arch}
	c := Config{
		Arch:    arch,
		Layers:  h.layers(),
		Dim:     h.int("embedding_length", maxWidth),
		Context: h.int("context_length", maxContext),
	}
	c.FFN = h.most("feed_forward_length", c.Layers)
	c.Heads = h.most("attention.head_count", c.Layers)
	c.KVHeads = min(maxWidth, slices.Max(h.perLayer("attention.head_count_kv", c.Layers, c.Heads)))
	if h.err == nil && c.Heads > c.Dim {
		h.fail("%s has %d attention heads in a width of %d", arch, c.Heads, c.Dim)
	}
	c.KeyDim = h.intOr("attention.key_length", max(1, c.Dim/max(1, c.Heads)), maxWidth)
	c.ValueDim = h.intOr("attention.value_length", max(1, c.Dim/max(1, c.Heads)), maxWidth)
	c.RopeDim = h.intOr("rope.dimension_count", c.KeyDim, maxWidth)
	c.RopeBase = h.floatOr("rope.freq_base", 10000)
	c.Eps = float32(h.floatOr("attention.layer_norm_rms_epsilon", h.floatOr("attention.layer_norm_epsilon", 1e-5)))
	if h.err == nil && c.KVHeads > 0 && c.Heads%c.KVHeads != 0 {
		h.fail("%d query heads can't share %d key/value heads", c.Heads, c.KVHeads)
	}
	if h.err == nil && (c.RopeDim > c.KeyDim || c.RopeDim%2 != 0) {
		h.fail("%s.rope.dimension_count is %d; it should be even and at most the head's %d", arch, c.RopeDim, c.KeyDim)
	}
	if h.err == nil && c.RopeBase <= 0 {
		h.fail("%s.rope.freq_base is %v; it should be positive", arch, c.RopeBase)
	}
	embd, ok := f.Tensor("token_embd.weight")
	switch {
	case !ok:
		h.fail("the file has no token_embd.weight: it is not a whole language model")
	case len(embd.Shape) != 2 || embd.Shape[1] != c.Dim:
		h.fail("token_embd.weight is %v; it should be [vocabulary × %d]", embd.Shape, c.Dim)
	default:
		c.Vocab = embd.Shape[0]
	}
	return c, h, h.err
}

// ErrUnsupported is wrapped by errors for files that are sound but that no code here can run.
var ErrUnsupported = errors.New("not supported")
