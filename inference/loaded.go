package inference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"burble/gguf"
	"burble/inference/chat"
	"burble/inference/compute"
	"burble/inference/compute/cpu"
	"burble/inference/model"
	"burble/inference/tokenizer"
)

// LoadedModel is an open file with its network, tokenizer, template and one session. It owns all of them.
type LoadedModel struct {
	file      *gguf.File
	gpus      gpuSource // that devices came from; nil for the CPU alone
	devices   []compute.Device
	model     *model.Model
	cache     *model.Cache
	session   *Session
	tokenizer *tokenizer.Tokenizer
	noText    error // why there is no tokenizer
	template  *chat.Template

	asked     Placement // what the user asked for
	kv        gguf.Type
	size      int // tokens of context
	gpuLayers int
	arch      string
	path      string
	warnings  []string
	took      time.Duration
	measured  int64 // bytes that the load took: of the GPUs' memory, or else of the process, with what the context will fill
}

// Session returns the model's session.
func (m *LoadedModel) Session() *Session { return m.session }

// Tokenizer returns the model's tokenizer, or an error where the file has none that can be used.
func (m *LoadedModel) Tokenizer() (*tokenizer.Tokenizer, error) { return m.tokenizer, m.noText }

// Template returns the model's chat template, or nil where there is no tokenizer.
func (m *LoadedModel) Template() *chat.Template { return m.template }

// VocabSize is the number of tokens, and of logits.
func (m *LoadedModel) VocabSize() int { return m.model.Vocab }

// DecodeBytes predicts the bytes of memory read for one token after depth others: the weights, of which the embedding is
// only a row, the experts a token goes to, and the KV cache. On a model whose output is tied to its embedding, that is read
// whole.
func (m *LoadedModel) DecodeBytes(depth int) int64 {
	var n int64
	_, untied := m.file.Tensor("output.weight")
	experts, _ := m.file.Metadata.Uint(m.arch + ".expert_count")
	used, _ := m.file.Metadata.Uint(m.arch + ".expert_used_count")
	for _, t := range m.file.Tensors {
		switch {
		case t.Name == "token_embd.weight" && untied:
		case experts > 0 && strings.Contains(t.Name, "_exps."):
			n += t.Bytes() / int64(experts) * int64(used)
		default:
			n += t.Bytes()
		}
	}
	return n + m.model.CacheBytes(depth, m.kv)
}

// ReadBandwidth measures how fast the device reads its memory, in bytes a second, or returns 0 where it can't tell.
func (m *LoadedModel) ReadBandwidth(ctx context.Context) float64 {
	if d, ok := m.devices[0].(interface {
		ReadBandwidth(context.Context) float64
	}); ok {
		return d.ReadBandwidth(ctx)
	}
	return 0
}

// Warnings are sentences for the user about what did not work as the file or the user asks.
func (m *LoadedModel) Warnings() []string { return m.warnings }

// Took is the time the load took.
func (m *LoadedModel) Took() time.Duration { return m.took }

// Close frees everything, last made first.
func (m *LoadedModel) Close() error {
	err := m.release()
	if m.file != nil {
		err = errors.Join(err, m.file.Close())
		m.file = nil
	}
	return err
}

// release frees the network and its devices, but keeps the file open.
func (m *LoadedModel) release() error {
	var errs []error
	if m.cache != nil {
		m.cache.Close()
	}
	if m.model != nil {
		errs = append(errs, m.model.Close())
	}
	for i := len(m.devices) - 1; i >= 0; i-- {
		errs = append(errs, m.devices[i].Close())
	}
	if m.gpus != nil {
		errs = append(errs, m.gpus.Close())
	}
	m.gpus = nil
	m.cache, m.model, m.session, m.devices = nil, nil, nil, nil
	return errors.Join(errs...)
}

// defaultContext is the context of a model where the user chose none: long enough for a conversation, and its KV cache
// stays around a gigabyte for the usual models.
const defaultContext = 8192

// OpenModel loads a model for a caller that drives it itself, such as a benchmark. progress may be nil. On a GPU the
// caller must be locked to its OS thread, and stay on it.
func OpenModel(ctx context.Context, path string, p Placement, progress func(Progress)) (*LoadedModel, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	l := loading{gpus: systemGPUs(), release: func() error { return nil }, progress: progress, log: slog.New(slog.DiscardHandler)}
	return l.open(ctx, path, p)
}

// loading is what a load needs besides the file.
type loading struct {
	gpus     gpuSource
	release  func() error // called once the file proves to hold a model, before memory is taken for it
	progress func(Progress)
	log      *slog.Logger
}

// open loads the model at path.
func (l loading) open(ctx context.Context, path string, p Placement) (m *LoadedModel, err error) {
	start := time.Now()
	l.progress(Progress{Stage: StageOpen})
	m = &LoadedModel{asked: p, path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
			m = nil
		}
	}()
	if m.file, err = gguf.Open(path); err != nil {
		return m, err
	}
	if m.arch, _, err = model.Architecture(m.file); err != nil {
		return m, err
	}
	if err := ctx.Err(); err != nil { // reading a large vocabulary took its time, and what follows does too
		return m, err
	}
	if m.kv, err = p.kvType(); err != nil {
		return m, err
	}
	m.size = p.contextOf(m.file, m.arch)
	if err := m.readText(); err != nil {
		return m, err
	}
	if err := ctx.Err(); err != nil {
		return m, err
	}
	if err := l.release(); err != nil {
		l.log.Error("freeing the previous model", "err", err)
	}
	err = m.build(ctx, p, l)
	if err != nil && ctx.Err() == nil && m.usesGPU() && (p.Device == "" || p.Device == "auto") {
		l.log.Warn("loading on the GPU failed", "err", err)
		m.warnings = append(m.warnings, fmt.Sprintf("The GPU is not used: %v.", err))
		if err := m.release(); err != nil {
			l.log.Error("freeing the GPU", "err", err)
		}
		p.Device = "cpu"
		err = m.build(ctx, p, l)
	}
	if err != nil {
		return m, err
	}
	m.took = time.Since(start)
	return m, nil
}

// build opens the devices, loads the weights, and makes the session.
func (m *LoadedModel) build(ctx context.Context, p Placement, l loading) error {
	if p.Device != "cpu" {
		m.gpus = l.gpus
	}
	resident := residentBytes()
	where, err := m.place(ctx, p, l.gpus, m.kv, m.size, l.progress)
	m.gpuLayers = where.gpuLayers
	m.warnings = append(m.warnings, where.warnings...)
	if err != nil {
		return err
	}
	stage := StageRead
	if where.gpuLayers > 0 {
		stage = StageUpload
	}
	free := m.freeOnGPUs()
	report := throttle(l.progress)
	m.model, err = model.Open(ctx, m.file, where.Placement, model.Options{Rows: where.rows, Context: m.size}, func(done, total int64) {
		report(Progress{Stage: stage, Done: done, Total: total})
	})
	if err != nil {
		return err
	}
	m.cache, err = m.model.NewCache(m.size, m.kv)
	if errors.Is(err, model.ErrUnsupported) && m.kv != gguf.F16 {
		m.warnings = append(m.warnings, fmt.Sprintf("The KV cache is kept as F16: %v.", err))
		m.kv = gguf.F16
		m.cache, err = m.model.NewCache(m.size, m.kv)
	}
	if err != nil {
		return err
	}
	m.session = newSession(m.model, m.cache)
	// One token now, so that the first answer doesn't wait for page faults, kernels or captures.
	l.progress(Progress{Stage: StageWarm})
	if _, err := m.session.Sync(ctx, []int32{0}, nil); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	m.session.Reset()
	if now := residentBytes(); now > resident && resident > 0 {
		m.measured = now - resident + m.untouched()
	}
	if m.usesGPU() {
		m.measured = max(0, free-m.freeOnGPUs()) // what the process itself grew by is mostly the file, on its way through
	}
	return nil
}

// untouched is what the model has on the CPU and has not written to yet: it takes that memory as a conversation grows.
func (m *LoadedModel) untouched() int64 {
	n := int64(0)
	for _, d := range m.devices {
		if c, ok := d.(*cpu.Device); ok {
			n += c.Untouched()
		}
	}
	return n
}

// freeOnGPUs is the free memory of the GPUs that are open.
func (m *LoadedModel) freeOnGPUs() int64 {
	var n int64
	for _, d := range m.devices {
		if _, ok := d.(*cpu.Device); !ok {
			n += max(0, d.Memory().Free)
		}
	}
	return n
}

// usesGPU reports whether any device but the CPU is open.
func (m *LoadedModel) usesGPU() bool { return m.gpuLayers > 0 }

// fallBack moves the model to the CPU after its GPU has failed, with the timeline ids, so that an answer goes on where
// it was.
func (m *LoadedModel) fallBack(ctx context.Context, ids []int32, log *slog.Logger) error {
	for _, d := range m.devices {
		if gpu, ok := d.(interface{ Abandon() }); ok {
			gpu.Abandon() // what it was doing may never end
		}
	}
	if err := m.release(); err != nil {
		log.Error("freeing the GPU", "err", err)
	}
	p := m.asked
	p.Device = "cpu"
	l := loading{progress: func(Progress) {}, log: log}
	if err := m.build(ctx, p, l); err != nil {
		return err
	}
	_, err := m.session.Sync(ctx, ids, nil)
	return err
}

// readText makes the tokenizer and the chat template. A file without them can still be measured, so what is missing
// is kept for whoever asks for text.
func (m *LoadedModel) readText() error {
	m.tokenizer, m.noText = tokenizer.New(m.file.Metadata)
	if m.noText != nil {
		m.warnings = append(m.warnings, "This file can't chat: "+m.noText.Error())
		return nil
	}
	if w := m.tokenizer.Warning(); w != "" {
		m.warnings = append(m.warnings, w)
	}
	source, _ := m.file.Metadata.String("tokenizer.chat_template")
	bos, eos := m.tokenizer.BOSText(), m.tokenizer.EOSText()
	template, warning, err := chat.NewTemplate(source, bos, eos)
	if err != nil { // the name of a format that Burble doesn't know: better a poor answer than none
		cause := err
		if template, _, err = chat.NewTemplate("", bos, eos); err != nil {
			return fmt.Errorf("chat template: %w", err)
		}
		warning = fmt.Sprintf("The model's chat template could not be used (%v); the ChatML format is used instead, so answers may be worse.", cause)
	}
	m.template = template
	if warning != "" {
		m.warnings = append(m.warnings, warning)
	}
	return nil
}

// Info describes the model.
func (m *LoadedModel) Info() ModelInfo {
	name, ok := m.file.Metadata.String("general.name")
	if !ok || name == "" {
		name = filepath.Base(m.path)
	}
	predicted, err := Predict(m.file, m.asked)
	if err != nil {
		predicted = Prediction{} // it has been loaded all the same
	}
	dev := m.devices[0] // GPUs are opened first, the best of them before the others
	return ModelInfo{
		Path:          m.path,
		Name:          name,
		Architecture:  m.arch,
		Quantisation:  m.file.Quantisation(),
		Parameters:    m.file.Parameters(),
		FileBytes:     m.file.Size(),
		ContextTrain:  m.model.Context,
		ContextSize:   m.cache.Size(),
		Device:        dev.Name(),
		DeviceMemory:  dev.Memory(),
		Predicted:     predicted,
		Measured:      m.measured,
		Layers:        m.model.Layers,
		GPULayers:     m.gpuLayers,
		ThinkingModel: m.template != nil && m.template.Thinks(),

		ThinkingSwitch: m.template != nil && m.template.HasSwitch(),
		ThinkingEffort: m.template != nil && m.template.HasEffort(),
		Recommended:    recommended(m.file.Metadata),
	}
}

// throttle passes on the first report, the last of each stage, and about thirty a second between.
func throttle(report func(Progress)) func(Progress) {
	var last time.Time
	return func(p Progress) {
		if now := time.Now(); p.Done == 0 || p.Done >= p.Total || now.Sub(last) > 33*time.Millisecond {
			last = now
			report(p)
		}
	}
}
