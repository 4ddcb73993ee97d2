// Package compute is the small device interface that a forward pass is written against.
//
// A [Device] owns memory and loads weights; a [Queue] runs operations on it, in order. Package cpu and package
// gpu implement both, package computetest holds them to float64 references, and [Recorder] is a device that
// does no arithmetic, so that tests can assert which operations a model issues.
//
// Conventions, all devices:
//
//   - Shapes are outermost first: an activation is [rows, cols] or [rows, heads, headDim], a weight is
//     [out, in]. (GGUF stores the innermost dimension first; package gguf turns it round.)
//   - Activations are F32. Token ids and lengths are I32. Weights are any gguf type. A KV cache is F32, F16, BF16,
//     Q8_0 or Q4_0; quantised ones need head sizes that are multiples of 32.
//   - The innermost dimension is contiguous. Other dimensions may be strided, so that a slice of columns or
//     heads is a view and costs nothing.
//   - Operations return nothing. The first error is kept and returned by the next Sync; after it, operations
//     do nothing.
//   - An output may be the same tensor as an elementwise input. It must not partly overlap one.
package compute

import (
	"errors"
	"fmt"

	"burble/gguf"
)

// ErrClosed is returned by operations on a queue or device that has been closed.
var ErrClosed = errors.New("compute: closed")

// OutOfMemory reports an allocation that a device could not make.
type OutOfMemory struct {
	Device string
	What   string // what was being allocated, for the user: "KV cache", "weights of layer 7"
	Need   int64  // bytes asked for
	Free   int64  // bytes that were free, or -1 where the device can't tell
}

func (e *OutOfMemory) Error() string {
	if e.Free < 0 {
		return fmt.Sprintf("%s: out of memory: %s needs %.1f MiB", e.Device, e.What, float64(e.Need)/(1<<20))
	}
	return fmt.Sprintf("%s: out of memory: %s needs %.1f MiB, %.1f MiB are free",
		e.Device, e.What, float64(e.Need)/(1<<20), float64(e.Free)/(1<<20))
}

// Memory is a device's memory in bytes. Free is -1 where it is unknown.
type Memory struct {
	Total int64 `json:"total"`
	Free  int64 `json:"free"`
}

// Device owns memory and makes queues. Its methods, and those of its queues, are called from one goroutine at a
// time; a GPU device additionally needs that goroutine locked to its OS thread.
type Device interface {
	// Name identifies the device to the user, such as "CPU" or "AMD Radeon RX 7900 XTX (gfx1100)".
	Name() string
	// Memory reports total and free memory.
	Memory() Memory
	// Load makes a weight from tensor t of an open file. The device decides the layout: a view of the mapped
	// file, an uploaded copy, or a repacked one. The file must stay open until the device is closed.
	Load(t *gguf.Tensor) (*Tensor, error)
	// New allocates a zeroed tensor. The label names it in errors and diagnostics.
	New(label string, typ gguf.Type, shape ...int) (*Tensor, error)
	// Free releases a tensor made by Load or New. Views of it must not be used afterwards.
	Free(t *Tensor)
	// NewQueue makes a queue. A device has one for the life of a loaded model.
	NewQueue() (Queue, error)
	// Close releases what is left and reports anything that was still open.
	Close() error
}

// Rehearser is a Queue that takes memory of its own for what an operation needs besides its operands.
type Rehearser interface {
	// Rehearse takes the memory that the operations of record need, and carries none of them out. The same operations take
	// none later, unless larger ones came in between. It fails with [*OutOfMemory] where there is too little.
	Rehearse(record func(Queue)) error
}

// Queue runs operations on one device in the order they are called. Row and head counts come from the tensors'
// shapes. In the comments, n is the number of tokens (rows) in the pass.
type Queue interface {
	// Device returns the device the queue runs on.
	Device() Device

	// Write copies src into dst, which must be contiguous. src may be reused on return.
	Write(dst *Tensor, src []byte)
	// Read copies src, which must be contiguous, into dst. dst is valid after the next Sync.
	Read(dst []byte, src *Tensor)
	// Copy copies src to dst elementwise: same shape, same type, any strides.
	Copy(dst, src *Tensor)

	// Run issues the operations of record. A device may capture them the first time it sees a key and replay
	// the capture afterwards: record must issue the same operations on the same tensors for equal keys, and
	// whatever varies (token ids, lengths) must be read from device tensors.
	Run(key Key, record func(Queue))
	// Sync waits until everything issued has finished and returns the first error since the last Sync.
	Sync() error
	// Close releases the queue.
	Close() error

	// Embed gathers rows of a weight: out [n, d] F32, table [vocab, d] of any type, ids [n] I32.
	Embed(out, table, ids *Tensor)
	// Rows gathers rows of an activation: out [m, d], x [n, d], ids [m] I32.
	Rows(out, x, ids *Tensor)
	// MatMul computes out [n, m] = x [n, k] · wᵀ, w [m, k] of any gguf type.
	MatMul(out, x, w *Tensor)
	// RMSNorm computes out = x / sqrt(mean(x²) + eps) · w over the innermost dimension d; w is [d], or nil for none.
	// x is [n, d] or [n, heads, d]. (Zhang & Sennrich 2019, arXiv:1910.07467)
	RMSNorm(out, x, w *Tensor, eps float32)
	// LayerNorm computes out = (x − mean) / sqrt(var + eps) · w + b over the innermost dimension; b may be nil.
	// (Ba et al. 2016, arXiv:1607.06450)
	LayerNorm(out, x, w, b *Tensor, eps float32)
	// Rope rotates x [n, heads, headDim] in place; row i has position past[0] + i. (Su et al. 2021, arXiv:2104.09864)
	Rope(x, past *Tensor, r Rope)
	// StoreKV writes k, v [n, kvHeads, headDim] into the caches [slots, kvHeads, headDim], converting to their
	// type; row i goes to slot (past[0] + i) mod slots, so that a cache may be a ring. k and v may differ in headDim.
	StoreKV(kCache, vCache, k, v, past *Tensor)
	// Attend computes softmax(scale · q·kᵀ + mask) · v for every head: q [n, heads, kDim], caches
	// [slots, kvHeads, kDim|vDim], out [n, heads, vDim]. Query i is at position p = past[0] + i and sees the
	// positions 0..p, or p−window+1..p with a window. Query head h reads KV head h / (heads / kvHeads) (GQA).
	// Position p is in slot p mod slots: with a window, slots may be fewer than the positions, but at least
	// window + n − 1.
	Attend(out, q, kCache, vCache, past *Tensor, a Attention)
	// GLU computes out = act(gate) · up elementwise (SwiGLUClamped has a formula of its own). (Shazeer 2020, arXiv:2002.05202)
	GLU(out, gate, up *Tensor, act Activation)
	// Activate computes out = act(x) elementwise.
	Activate(out, x *Tensor, act Activation)
	// Add computes out = a + b; Mul computes out = a · b. b has a's shape, or the shape of its innermost
	// dimensions, in which case it is repeated (a bias row, a per-head scale).
	Add(out, a, b *Tensor)
	Mul(out, a, b *Tensor)
	// Scale computes out = s · x.
	Scale(out, x *Tensor, s float32)
	// SoftCap computes out = limit · tanh(x / limit).
	SoftCap(out, x *Tensor, limit float32)
	// TopK finds the k largest of each row of x [n, d], largest first and lower index first among equals:
	// values [n, k] F32, ids [n, k] I32. k is at most 1024; k = 1 is arg-max.
	TopK(values, ids, x *Tensor)

	// Route chooses experts for every token: scores [n, experts], ids [n, used] I32 and weights [n, used], the best
	// expert first. All in F32. (Shazeer et al. 2017, arXiv:1701.06538)
	Route(ids, weights, scores *Tensor, r Routing)
	// MatMulExperts computes out [n, used, m], row (i, j) = x · w[ids[i,j]]ᵀ + b[ids[i,j]] with w [experts, m, k] of any
	// gguf type and b [experts, m] or nil. x is [n, k], the same row for all j, or [n, used, k]. ids is [n, used] I32, or
	// [used] for the same experts on every row.
	MatMulExperts(out, x, w, b, ids *Tensor)
	// Combine computes out [n, m] = Σ_j weights[n, j] · x[n, j, m].
	Combine(out, x, weights *Tensor)
	// Conv1D is a causal convolution of every channel by itself: out [n, c], x [n, c], w [c, taps], b [c] or nil,
	// out[i] = b + Σ_j w[·, j] · x[i − taps + 1 + j]. state [taps−1, c] holds the inputs before the pass, oldest
	// first, and afterwards the last ones of it. out may be x.
	Conv1D(out, x, w, b, state *Tensor)
	// SelectiveScan is the recurrence of Mamba and Mamba-2: state = exp(dt·A) · state + dt · x ⊗ B, y = state · C + D · x.
	// (Gu & Dao 2023, arXiv:2312.00752; Dao & Gu 2024, arXiv:2405.21060)
	SelectiveScan(s SelectiveScan)
	// DeltaScan is the recurrence of the gated delta rule: state = exp(g) · state, then
	// state += k ⊗ beta · (v − kᵀ · state), out = qᵀ · state. (Yang et al. 2024, arXiv:2412.06464)
	DeltaScan(s DeltaScan)
}

// Routing says how Route chooses and weighs experts.
type Routing struct {
	Gate Gate
	// Bias [experts] is added to the gated scores for the choice, not for the weights (DeepSeek-V3, arXiv:2412.19437);
	// nil for none.
	Bias *Tensor
	// With Groups > 1 experts come in groups of equal size, and only those of the GroupsUsed best groups can be chosen. A
	// group is as good as the sum of its GroupTop best biased scores (1 in DeepSeek-V2, 2 in V3).
	Groups, GroupsUsed, GroupTop int
	// Normalise divides the weights by their sum plus Eps.
	Normalise bool
	Eps       float32
	// Scale multiplies the weights at last. 0 means 1.
	Scale float32
}

// Gate is the function that makes weights of scores.
type Gate uint8

const (
	GateSoftmax       Gate = iota // softmax over all experts
	GateSigmoid                   // each expert by itself
	GateSoftmaxChosen             // softmax over the chosen ones; the choice is by the scores themselves
)

// SelectiveScan is what the operation of that name works on. Groups of neighbouring heads share B and C: head h uses group
// h / (heads / groups).
type SelectiveScan struct {
	Out   *Tensor // [n, heads, p]; may be X
	X     *Tensor // [n, heads, p]
	Dt    *Tensor // [n, heads], after bias and softplus
	A     *Tensor // [heads], or [heads, dim] (Mamba 1, with p = 1); negative
	B, C  *Tensor // [n, groups, dim]
	D     *Tensor // [heads], or nil
	State *Tensor // [heads, p, dim], updated
}

// DeltaScan is what the operation of that name works on.
type DeltaScan struct {
	Out  *Tensor // [n, vHeads, vDim]
	Q, K *Tensor // [n, kHeads, kDim], normalised and scaled
	V    *Tensor // [n, vHeads, vDim]
	G    *Tensor // [n, vHeads] logarithm of the decay, ≤ 0
	Beta *Tensor // [n, vHeads] how much is written, 0…1
	// Tiled: value head h uses key head h mod kHeads; otherwise h / (vHeads / kHeads).
	Tiled bool
	State *Tensor // [vHeads, kDim, vDim], updated
}

// Key names a piece of a forward pass for [Queue.Run]: equal keys issue equal operations. Segment is the index
// of the device's run of layers, Rows the number of tokens, Bound the KV-length bucket (see [Attention.Bound]).
// The zero Key is never captured.
type Key struct{ Segment, Rows, Bound int }

// Rope says how rotary position embedding turns a head. All published scalings (linear, YaRN, Llama 3, LongRoPE)
// come down to a table of inverse frequencies and a magnitude; package model computes them.
type Rope struct {
	// InvFreq [pairs] F32 is the angle per position of each rotated pair: pair j turns by position · InvFreq[j].
	// The first 2·pairs elements of a head are rotated, the rest pass through.
	InvFreq *Tensor
	// Interleaved pairs elements (2j, 2j+1), as the original paper and Llama's GGUF files do; otherwise pairs
	// (j, j+pairs), as GPT-NeoX does.
	Interleaved bool
	// Magnitude multiplies sine and cosine (YaRN's attention factor). 0 means 1.
	Magnitude float32
}

// Attention parameters. The zero value of an optional field switches it off.
type Attention struct {
	Scale   float32 // of the logits, usually 1/sqrt(headDim)
	Window  int     // positions a query sees, itself included; 0 for all
	SoftCap float32 // logits become cap · tanh(logits / cap)
	Sinks   *Tensor // [heads] F32: one further logit per head that takes part in the softmax and adds nothing
	// With TemperatureLength > 0 the logits of a query at position p are multiplied by
	// 1 + Temperature · ln(1 + ⌊p / TemperatureLength⌋). (Llama 4 and Ministral 3, for lengths beyond training)
	Temperature       float32
	TemperatureLength int
	// Bound is the host's upper bound on past[0] + n, rounded up to a bucket, so that a device can size its
	// launches without reading past. It never exceeds what the cache was made for, but may exceed a ring's slots.
	Bound int
}

// Activation is an elementwise nonlinearity.
type Activation uint8

const (
	SiLU     Activation = iota // x · sigmoid(x)
	GELU                       // x · Φ(x), exact (erf)
	GELUTanh                   // tanh approximation of GELU
	ReLU                       // max(x, 0)
	ReLU2                      // max(x, 0)²
	Sigmoid                    // 1 / (1 + e⁻ˣ)
	Tanh                       // tanh(x)
	Softplus                   // ln(1 + eˣ)
	// SwiGLUClamped is gpt-oss's, for GLU only: with gate at most 7 and up within ±7, gate · sigmoid(1.702 · gate) · (up + 1).
	// (OpenAI 2025, arXiv:2508.10925 and its reference code)
	SwiGLUClamped
)

func (a Activation) String() string {
	names := [...]string{"silu", "gelu", "gelu_tanh", "relu", "relu2", "sigmoid", "tanh", "softplus", "swiglu_clamped"}
	if int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}
