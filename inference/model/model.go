// Package model holds the networks: one file per architecture, each a forward pass from top to bottom.
//
// A [Model] is a loaded network on its devices; a [Cache] is the memory of one conversation. [Model.Forward] runs a
// few tokens through the network. What an architecture's file contains is described in docs/adding-a-model.md.
package model

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"

	"burble/gguf"
	"burble/inference/compute"
)

// Network is one architecture with its weights. Its three methods are the forward pass, in order; they issue
// operations on p and never read a result. Shapes depend on p.Rows and the hyperparameters alone.
type Network interface {
	// Embed turns p.Tokens into the residual stream p.X.
	Embed(p *Pass)
	// Layer runs block i over the residual stream p.X.
	Layer(p *Pass, i int)
	// Head computes logits [n, vocab] from rows x [n, dim] of the residual stream.
	Head(p *Pass, logits, x *compute.Tensor)
	// KV says what block i keeps in the cache.
	KV(i int) KVSpec
}

// architectures is the table of what can be run, by general.architecture.
var architectures = map[string]func(l *Loader) Network{
	"afmoe":          newAFMoE,
	"arcee":          newArcee,
	"bailingmoe2":    newDots1,
	"chatglm":        newChatGLM,
	"cohere2":        newCohere2,
	"cohere2moe":     newCohere2MoE,
	"command-r":      newCommandR,
	"deci":           newDeci,
	"deepseek2":      newDeepSeek2,
	"dots1":          newDots1,
	"ernie4_5":       newLlama,
	"ernie4_5-moe":   newLlama,
	"exaone":         newQwen2,
	"exaone-moe":     newEXAONEMoE,
	"exaone4":        newEXAONE4,
	"falcon-h1":      newFalconH1,
	"gemma":          newGemma(1),
	"gemma2":         newGemma(2),
	"gemma3":         newGemma(6),
	"gemma4":         newGemma4,
	"glm4":           newGLM4,
	"glm4moe":        newGLM4MoE,
	"gpt-oss":        newGPTOSS,
	"gptneox":        newGPTNeoX,
	"granite":        newGranite,
	"granite_swa":    newGranite,
	"granitehybrid":  newGraniteHybrid,
	"granitemoe":     newGranite,
	"hunyuan-dense":  newHunyuan,
	"hunyuan-moe":    newHunyuan,
	"hy_v3":          newDots1,
	"internlm2":      newLlama,
	"jamba":          newMamba,
	"lfm2":           newLFM2,
	"lfm2moe":        newLFM2,
	"llama":          newLlama, // Llama 1–3, Mistral 7B, and the many fine-tunes with their layout
	"mamba":          newMamba,
	"mamba2":         newMamba2,
	"mellum":         newMellum,
	"minicpm":        newMiniCPM,
	"minimax-m2":     newMiniMaxM2,
	"mistral3":       newMistral3,
	"mistral4":       newDeepSeek2,
	"nemotron":       newNemotron,
	"nemotron_h":     newNemotronH,
	"nemotron_h_moe": newNemotronH,
	"olmo":           newOLMo,
	"olmo2":          newOLMo2,
	"olmoe":          newOLMoE,
	"phi2":           newPhi2,
	"phi3":           newPhi3,
	"qwen2":          newQwen2,
	"qwen2moe":       newQwen2MoE,
	"qwen2vl":        newQwen2,
	"qwen3":          newQwen3,
	"qwen35":         newQwen35,
	"qwen35moe":      newQwen35,
	"qwen3moe":       newQwen3MoE,
	"qwen3next":      newQwen35,
	"qwen3vl":        newQwen3,
	"qwen3vlmoe":     newQwen3MoE,
	"seed_oss":       newSeedOSS,
	"smollm3":        newSmolLM3,
	"stablelm":       newStableLM,
	"starcoder2":     newStarCoder2,
}

// Architectures lists what can be run, in alphabetical order.
func Architectures() []string {
	names := make([]string, 0, len(architectures))
	for name := range architectures {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Model is a network with its weights on its devices. It is used from one goroutine at a time.
type Model struct {
	Config
	net      Network
	scales   map[*compute.Tensor]float32 // see Pass.MatMul
	segments []*segment
	experts  *host             // of experts that are on another device than their block, or nil
	weights  []*compute.Tensor // what Close frees, with the device of each
	devices  []compute.Device
	maxRows  int
	host     []float32     // logits on their way to the callers of ForwardAll
	side     compute.Queue // of a device that runs experts alone, or nil
	closed   bool

	// OnLayer, where it is set, is told of each block of a pass that is issued one operation at a time: a long prefill
	// on a CPU takes a while.
	OnLayer func(done, total int)
}

// headRows is how many rows of logits are computed at a time: a vocabulary is wide.
const headRows = 16

// segment is a run of blocks on one device.
type segment struct {
	dev    compute.Device
	queue  compute.Queue
	lo, hi int // blocks [lo, hi)
	// On the device:
	input  *compute.Tensor // [1 + maxRows] I32: tokens in the cache before the pass, then its tokens, written in one go
	x      *compute.Tensor // [maxRows, dim] the residual stream
	logits *compute.Tensor // [headRows, vocab], on the last segment
	best   *compute.Tensor // [1, 1] I32: arg-max of the first row
	bestP  *compute.Tensor // [1, 1]
	temps  temps
	handed []byte // the residual stream on its way from the previous segment
}

// Architecture returns the file's general.architecture and the number of blocks, for choosing a placement, or an
// error wrapping ErrUnsupported that lists what can be run.
func Architecture(f *gguf.File) (arch string, layers int, err error) {
	arch, ok := f.Metadata.String("general.architecture")
	if !ok || arch == "" {
		return "", 0, errors.New("the file does not name its architecture (general.architecture): it is not a language model")
	}
	if _, ok := architectures[arch]; !ok {
		return "", 0, fmt.Errorf("architecture %q is %w; supported, nearest first: %s", arch, ErrUnsupported, nearest(arch))
	}
	h := &hyper{md: f.Metadata, arch: arch}
	return arch, h.layers(), h.err
}

// Options of a model.
type Options struct {
	Rows    int // the most tokens of a pass
	Context int // tokens the KV cache will hold; 0: as many as the model was trained for
}

// Open loads the model of f onto the devices of place. The file and the devices must outlive the model. progress counts
// bytes of the file; cancelling ctx ends the load.
func Open(ctx context.Context, f *gguf.File, place Placement, o Options, progress func(done, total int64)) (m *Model, err error) {
	arch, layers, err := Architecture(f)
	if err != nil {
		return nil, err
	}
	if err := place.check(layers); err != nil {
		return nil, err
	}
	l, net, err := bind(f, arch, place, o.Context)
	if err != nil {
		return nil, err
	}
	cut := Needs{apart: apart(net, layers)}
	for _, u := range place.Until {
		if u < layers && !cut.Apart(u) {
			return nil, fmt.Errorf("layers %d and %d share keys and values and can't be on different devices: choose another number of layers for the GPU", u-1, u)
		}
	}
	m = &Model{Config: l.Config, net: net, scales: l.scales, maxRows: o.Rows, devices: place.Devices}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
			m = nil
		}
	}()
	var queues []compute.Queue // one for each device
	lo := 0
	for i, dev := range place.Devices {
		q, err := dev.NewQueue()
		if err != nil {
			return m, err
		}
		queues = append(queues, q)
		m.segments = append(m.segments, &segment{dev: dev, queue: q, lo: lo, hi: place.Until[i]})
		lo = place.Until[i]
	}
	if place.HostExperts > 0 {
		m.experts = &host{blocks: place.HostExperts}
		at := slices.Index(place.Devices, place.Host)
		if at < 0 {
			q, err := place.Host.NewQueue()
			if err != nil {
				return m, err
			}
			at, m.side = len(queues), q
			queues = append(queues, q)
		}
		m.experts.queue = queues[at]
	}
	for _, w := range l.wants {
		m.weights = append(m.weights, w.dst)
	}
	if err := l.load(ctx, queues, progress); err != nil {
		return m, err
	}
	buffers, err := dryTemps(net, &l.Config, m.maxRows)
	if err != nil {
		return m, err
	}
	for i := range m.segments {
		if err := m.allocate(i, buffers); err != nil {
			return m, err
		}
	}
	if m.experts != nil {
		dev := m.experts.queue.Device()
		t, err := dryTemps(net, &l.Config, m.maxRows)
		if err != nil {
			return m, err
		}
		t.add("experts in", m.maxRows, m.Dim)
		t.add("experts out", m.maxRows, m.Dim)
		m.experts.temps = *t
		m.experts.temps.allocate(m.newTensor(dev, &m.experts.temps.err))
		return m, m.experts.temps.err
	}
	return m, nil
}

// newTensor makes a function that allocates on dev, for Close to free, and keeps what goes wrong in err.
func (m *Model) newTensor(dev compute.Device, err *error) func(label string, typ gguf.Type, shape ...int) *compute.Tensor {
	return func(label string, typ gguf.Type, shape ...int) *compute.Tensor {
		t, e := dev.New(label, typ, shape...)
		if e != nil {
			*err = errors.Join(*err, e)
			return nil
		}
		m.weights = append(m.weights, t)
		return t
	}
}

// allocate makes the buffers of a segment.
func (m *Model) allocate(i int, buffers *temps) error {
	s := m.segments[i]
	s.temps = *buffers
	newTensor := m.newTensor(s.dev, &s.temps.err)
	s.input = newTensor("tokens", gguf.I32, 1+m.maxRows)
	s.x = newTensor("residual stream", gguf.F32, m.maxRows, m.Dim)
	last := i == len(m.segments)-1
	if last {
		s.logits = newTensor("logits", gguf.F32, min(headRows, m.maxRows), m.Vocab)
		s.best = newTensor("best token", gguf.I32, 1, 1)
		s.bestP = newTensor("best logit", gguf.F32, 1, 1)
	}
	if s.temps.err != nil {
		return s.temps.err
	}
	s.temps.allocate(newTensor)
	return s.temps.err
}

// dryTemps finds the buffers of passes of rows tokens, by a pass that computes nothing. Every device gets all of them, though
// the first needs none of the head's: they are small beside the weights.
func dryTemps(net Network, c *Config, rows int) (*temps, error) {
	dry := compute.NewRecorder()
	t := &temps{dry: dry}
	input := dry.Tensor("tokens", gguf.I32, 1+rows)
	p := &Pass{
		Queue: dry, Rows: rows, Bound: 1,
		Tokens: input.Slice(0, 1, 1+rows), Past: input.Slice(0, 0, 1),
		X:     dry.Tensor("residual stream", gguf.F32, rows, c.Dim),
		Cache: newDryCache(net, c.Layers, dry), temps: t,
	}
	net.Embed(p)
	for b := range c.Layers {
		net.Layer(p, b)
	}
	p.flush()
	n := min(headRows, rows)
	net.Head(p, dry.Tensor("logits", gguf.F32, n, c.Vocab), p.X.Slice(0, 0, n))
	t.dry = nil
	return t, t.err
}

// issue issues the operations of segment i. It stops early when ctx ends.
func (m *Model) issue(ctx context.Context, i int, p *Pass, head bool) {
	s := m.segments[i]
	if i == 0 {
		m.net.Embed(p)
	}
	for b := s.lo; b < s.hi && ctx.Err() == nil; b++ {
		m.net.Layer(p, b)
		if m.OnLayer != nil && p.Rows > 1 {
			m.OnLayer(b+1, m.Layers)
		}
	}
	p.flush()
	if i == len(m.segments)-1 && head {
		logits := s.logits.Slice(0, 0, 1)
		m.net.Head(p, logits, p.X.Slice(0, p.Rows-1, p.Rows))
		p.TopK(s.bestP, s.best, logits)
	}
}

// HeadRows is the number of tokens whose logits are computed at once: a pass of ForwardAll over no more than these
// computes all of them in one go.
func (m *Model) HeadRows() int { return min(headRows, m.maxRows) }

// MaxRows is the largest number of tokens a pass may have.
func (m *Model) MaxRows() int { return m.maxRows }

// Forward runs tokens through the network, at most MaxRows of them, after the past ones that cache holds, and
// adds them to the cache. With head, the logits of the last token are computed, to be fetched by Logits or Best.
// When ctx ends, so does the pass, and the cache holds the past tokens as before, or what [Cache.CanTruncate] says.
func (m *Model) Forward(ctx context.Context, cache *Cache, tokens []int32, past int, head bool) error {
	last := len(m.segments) - 1
	if err := cache.begin(past, len(tokens)); err != nil {
		return err
	}
	for i := range m.segments {
		if err := m.run(ctx, i, cache, tokens, past, func(ctx context.Context, p *Pass) { m.issue(ctx, i, p, head && i == last) }, head); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	cache.end(past + len(tokens))
	return nil
}

// run prepares segment i and runs issue on its queue.
func (m *Model) run(ctx context.Context, i int, cache *Cache, tokens []int32, past int, issue func(context.Context, *Pass), head bool) error {
	n := len(tokens)
	s := m.segments[i]
	s.queue.Write(s.input.Slice(0, 0, 1+n), int32Bytes(int32(past), tokens))
	x := s.x.Slice(0, 0, n)
	if i > 0 { // the residual stream comes from the previous device, by way of the host
		if err := m.handOver(m.segments[i-1], s, n); err != nil {
			return err
		}
	}
	p := &Pass{Rows: n, Bound: cache.bucket(past + n), Tokens: s.input.Slice(0, 1, 1+n), Past: s.input.Slice(0, 0, 1), X: x, Cache: cache, temps: &s.temps, host: m.experts, scales: m.scales}
	var key compute.Key
	waits := m.experts != nil && s.lo < m.experts.blocks && m.experts.queue != s.queue // half way, for the experts
	if n == 1 && head && !waits {                                                      // the pass of a decoded token is worth capturing: it comes again and again
		key = compute.Key{Segment: cache.id*len(m.segments) + i + 1, Rows: n, Bound: p.Bound}
		ctx = context.WithoutCancel(ctx) // a captured pass is always whole
	}
	s.queue.Run(key, func(q compute.Queue) {
		p.Queue = q
		issue(ctx, p)
	})
	if waits && m.experts.err != nil {
		err := m.experts.err
		m.experts.err = nil
		return err
	}
	if key != (compute.Key{}) && i == len(m.segments)-1 {
		return nil // Logits and Best wait for it, once
	}
	if err := s.queue.Sync(); err != nil {
		return err
	}
	return ctx.Err()
}

func (m *Model) handOver(from, to *segment, rows int) error {
	size := rows * m.Dim * 4
	if cap(to.handed) < size {
		to.handed = make([]byte, size)
	}
	b := to.handed[:size]
	from.queue.Read(b, from.x.Slice(0, 0, rows))
	if err := from.queue.Sync(); err != nil {
		return err
	}
	to.queue.Write(to.x.Slice(0, 0, rows), b)
	return nil
}

// Logits copies the logits of the last Forward into dst, which has Vocab elements.
func (m *Model) Logits(dst []float32) error {
	s := m.segments[len(m.segments)-1]
	return readFloats(s.queue, dst, s.logits.Slice(0, 0, 1))
}

// Best returns the arg-max of the logits of the last Forward, the lowest id among equals.
func (m *Model) Best() (int32, error) {
	s := m.segments[len(m.segments)-1]
	var b [4]byte
	s.queue.Read(b[:], s.best)
	err := s.queue.Sync()
	return int32(binary.LittleEndian.Uint32(b[:])), err
}

// ForwardAll is Forward with the logits of every token: each is called in order, with logits that it must not keep.
func (m *Model) ForwardAll(ctx context.Context, cache *Cache, tokens []int32, past int, each func(i int, logits []float32) error) error {
	last := len(m.segments) - 1
	if err := cache.begin(past, len(tokens)); err != nil {
		return err
	}
	for i := range m.segments {
		if err := m.run(ctx, i, cache, tokens, past, func(ctx context.Context, p *Pass) { m.issue(ctx, i, p, false) }, false); err != nil {
			return err
		}
	}
	cache.end(past + len(tokens))
	s := m.segments[last]
	rows := s.logits.Dim(0)
	if m.host == nil {
		m.host = make([]float32, rows*m.Vocab)
	}
	host := m.host
	for lo := 0; lo < len(tokens); lo += rows {
		n := min(rows, len(tokens)-lo)
		out := s.logits.Slice(0, 0, n)
		p := &Pass{Queue: s.queue, Rows: n, Tokens: s.input.Slice(0, 1+lo, 1+lo+n), Past: s.input.Slice(0, 0, 1), X: s.x.Slice(0, lo, lo+n), Cache: cache, temps: &s.temps, scales: m.scales}
		m.net.Head(p, out, p.X)
		if err := readFloats(s.queue, host[:n*m.Vocab], out); err != nil {
			return err
		}
		for j := range n {
			if err := each(lo+j, host[j*m.Vocab:(j+1)*m.Vocab]); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the weights and buffers, last made first, and closes the queues. The devices stay open.
func (m *Model) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	var errs []error
	for _, s := range m.segments {
		errs = append(errs, s.queue.Sync())
	}
	for i := len(m.weights) - 1; i >= 0; i-- {
		if w := m.weights[i]; w.Storage != nil {
			w.Storage.Owner().Free(w)
		}
	}
	if m.side != nil {
		errs = append(errs, m.side.Close())
	}
	for i := len(m.segments) - 1; i >= 0; i-- {
		errs = append(errs, m.segments[i].queue.Close())
	}
	return errors.Join(errs...)
}
